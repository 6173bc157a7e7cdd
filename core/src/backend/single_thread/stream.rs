//! Rows, page by page.

use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use super::connection_cell::ConnectionCell;
use super::dedicated::DedicatedState;
use super::pool::{self, PoolGuard};
use super::write_queue::WritePermit;
use super::{SingleThreadShared, connection_cell, read};
use crate::backend::call_times;
use crate::backend::transaction_state::TransactionState;
use crate::backend::{Pages, Reply};
use crate::engine::{Connection, Cursor, context};
use crate::error::{Error, Result};
use crate::row::Page;
use crate::sql::Params;

/// A running query, stepped when its next page is requested.
pub(super) struct CursorPages {
    shared: Arc<SingleThreadShared>,
    slot: ConnectionCell,
    cursor: Option<Cursor>,
    /// What is known about the transaction that it is in.
    transaction: Option<Arc<TransactionState>>,
    // After the cursor: what it runs on is returned once it has ended.
    on: Source,
}

/// What the query runs on.
enum Source {
    /// Its own connection, and the permit where commits would wait for it.
    OwnReader {
        #[expect(dead_code, reason = "given back by its drop")]
        guard: PoolGuard,
        permit: Option<Arc<WritePermit>>,
    },
    /// The connection of a transaction or a snapshot, which outlives it; and that of the snapshot's
    /// permit, if it has one.
    Inside(Option<Arc<WritePermit>>),
    /// The connection of a session, which has the permit where commits would wait for it.
    Session(Weak<DedicatedState>),
}

/// Starts a query on its own connection, so that other work continues alongside it.
pub(super) fn start(
    shared: &Arc<SingleThreadShared>,
    sql: &str,
    params: Params,
) -> Reply<Box<dyn Pages>> {
    let sql = sql.to_owned();
    pool::with_reader(shared, move |guard, permit| on_guard(guard, permit, &sql, params))
}

fn on_guard(
    guard: PoolGuard,
    permit: Option<Arc<WritePermit>>,
    sql: &str,
    params: Params,
) -> Result<Box<dyn Pages>> {
    let (shared, slot) = (Arc::clone(guard.shared()), Arc::clone(guard.slot()));
    let cursor = read::with(&shared, &slot, |connection| connection.open_cursor(sql, params))?;
    let on = Source::OwnReader { guard, permit };
    Ok(Box::new(CursorPages { shared, slot, cursor: Some(cursor), transaction: None, on }))
}

impl CursorPages {
    /// A query on the connection of a transaction or a snapshot.
    pub(super) fn inside(
        shared: &Arc<SingleThreadShared>,
        slot: &ConnectionCell,
        cursor: Cursor,
        transaction: Option<&Arc<TransactionState>>,
        permit: Option<Arc<WritePermit>>,
    ) -> Self {
        let (shared, slot, transaction) =
            (Arc::clone(shared), Arc::clone(slot), transaction.cloned());
        Self { shared, slot, cursor: Some(cursor), transaction, on: Source::Inside(permit) }
    }

    /// A query on a session's connection.
    pub(super) fn of_session(own: &Arc<DedicatedState>, cursor: Cursor) -> Self {
        let (shared, slot) = (Arc::clone(own.shared()), Arc::clone(own.slot()));
        let transaction = Some(Arc::clone(own.transaction()));
        Self {
            shared,
            slot,
            cursor: Some(cursor),
            transaction,
            on: Source::Session(Arc::downgrade(own)),
        }
    }
}

impl Pages for CursorPages {
    fn poll_next(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Option<Page>>> {
        let Some(cursor) = &mut self.cursor else { return Poll::Ready(Ok(None)) };
        let transaction = self.transaction.as_ref();
        let next = |connection: &mut Connection| {
            // SQLite lets a reading statement continue after its transaction is undone.
            if transaction.is_some_and(|transaction| transaction.is_lost(connection)) {
                return Err(Error::transaction_lost());
            }
            cursor.next_page()
        };
        let page = call_times::measure(|| read::with(&self.shared, &self.slot, next));
        match &self.on {
            Source::OwnReader { permit: Some(permit), .. } | Source::Inside(Some(permit)) => {
                permit.note_progress();
            }
            Source::Inside(None) if self.transaction.as_ref().is_some_and(|it| it.is_open()) => {
                self.shared.queue.note_progress();
            }
            Source::Session(own) => {
                if let Some(own) = own.upgrade() {
                    own.note_progress();
                }
            }
            _ => {}
        }
        Poll::Ready(page)
    }

    fn recycle(&mut self, page: Page) {
        if let Some(cursor) = &mut self.cursor {
            cursor.reuse(Some(page));
        }
    }
}

impl Drop for CursorPages {
    fn drop(&mut self) {
        let Some(cursor) = self.cursor.take() else { return };
        let _caller = context::enter(None);
        let mut cursor = Some(cursor);
        connection_cell::with(&self.slot, |connection| {
            if let Some(cursor) = cursor.take() {
                connection.close_cursor(cursor);
            }
        });
        if let Some(cursor) = cursor {
            // Its connection is closed, and every statement with it.
            std::mem::forget(cursor);
        }
        if let Source::Session(own) = &self.on
            && let Some(own) = own.upgrade()
        {
            own.end_permit();
        }
    }
}
