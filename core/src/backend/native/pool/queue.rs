//! Who waits for a slot, and for how long.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Claim, Pool};
use crate::error::{Error, ErrorKind};
use crate::platform::timer;

/// When no slot came back for so long while somebody waits, all of them are busy
/// with long statements: another is taken from the reserve.
const LONG: Duration = Duration::from_millis(10);

/// Somebody who waits for a slot. Dropped without a grant, it tells its caller
/// that the database is closed.
pub(in crate::backend::native) trait Waiter: Send {
    fn is_given_up(&self) -> bool;
    /// Called without any lock held.
    fn grant(self: Box<Self>, claim: Claim);
    /// Ends the waiting by an error. Called without any lock held.
    fn refuse(self: Box<Self>, error: Error);
}

impl std::fmt::Debug for dyn Waiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waiter")
    }
}

/// The error of whoever waited for a connection for too long.
fn timed_out(patience: Duration) -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!(
            "no connection was free within {patience:?}: all are lent out or busy; give some back, or raise the number of sessions or readers, or the acquire timeout"
        ),
    )
}

#[derive(Debug)]
pub(super) struct Waiting {
    waiter: Box<dyn Waiter>,
    since: Instant,
}

/// A slot in the reserve.
#[derive(Debug)]
pub(super) struct Resting {
    pub(super) index: usize,
    /// Since when, if its connection may be open.
    pub(super) since: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Queue {
    /// In the order of asking.
    waiters: VecDeque<Waiting>,
    /// Slots that nobody may claim yet: each stands in for one that is held, or
    /// busy, for long, so that whoever has many never keeps the others from
    /// reading. The last one was used last.
    pub(super) reserve: Vec<Resting>,
    /// Claims that last until their holder ends them.
    pub(super) held: usize,
    /// How many slots more than the pool's size are not in the reserve.
    pub(super) extra: usize,
    /// Counts grants to those who waited.
    granted: u64,
    /// A timer is pending, set when so many were granted.
    watched: Option<u64>,
    closed: bool,
}

impl Queue {
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

    /// Takes nobody any more, and returns who waited.
    pub(super) fn close(&mut self) -> VecDeque<Waiting> {
        self.closed = true;
        std::mem::take(&mut self.waiters)
    }
}

impl Pool {
    /// Grants the waiter a slot now, or in its turn, or refuses it when it has
    /// waited for too long.
    pub(in crate::backend::native) fn claim(self: &Arc<Self>, waiter: Box<dyn Waiter>) {
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
            queue.waiters.push_back(Waiting { waiter, since: Instant::now() });
            self.waiting.fetch_add(1, Ordering::SeqCst);
            self.watch(&mut queue);
        }
        if let Some(index) = self.stand_in() {
            self.give_back(index);
            return;
        }
        // A slot given back just before the queue had grown was given to nobody.
        if let Some(index) = self.grab() {
            self.give_back(index);
        }
    }

    pub(super) fn next_waiter(&self) -> Option<Box<dyn Waiter>> {
        let mut given_up = Vec::new();
        let mut queue = self.queue();
        let next = loop {
            match queue.waiters.pop_front() {
                Some(Waiting { waiter, .. }) => {
                    self.waiting.fetch_sub(1, Ordering::SeqCst);
                    if !waiter.is_given_up() {
                        queue.granted += 1;
                        break Some(waiter);
                    }
                    given_up.push(waiter);
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

    /// Has the queue looked after while somebody waits. Nobody else sets a timer,
    /// so whoever finds a free slot costs none.
    fn watch(self: &Arc<Self>, queue: &mut Queue) {
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
        // One beyond what the clock can express waits for ever.
        let Some(at) = at else { return };
        queue.watched = Some(queue.granted);
        let pool = Arc::downgrade(self);
        timer::schedule(at, move || {
            if let Some(pool) = pool.upgrade() {
                pool.look();
            }
        });
    }

    /// Refuses those who have waited for too long, and opens another slot for the
    /// first one if none came back for long.
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
        for Waiting { waiter, .. } in overdue {
            waiter.refuse(timed_out(self.patience));
        }
        if let Some(index) = opened {
            self.give_back(index);
        }
    }
}
