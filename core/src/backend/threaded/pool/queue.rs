//! Who waits for a slot, and for how long.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Claim, Pool};
use crate::error::{Error, ErrorKind};
use crate::platform::timer;

/// If no slot came back for this long while somebody waits, all of them are busy with long
/// statements: another is taken from the reserve.
const LONG: Duration = Duration::from_millis(10);

/// A waiter for a slot. Dropped without a grant, it reports to its caller that the database is
/// closed.
pub(in crate::backend::threaded) trait Waiter: Send {
    fn is_cancelled(&self) -> bool;
    /// Called without any lock held.
    fn grant(self: Box<Self>, claim: Claim);
    /// Ends the wait with an error. Called without any lock held.
    fn refuse(self: Box<Self>, error: Error);
}

impl std::fmt::Debug for dyn Waiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waiter")
    }
}

/// Returns the error for a waiter that waited too long for a connection.
fn timed_out(patience: Duration) -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!(
            "no connection was free within {patience:?}: all are in use; release one, or raise the number of sessions or readers, or the acquire timeout"
        ),
    )
}

#[derive(Debug)]
pub(super) struct QueuedWaiter {
    waiter: Box<dyn Waiter>,
    since: Instant,
}

/// A slot in the reserve.
#[derive(Debug)]
pub(super) struct Resting {
    pub(super) index: usize,
    /// When it came to rest, if its connection may be open.
    pub(super) since: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct PoolQueue {
    /// In order of request.
    waiters: VecDeque<QueuedWaiter>,
    /// Slots that nobody may claim yet. Each stands in for one that is held or busy for long, so
    /// that a caller with many slots never keeps others from reading. The last one was the last to
    /// be used.
    pub(super) reserve: Vec<Resting>,
    /// Claims that last until their holder ends them.
    pub(super) held: usize,
    /// How many more slots than the pool's size are outside the reserve.
    pub(super) extra: usize,
    /// Counts grants to waiters.
    granted: u64,
    /// A timer is pending; holds the number of grants when it was set.
    watched: Option<u64>,
    closed: bool,
}

impl PoolQueue {
    pub(super) fn new(reserve: impl Iterator<Item = usize>) -> Self {
        Self {
            waiters: VecDeque::new(),
            reserve: reserve.map(|index| Resting { index, since: None }).collect(),
            held: 0,
            extra: 0,
            granted: 0,
            watched: None,
            closed: false,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiters.is_empty() && self.held == 0
    }

    /// Accepts no more waiters, and returns those there are.
    pub(super) fn close(&mut self) -> VecDeque<QueuedWaiter> {
        self.closed = true;
        std::mem::take(&mut self.waiters)
    }
}

impl Pool {
    /// Grants the waiter a slot, now or in its turn, or refuses it once it has waited too long.
    pub(in crate::backend::threaded) fn claim(self: &Arc<Self>, waiter: Box<dyn Waiter>) {
        if let Some(claim) = self.try_claim() {
            waiter.grant(claim);
            return;
        }
        {
            let mut queue = self.queue();
            if queue.closed {
                drop(queue);
                drop(waiter);
                return;
            }
            queue.waiters.push_back(QueuedWaiter { waiter, since: Instant::now() });
            self.waiting.fetch_add(1, Ordering::SeqCst);
            self.watch(&mut queue);
        }
        if let Some(index) = self.stand_in() {
            self.give_back(index);
            return;
        }
        // A slot returned just before the queue grew was granted to nobody.
        if let Some(index) = self.grab() {
            self.give_back(index);
        }
    }

    pub(super) fn next_waiter(&self) -> Option<Box<dyn Waiter>> {
        let mut cancelled = Vec::new();
        let mut queue = self.queue();
        let next = loop {
            match queue.waiters.pop_front() {
                Some(QueuedWaiter { waiter, since }) => {
                    self.waiting.fetch_sub(1, Ordering::SeqCst);
                    if !waiter.is_cancelled() {
                        self.waits.add(since.elapsed());
                        queue.granted += 1;
                        break Some(waiter);
                    }
                    cancelled.push(waiter);
                }
                None => break None,
            }
        };
        if self.closing.load(Ordering::SeqCst) {
            self.returned.notify_all();
        }
        drop(queue);
        next
    }

    /// Schedules a look at the queue while somebody waits. Nothing else sets a timer, so a caller
    /// that finds a free slot costs none.
    fn watch(self: &Arc<Self>, queue: &mut PoolQueue) {
        if queue.watched.is_some() {
            return;
        }
        let Some(first) = queue.waiters.front() else { return };
        let deadline = first.since.checked_add(self.patience);
        let at = if queue.reserve.is_empty() {
            deadline
        } else {
            let soon = Instant::now() + LONG;
            Some(deadline.map_or(soon, |deadline| deadline.min(soon)))
        };
        // A deadline beyond what the clock can express never comes.
        let Some(at) = at else { return };
        queue.watched = Some(queue.granted);
        let pool = Arc::downgrade(self);
        timer::schedule(at, move || {
            if let Some(pool) = pool.upgrade() {
                pool.look();
            }
        });
    }

    /// Refuses waiters that have waited too long, and opens another slot for the first one if none
    /// came back for a long time.
    fn look(self: &Arc<Self>) {
        let mut overdue = Vec::new();
        let mut opened = None;
        {
            let mut queue = self.queue();
            let before = queue.watched.take();
            let now = Instant::now();
            while let Some(first) = queue.waiters.front()
                && now.saturating_duration_since(first.since) >= self.patience
            {
                overdue.extend(queue.waiters.pop_front());
                self.waiting.fetch_sub(1, Ordering::SeqCst);
            }
            if let Some(first) = queue.waiters.front()
                && now.saturating_duration_since(first.since) >= LONG
                && before == Some(queue.granted)
            {
                opened = self.take_one(&mut queue);
            }
            self.watch(&mut queue);
            if self.closing.load(Ordering::SeqCst) {
                self.returned.notify_all();
            }
        }
        for QueuedWaiter { waiter, .. } in overdue {
            waiter.refuse(timed_out(self.patience));
        }
        if let Some(index) = opened {
            self.give_back(index);
        }
    }
}
