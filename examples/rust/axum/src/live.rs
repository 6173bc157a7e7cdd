//! A live query as server-sent events.

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::{Stream, StreamExt as _};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;
use ubiqlite::Watch;

// #region events
/// Sends each result of a query as one event, the rows as JSON. It ends with the server: a
/// response without an end would keep it from shutting down.
pub(crate) fn events<T: DeserializeOwned + Serialize>(
    live: Watch,
    mut stopping: watch::Receiver<bool>,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    let stopped = async move {
        // It fails when the sender is gone: then the server has stopped too.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    let events = live.map(|update| match update.and_then(|update| update.rows::<T>()) {
        Ok(rows) => Event::default().event("items").json_data(rows),
        Err(error) => Ok(Event::default().event("failed").data(error.kind().name())),
    });
    Sse::new(events.take_until(Box::pin(stopped))).keep_alive(KeepAlive::default())
}
// #endregion events
