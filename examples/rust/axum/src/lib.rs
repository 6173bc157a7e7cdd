//! A shopping list for several people: axum, sessions, a live query.

mod error;
mod live;

use std::future::Future;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_sessions::{ExpiredDeletion as _, Session, SessionManagerLayer};
use ubiqlite::{Database, Migrations, migrations, params};
use ubiqlite_tower_sessions::UbiqliteStore;

pub use error::Error;

/// Returns the tables, which opening brings up to date.
///
/// # Errors
/// A migration's file that cannot be read as one.
pub fn schema() -> ubiqlite::Result<Migrations> {
    migrations!("migrations")
}

/// An item of the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its number.
    pub id: i64,
    /// What to buy.
    pub name: String,
    /// Who wants it.
    pub added_by: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Clone)]
struct App {
    database: Database,
    stopping: watch::Receiver<bool>,
}

// #region serve
/// Serves until `stop` is ready. Then open requests are finished, live queries end, and the database
/// is closed: what was written is on the disk when this returns.
///
/// # Errors
/// Those of the database and of the network.
pub async fn serve(
    listener: TcpListener,
    database: Database,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (stopped, stopping) = watch::channel(false);
    let router = router(database.clone(), stopping).await?;
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            stop.await;
            stopped.send_replace(true);
        })
        .await?;
    database.close().await?;
    Ok(())
}
// #endregion serve

/// Returns the routes. `stopping` becomes true when the server ends.
///
/// # Errors
/// Those of the database.
pub async fn router(
    database: Database,
    stopping: watch::Receiver<bool>,
) -> Result<Router, Box<dyn std::error::Error + Send + Sync>> {
    let sessions = UbiqliteStore::new(database.clone());
    sessions.migrate().await?;
    sessions.delete_expired().await?;
    Ok(Router::new()
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/items", get(items).post(add))
        .route("/items/live", get(live_items))
        .route("/items/{id}", delete(remove))
        // In production the cookie is for HTTPS alone: leave `with_secure` out.
        .layer(SessionManagerLayer::new(sessions).with_secure(false))
        .with_state(App { database, stopping }))
}

async fn login(session: Session, Json(user): Json<Named>) -> Result<StatusCode, Error> {
    // Another id than before: nobody knows it who has put an id into this browser.
    session.cycle_id().await?;
    session.insert("user", user.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn logout(session: Session) -> Result<StatusCode, Error> {
    session.flush().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn items(State(app): State<App>) -> Result<Json<Vec<Item>>, Error> {
    Ok(Json(app.database.query(ITEMS, ()).await?))
}

async fn live_items(State(app): State<App>) -> impl IntoResponse {
    live::events::<Item>(app.database.watch(ITEMS, ()), app.stopping)
}

const ITEMS: &str = "SELECT id, name, added_by FROM items ORDER BY id";

// #region add
async fn add(
    State(app): State<App>,
    session: Session,
    Json(item): Json<Named>,
) -> Result<(StatusCode, Json<Item>), Error> {
    let user: String = session.get("user").await?.ok_or(Error::NotLoggedIn)?;
    let sql = "INSERT INTO items (name, added_by) VALUES (?, ?) RETURNING id, name, added_by";
    let added = app.database.query_one(sql, params![item.name, user]).await?;
    Ok((StatusCode::CREATED, Json(added)))
}
// #endregion add

async fn remove(
    State(app): State<App>,
    session: Session,
    Path(id): Path<i64>,
) -> Result<StatusCode, Error> {
    let _: String = session.get("user").await?.ok_or(Error::NotLoggedIn)?;
    match app.database.table("items").delete(id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Error::NoSuchItem),
    }
}
