//! Errors as HTTP responses.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use ubiqlite::ErrorKind;
use ubiqlite_tower_sessions::error_kind;

/// Why a request was not done.
#[derive(Debug)]
pub enum Error {
    /// Nobody is logged in.
    NotLoggedIn,
    /// It was removed, or was never there.
    NoSuchItem,
    /// The session could not be read or written.
    Session(tower_sessions::session::Error),
    /// The database refused.
    Database(ubiqlite::Error),
}

impl From<ubiqlite::Error> for Error {
    fn from(error: ubiqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<tower_sessions::session::Error> for Error {
    fn from(error: tower_sessions::session::Error) -> Self {
        Self::Session(error)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, message) = match &self {
            Self::NotLoggedIn => (StatusCode::UNAUTHORIZED, "log in first"),
            Self::NoSuchItem => (StatusCode::NOT_FOUND, "there is no such item"),
            Self::Session(error) => match kind_of(error) {
                Some(kind) => of_kind(kind),
                None => BROKEN,
            },
            Self::Database(error) => of_kind(error.kind()),
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            // What went wrong is for the operator, not for whoever asked.
            eprintln!("{self:?}");
        }
        let body = Json(json!({ "error": message }));
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                (status, [(header::RETRY_AFTER, "1")], body).into_response()
            }
            _ => (status, body).into_response(),
        }
    }
}

// #region kinds
fn of_kind(kind: ErrorKind) -> (StatusCode, &'static str) {
    match kind {
        ErrorKind::UniqueViolation => (StatusCode::CONFLICT, "that is there already"),
        ErrorKind::CheckViolation | ErrorKind::NotNullViolation => {
            (StatusCode::UNPROCESSABLE_ENTITY, "that is not allowed")
        }
        // Nothing has happened, and it may work later.
        ErrorKind::Busy | ErrorKind::Timeout | ErrorKind::Closed => {
            (StatusCode::SERVICE_UNAVAILABLE, "try again later")
        }
        _ => BROKEN,
    }
}
// #endregion kinds

const BROKEN: (StatusCode, &str) = (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong");

fn kind_of(error: &tower_sessions::session::Error) -> Option<ErrorKind> {
    match error {
        tower_sessions::session::Error::Store(error) => error_kind(error),
        tower_sessions::session::Error::SerdeJson(_) => None,
    }
}
