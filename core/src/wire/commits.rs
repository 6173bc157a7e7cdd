//! Commit feeds of a client: each event travels as rows of one column.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cells::Cells;
use super::fifo_lock::FifoLock;
use super::reply::Outcome;
use super::request::RequestHead;
use super::server::{RequestFuture, ServerInner};
use crate::api::commits::Commits;
use crate::changes::RowChangeKind;
use crate::error::Result;
use crate::exec::stream::in_time;
use crate::live::CommitEvent;
use crate::row::Rows;
use crate::value::{Value, ValueRef};

/// A commit feed, and what its client has of it.
pub(super) struct CommitsHandle {
    state: Mutex<CommitsState>,
    /// Its calls run in the order they were requested.
    lock: Arc<FifoLock>,
}

struct CommitsState {
    feed: Commits,
    /// The number of the last event that was sent; 0 before the first.
    sent: u32,
    last: Rows,
}

impl CommitsHandle {
    pub(super) fn new(feed: Commits) -> Self {
        let state = CommitsState { feed, sent: 0, last: Rows::default() };
        Self { state: Mutex::new(state), lock: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, CommitsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next event for a client that has the one with the number `has`, or the last one
    /// again if the client has not received it; `None` once the database is closed.
    async fn next(&self, head: RequestHead, has: u32) -> Result<Option<Rows>> {
        let ticket = FifoLock::enter(&self.lock);
        ticket.first().await?;
        let lost = {
            let state = self.state();
            (state.sent != 0 && has != state.sent).then(|| state.last.clone())
        };
        if lost.is_some() {
            return Ok(lost);
        }
        let next = in_time(head.timeout, |cx| {
            let mut state = self.state();
            let next = std::task::ready!(state.feed.poll_event(cx)).transpose();
            std::task::Poll::Ready(next.map(|event| event.map(|event| state.send(&event))))
        });
        next.await
    }
}

impl ServerInner {
    /// Returns the work of fetching the next event of a commit feed, for a client that has the one
    /// with the number `has`.
    pub(super) fn next_commit(
        self: Arc<Self>,
        head: RequestHead,
        commits: Arc<CommitsHandle>,
        has: u32,
    ) -> RequestFuture {
        Box::pin(async move {
            let next = commits.next(head, has).await;
            self.end_unless_more(head.handle, &next);
            Ok(Outcome::Next(next?))
        })
    }
}

impl CommitsState {
    fn send(&mut self, event: &CommitEvent) -> Rows {
        self.sent = self.sent.wrapping_add(1).max(1);
        self.last = rows_of(event, self.sent);
        self.last.clone()
    }
}

/// Returns an event as rows: see [`op::COMMITS`](super::numbers::op::COMMITS).
fn rows_of(event: &CommitEvent, number: u32) -> Rows {
    let flags =
        i64::from(event.everything) | i64::from(event.schema) << 1 | i64::from(event.external) << 2;
    let mut cells = Cells::default();
    cells.push(ValueRef::Integer(i64::from(number)));
    cells.push(ValueRef::Integer(event.moment.cast_signed()));
    cells.push(ValueRef::Integer(flags));
    for table in &event.tables {
        cells.push(ValueRef::Text(table.name.as_bytes()));
        let rows = table.rows.as_deref();
        let width = rows.and_then(|rows| rows.first()).map_or(0, |row| row.key.len());
        cells.count(width);
        cells.count(rows.map_or(0, <[_]>::len));
        for row in rows.into_iter().flatten() {
            cells.count(match row.kind {
                RowChangeKind::Insert => 0,
                RowChangeKind::Update => 1,
                RowChangeKind::Delete => 2,
            });
            row.key.iter().map(Value::as_ref).for_each(|value| cells.push(value));
        }
    }
    cells.finish()
}
