//! Rows, page by page.

use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use super::lent::Slot;
use super::own::Own;
use super::pool::{self, Place};
use super::turns::Turn;
use super::{Shared, lent, read};
use crate::backend::course::Course;
use crate::backend::{Pages, Reply};
use crate::engine::{Connection, Cursor, context};
use crate::error::{Error, Result};
use crate::row::Page;
use crate::sql::Params;

/// A running query, stepped when its next page is requested.
pub(super) struct LocalPages {
    shared: Arc<Shared>,
    slot: Slot,
    cursor: Option<Cursor>,
    /// What is known about the transaction that it is in.
    course: Option<Arc<Course>>,
    // After the cursor: what it runs on is returned once it has ended.
    on: On,
}

/// What the query runs on.
enum On {
    /// Its own connection, and the turn where commits would wait for it.
    Place {
        #[expect(dead_code, reason = "given back by its drop")]
        place: Place,
        #[expect(dead_code, reason = "given on by its drop")]
        turn: Option<Arc<Turn>>,
    },
    /// The connection of a transaction or a snapshot, which outlives it.
    Lent,
    /// The connection of a session, which has the turn where commits would wait for it.
    Session(Weak<Own>),
}

/// Starts a query on its own connection, so that other work continues alongside it.
pub(super) fn start(shared: &Arc<Shared>, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
    let sql = sql.to_owned();
    pool::lend_reader(shared, move |place, turn| on_place(place, turn, &sql, params))
}

fn on_place(
    place: Place,
    turn: Option<Arc<Turn>>,
    sql: &str,
    params: Params,
) -> Result<Box<dyn Pages>> {
    let (shared, slot) = (Arc::clone(place.shared()), Arc::clone(place.slot()));
    let cursor = read::with(&shared, &slot, |connection| connection.open_cursor(sql, params))?;
    let on = On::Place { place, turn };
    Ok(Box::new(LocalPages { shared, slot, cursor: Some(cursor), course: None, on }))
}

impl LocalPages {
    /// A query on the connection of a transaction or a snapshot.
    pub(super) fn inside(
        shared: &Arc<Shared>,
        slot: &Slot,
        cursor: Cursor,
        course: Option<&Arc<Course>>,
    ) -> Self {
        let (shared, slot, course) = (Arc::clone(shared), Arc::clone(slot), course.cloned());
        Self { shared, slot, cursor: Some(cursor), course, on: On::Lent }
    }

    /// A query on a session's connection.
    pub(super) fn of_session(own: &Arc<Own>, cursor: Cursor) -> Self {
        let (shared, slot) = (Arc::clone(own.shared()), Arc::clone(own.slot()));
        let course = Some(Arc::clone(own.course()));
        Self { shared, slot, cursor: Some(cursor), course, on: On::Session(Arc::downgrade(own)) }
    }
}

impl Pages for LocalPages {
    fn poll_next(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Option<Page>>> {
        let Some(cursor) = &mut self.cursor else { return Poll::Ready(Ok(None)) };
        let course = self.course.as_ref();
        let next = |connection: &mut Connection| {
            // SQLite lets a reading statement continue after its transaction is undone.
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
        if let On::Session(own) = &self.on
            && let Some(own) = own.upgrade()
        {
            own.end_turn();
        }
    }
}
