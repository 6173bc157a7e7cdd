//! Slots beyond the pool's size. They stand in for slots that are held or busy for long; then they
//! rest, and what they hold is released.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::queue::{PoolQueue, Resting};
use super::{Claim, Pool};

/// The outcome of looking for a connection to close.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::backend::threaded) enum Tidied {
    /// One was closed; there may be more.
    Closed,
    /// The next one is due at this time.
    Later(Instant),
    /// None is open.
    Nothing,
}

impl Pool {
    /// Counts a claim that lasts until its holder ends it.
    pub(super) fn hold(self: &Arc<Self>) {
        self.queue().held += 1;
        if self.waiting.load(Ordering::SeqCst) > 0
            && let Some(index) = self.stand_in()
        {
            self.give_back(index);
        }
    }

    /// Discounts a claim, which is returned next.
    pub(super) fn end_hold(&self) {
        self.queue().held -= 1;
    }

    /// Returns a slot of the reserve to replace one that is held.
    pub(super) fn stand_in(&self) -> Option<usize> {
        let mut queue = self.queue();
        if queue.held <= queue.extra {
            return None;
        }
        self.take_one(&mut queue)
    }

    /// Returns a slot of the reserve.
    pub(super) fn take_one(&self, queue: &mut PoolQueue) -> Option<usize> {
        let Resting { index, .. } = queue.reserve.pop()?;
        queue.extra += 1;
        if index >= self.size {
            self.strained.fetch_add(1, Ordering::SeqCst);
        }
        Some(index)
    }

    /// Returns all slots of the reserve.
    pub(super) fn take_reserve(self: &Arc<Self>) -> Vec<Claim> {
        let mut queue = self.queue();
        std::iter::from_fn(|| self.take_one(&mut queue))
            .map(|index| Claim::new(self, index))
            .collect()
    }

    /// Decides what becomes of a slot returned by its holder while more slots than usual are out.
    /// Returns the slot that is now free, if any. Slots beyond the pool's size go back into the
    /// reserve first. A waiter still finds one: as many slots as the pool's size are out and not
    /// held.
    pub(super) fn settle(&self, index: usize) -> Option<usize> {
        let mut queue = self.queue();
        if self.waiting.load(Ordering::SeqCst) > 0 {
            return Some(index);
        }
        let (resting, free) = if queue.extra > queue.held {
            queue.extra -= 1;
            if index >= self.size {
                (index, None)
            } else if let Some(other) = (self.size..self.slots.len()).find(|it| self.take(*it)) {
                (other, Some(index))
            } else {
                (index, None)
            }
        } else if index >= self.size
            && let Some(position) =
                queue.reserve.iter().position(|resting| resting.index < self.size)
        {
            (index, Some(queue.reserve.swap_remove(position).index))
        } else {
            return Some(index);
        };
        if resting >= self.size {
            self.strained.fetch_sub(1, Ordering::SeqCst);
        }
        queue.reserve.push(Resting { index: resting, since: Some(Instant::now()) });
        if self.closing.load(Ordering::SeqCst) {
            self.returned.notify_all();
        }
        drop(queue);
        if let Some(on_rest) = self.on_rest.get() {
            (on_rest.0)();
        }
        free
    }

    /// Closes the connection of one slot that has rested for `idle`.
    pub(in crate::backend::threaded) fn tidy(self: &Arc<Self>, idle: Duration) -> Tidied {
        loop {
            let index = {
                let mut queue = self.queue();
                let first = queue
                    .reserve
                    .iter()
                    .enumerate()
                    .filter_map(|(position, resting)| Some((resting.since? + idle, position)))
                    .min();
                match first {
                    None => return Tidied::Nothing,
                    Some((at, _)) if at > Instant::now() => return Tidied::Later(at),
                    // Once out of the reserve, nobody else can have it.
                    Some((_, position)) => queue.reserve.remove(position).index,
                }
            };
            let (closed, since) = match self.slots[index].try_connection() {
                Some(mut connection) => (connection.take().is_some(), None),
                // Its thread is just releasing it.
                None => (false, Some(Instant::now())),
            };
            // The first one is the last to be used.
            self.queue().reserve.insert(0, Resting { index, since });
            if self.waiting.load(Ordering::SeqCst) > 0
                && let Some(index) = self.stand_in()
            {
                self.give_back(index);
            }
            if closed {
                return Tidied::Closed;
            }
        }
    }
}
