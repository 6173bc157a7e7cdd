//! Live queries of a client: each result travels as what differs from the one that the client has.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fifo_lock::FifoLock;
use super::reply::Outcome;
use super::request::RequestHead;
use super::server::{RequestFuture, ServerInner};
use crate::api::watch::{Update, Watch};
use crate::error::Result;
use crate::exec::stream::in_time;
use crate::live::{Delta, Diff};
use crate::row::Rows;

/// A live query, and what its client has of it.
pub(super) struct WatchHandle {
    state: Mutex<WatchState>,
    /// Its calls run in the order they were requested.
    pub(super) lock: Arc<FifoLock>,
}

struct WatchState {
    live: Watch,
    /// The number of the last result that was sent, which is `last`; 0 before the first.
    sent: u32,
    last: Option<Update>,
}

/// A result as it travels.
pub(super) struct SentUpdate {
    /// The number of the result, which the client returns when it asks for the next.
    pub(super) number: u32,
    pub(super) moment: u64,
    pub(super) delta: Delta,
    /// The delta is to nothing: the client forgets what it has.
    pub(super) whole: bool,
    /// Which rows are new, gone or different, of a result that follows another.
    pub(super) diff: Diff,
}

impl WatchHandle {
    pub(super) fn new(live: Watch) -> Self {
        let state = WatchState { live, sent: 0, last: None };
        Self { state: Mutex::new(state), lock: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, WatchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next result for a client that has the one with the number `has`; `None` once the
    /// database is closed.
    ///
    /// # Errors
    /// What the query returns; the watch is then over.
    pub(super) async fn next(&self, head: RequestHead, has: u32) -> Result<Option<SentUpdate>> {
        let ticket = FifoLock::enter(&self.lock);
        ticket.first().await?;
        if let Some(lost) = self.state().lost(has) {
            return Ok(Some(lost));
        }
        let next = in_time(head.timeout, |cx| {
            let mut state = self.state();
            let next = std::task::ready!(state.live.poll_update(cx));
            std::task::Poll::Ready(next.transpose().map(|update| update.map(|it| state.send(it))))
        });
        next.await
    }
}

impl ServerInner {
    /// Returns the work of fetching the next result of a watch, for a client that has the one with
    /// the number `has`.
    pub(super) fn next_result(
        self: Arc<Self>,
        head: RequestHead,
        watch: Arc<WatchHandle>,
        has: u32,
    ) -> RequestFuture {
        Box::pin(async move {
            let next = watch.next(head, has).await;
            self.end_unless_more(head.handle, &next);
            Ok(Outcome::Update(next?.map(Box::new)))
        })
    }
}

impl WatchState {
    /// Returns the last result again if the client has not received it, since it had given up its
    /// call by then.
    fn lost(&self, has: u32) -> Option<SentUpdate> {
        let last = self.last.as_ref().filter(|_| has != self.sent)?;
        Some(self.sent(last, None))
    }

    fn send(&mut self, update: Update) -> SentUpdate {
        self.sent = self.sent.wrapping_add(1).max(1);
        let before = self.last.replace(update.clone());
        self.sent(&update, before.as_ref())
    }

    fn sent(&self, update: &Update, before: Option<&Update>) -> SentUpdate {
        let (number, moment, whole) = (self.sent, update.moment(), before.is_none());
        match before {
            Some(before) => {
                let (before, now): (&Rows, &Rows) = (before.result(), update.result());
                let delta = Delta::of(before, now);
                let diff = Diff::of(&delta, before, now, &update.key_columns());
                SentUpdate { number, moment, delta, whole, diff }
            }
            None => {
                let delta = Delta::whole(update.result());
                SentUpdate { number, moment, delta, whole, diff: Diff::default() }
            }
        }
    }
}
