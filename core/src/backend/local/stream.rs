//! Rows page by page.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::lent::Slot;
use super::pool::{self, Place, Which};
use super::turns::Turn;
use super::{Shared, lent, read};
use crate::backend::course::Course;
use crate::backend::{Pages, Reply};
use crate::engine::{Connection, Cursor, context};
use crate::error::{Error, Result};
use crate::row::Page;
use crate::sql::Params;

/// A running query, stepped when its next page is asked for.
pub(super) struct LocalPages {
    shared: Arc<Shared>,
    slot: Slot,
    cursor: Option<Cursor>,
    /// What is known of the transaction that it is in.
    course: Option<Arc<Course>>,
    // After the cursor: what it runs on is given back when it has ended.
    _on: On,
}

/// What the query runs on.
enum On {
    /// A connection of its own.
    Place(#[expect(dead_code, reason = "given back by its drop")] Place),
    /// The one connection.
    Turn(#[expect(dead_code, reason = "given on by its drop")] Turn),
    /// That of a session, which lives longer.
    Session,
}

/// Starts a query: on a connection of its own, so that writes go on beside it;
/// where there is only one, in a turn.
pub(super) fn start(shared: &Arc<Shared>, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
    let sql = sql.to_owned();
    if shared.several() {
        return match pool::try_take(shared, Which::Readers) {
            Some(place) => Reply::ready(place.and_then(|place| on_place(place, &sql, params))),
            None => {
                let place = pool::take(shared, Which::Readers);
                Reply::later(Box::pin(async move { on_place(place.await?, &sql, params) }))
            }
        };
    }
    if let Some(turn) = shared.turns.try_take() {
        return Reply::ready(in_turn(shared, turn, &sql, params));
    }
    let turn = shared.turns.take(shared.options.acquire_timeout);
    let shared = Arc::clone(shared);
    Reply::later(Box::pin(async move { in_turn(&shared, turn.await?, &sql, params) }))
}

fn on_place(place: Place, sql: &str, params: Params) -> Result<Box<dyn Pages>> {
    let (shared, slot) = (Arc::clone(place.shared()), Arc::clone(place.slot()));
    let cursor = read::with(&shared, &slot, |connection| connection.open_cursor(sql, params))?;
    Ok(Box::new(LocalPages {
        shared,
        slot,
        cursor: Some(cursor),
        course: None,
        _on: On::Place(place),
    }))
}

fn in_turn(shared: &Arc<Shared>, turn: Turn, sql: &str, params: Params) -> Result<Box<dyn Pages>> {
    let slot = Arc::clone(&shared.writer);
    let cursor = read::with(shared, &slot, |connection| connection.open_cursor(sql, params))?;
    let shared = Arc::clone(shared);
    Ok(Box::new(LocalPages {
        shared,
        slot,
        cursor: Some(cursor),
        course: None,
        _on: On::Turn(turn),
    }))
}

impl LocalPages {
    /// A query on a session's connection.
    pub(super) fn inside(
        shared: &Arc<Shared>,
        slot: &Slot,
        cursor: Cursor,
        course: Option<&Arc<Course>>,
    ) -> Self {
        let (shared, slot) = (Arc::clone(shared), Arc::clone(slot));
        Self { shared, slot, cursor: Some(cursor), course: course.cloned(), _on: On::Session }
    }
}

impl Pages for LocalPages {
    fn poll_next(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Option<Page>>> {
        let Some(cursor) = &mut self.cursor else { return Poll::Ready(Ok(None)) };
        let course = self.course.as_ref();
        let next = |connection: &mut Connection| {
            // SQLite lets a reading statement go on when its transaction is undone.
            if course.is_some_and(|course| course.is_lost(connection)) {
                return Err(Error::transaction_lost());
            }
            cursor.next_page()
        };
        Poll::Ready(read::with(&self.shared, &self.slot, next))
    }

    fn recycle(&mut self, page: Page) {
        if let Some(cursor) = &mut self.cursor {
            cursor.reuse(Some(page));
        }
    }
}

impl Drop for LocalPages {
    fn drop(&mut self) {
        let Some(cursor) = self.cursor.take() else { return };
        let _caller = context::enter(None);
        let mut cursor = Some(cursor);
        lent::with(&self.slot, |connection| {
            if let Some(cursor) = cursor.take() {
                connection.close_cursor(cursor);
            }
        });
        if let Some(cursor) = cursor {
            // Its connection is closed, and every statement with it.
            std::mem::forget(cursor);
        }
    }
}
