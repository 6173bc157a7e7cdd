//! Live queries of a client: each result travels as what differs from the one that the client has.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use super::fifo_lock::FifoLock;
use super::reply::Outcome;
use super::request::RequestHead;
use super::server::{RequestFuture, ServerInner};
use crate::api::watch::{Update, Watch, WatchAll};
use crate::error::Result;
use crate::exec::stream::in_time;
use crate::live::{Delta, Diff};
use crate::row::Rows;

/// What a client watches: a query, or several whose results are always of one moment.
pub(super) enum Live {
    One(Watch),
    All(WatchAll),
}

/// Live queries, and what their client has of them.
pub(super) struct WatchHandle {
    state: Mutex<WatchProgress>,
    /// Its calls run in the order they were requested.
    lock: Arc<FifoLock>,
}

struct WatchProgress {
    live: Live,
    /// The number of the last results that were sent, which are `last`; 0 before the first.
    sent: u32,
    last: Vec<Update>,
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
    pub(super) fn new(live: Live) -> Self {
        let state = WatchProgress { live, sent: 0, last: Vec::new() };
        Self { state: Mutex::new(state), lock: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, WatchProgress> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next results for a client that has those with the number `has`; `None` once the
    /// database is closed.
    ///
    /// # Errors
    /// What the query returns; the watch is then over.
    async fn next(&self, head: RequestHead, has: u32) -> Result<Option<Vec<SentUpdate>>> {
        let ticket = FifoLock::enter(&self.lock);
        ticket.first().await?;
        if let Some(lost) = self.state().lost(has) {
            return Ok(Some(lost));
        }
        let next = in_time(head.timeout, |cx| {
            let mut state = self.state();
            let next = ready!(state.live.poll(cx)).transpose();
            Poll::Ready(next.map(|updates| updates.map(|updates| state.send(updates))))
        });
        next.await
    }
}

impl Live {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<Update>>>> {
        match self {
            Self::One(watch) => {
                let next = ready!(watch.poll_update(cx));
                Poll::Ready(next.map(|update| update.map(|update| vec![update])))
            }
            Self::All(watch) => watch.poll_updates(cx),
        }
    }

    fn outcome(&self, next: Option<Vec<SentUpdate>>) -> Outcome {
        match self {
            Self::One(_) => Outcome::Update(next.and_then(|mut it| it.pop()).map(Box::new)),
            Self::All(_) => Outcome::Updates(next),
        }
    }
}

impl ServerInner {
    /// Returns the work of fetching the next results of a watch, for a client that has those with
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
            let next = next?;
            Ok(watch.state().live.outcome(next))
        })
    }
}

impl WatchProgress {
    /// Returns the last results again if the client has not received them, since it had given up its
    /// call by then.
    fn lost(&self, has: u32) -> Option<Vec<SentUpdate>> {
        let lost = self.sent != 0 && has != self.sent;
        lost.then(|| self.last.iter().map(|last| self.sent(last, None)).collect())
    }

    fn send(&mut self, updates: Vec<Update>) -> Vec<SentUpdate> {
        self.sent = self.sent.wrapping_add(1).max(1);
        let before = std::mem::replace(&mut self.last, updates);
        let sent = |(index, update)| self.sent(update, before.get(index));
        self.last.iter().enumerate().map(sent).collect()
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
