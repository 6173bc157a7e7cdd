//! Why something was not done.

use std::io;

use ubiqlite::{Error, ErrorKind};

/// A result of this crate.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a statement or a verb was not done, or not to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library's error.
    Database(Error),
    /// Words for the user.
    Message(String),
    /// Ctrl-C.
    Interrupted,
    /// Nothing can be written any more.
    Output(io::Error),
    /// It was said already, where it happened.
    Told,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Message(message.into())
    }

    /// Whether the file itself may be damaged.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Database(error)
            if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotADatabase))
    }

    /// Whether whoever read the output is gone.
    pub(crate) fn is_closed_output(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// What to say of it, without the place.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Database(error) => error.message().to_owned(),
            Self::Message(message) => message.clone(),
            Self::Interrupted => "interrupted".to_owned(),
            Self::Output(error) => format!("cannot write: {error}"),
            Self::Told => String::new(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Cancelled if crate::interrupt::requested() => Self::Interrupted,
            _ => Self::Database(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Returns the failure of a file that was given by name.
pub(crate) fn of_file(path: &std::path::Path, error: &io::Error) -> Failure {
    Failure::Message(format!("{}: {error}", path.display()))
}
