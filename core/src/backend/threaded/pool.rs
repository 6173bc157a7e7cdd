//! Slots used by one holder at a time, in order of request.

mod claim;
mod queue;
mod reserve;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::slot::{Slot, Upkeep};
use crate::backend::counters::SpentCounter;
pub(super) use claim::{Claim, InlineClaim};
use queue::PoolQueue;
pub(super) use queue::Waiter;
pub(super) use reserve::Tidied;

/// Slots used by one holder at a time. Taking a free one is a single atomic exchange; only callers
/// that find none free take a lock and wait in a queue.
#[derive(Debug)]
pub(super) struct Pool {
    slots: Box<[Arc<Slot>]>,
    /// Which slots nobody holds.
    free: Box<[Free]>,
    size: usize,
    waiting: AtomicUsize,
    /// How long those waited that found no slot free.
    pub(super) waits: SpentCounter,
    /// How many slots beyond the first `size` are in use or free.
    strained: AtomicUsize,
    queue: Mutex<PoolQueue>,
    closing: AtomicBool,
    returned: Condvar,
    /// How long a waiter waits.
    patience: Duration,
    on_rest: OnceLock<OnRest>,
}

/// On its own cache line, so that two threads on two slots do not interfere.
#[derive(Debug)]
#[repr(align(128))]
struct Free(AtomicBool);

/// Called when a slot came to rest in the reserve.
struct OnRest(Box<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for OnRest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnRest")
    }
}

thread_local! {
    // Threads prefer different slots, so that each finds its pages and statements in its own
    // processor's cache.
    static PREFERRED: Cell<Option<usize>> = const { Cell::new(None) };
}
static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

#[inline]
fn preferred() -> usize {
    PREFERRED.with(|preferred| {
        preferred.get().unwrap_or_else(|| {
            let number = NEXT_THREAD.fetch_add(1, Ordering::Relaxed);
            preferred.set(Some(number));
            number
        })
    })
}

impl Pool {
    /// Creates `size` slots, and up to `reserve` more that stand in for slots that are held or run
    /// long statements. A waiter waits for at most `patience`.
    pub(super) fn new(
        size: usize,
        reserve: usize,
        patience: Duration,
        upkeep: Upkeep,
    ) -> Arc<Self> {
        let size = size.clamp(1, 64);
        let most = (size + reserve).min(64);
        Arc::new(Self {
            slots: (0..most).map(|_| Slot::new(upkeep)).collect(),
            size,
            free: (0..most).map(|index| Free(AtomicBool::new(index < size))).collect(),
            waiting: AtomicUsize::new(0),
            waits: SpentCounter::default(),
            strained: AtomicUsize::new(0),
            queue: Mutex::new(PoolQueue::new((size..most).rev())),
            closing: AtomicBool::new(false),
            returned: Condvar::new(),
            patience,
            on_rest: OnceLock::new(),
        })
    }

    /// Sets what to call whenever a slot that was used comes to rest in the reserve.
    pub(super) fn set_on_rest(&self, on_rest: impl Fn() + Send + Sync + 'static) {
        // Set once, by the pool's creator.
        let _ = self.on_rest.set(OnRest(Box::new(on_rest)));
    }

    pub(super) fn slots(&self) -> &[Arc<Slot>] {
        &self.slots
    }

    /// Returns how many wait for a slot.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Returns how many slots have a holder.
    pub(super) fn in_use(&self) -> usize {
        let out = self.size + self.queue().extra;
        let free = self.free.iter().filter(|free| free.0.load(Ordering::SeqCst)).count();
        out.saturating_sub(free)
    }

    fn queue(&self) -> MutexGuard<'_, PoolQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a free slot, if nobody waits for one.
    #[inline]
    pub(super) fn try_claim(self: &Arc<Self>) -> Option<Claim> {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            return None;
        }
        self.grab().map(|index| Claim::new(self, index))
    }

    #[inline]
    fn grab(&self) -> Option<usize> {
        let wished = preferred() % self.size;
        if self.take(wished) {
            return Some(wished);
        }
        (0..self.free.len()).find(|index| self.take(*index))
    }

    /// Takes a slot if it is free.
    #[inline]
    fn take(&self, index: usize) -> bool {
        let free = &self.free[index].0;
        // Checked first: a failed exchange would take the cache line from the slot's user.
        free.load(Ordering::SeqCst) && free.swap(false, Ordering::SeqCst)
    }

    /// Returns a free slot, if nobody waits for one, for work that ends before this call's caller
    /// continues.
    #[inline]
    pub(super) fn try_inline(self: &Arc<Self>) -> Option<InlineClaim<'_>> {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            return None;
        }
        self.grab().map(|index| InlineClaim::new(self, index))
    }

    /// Returns this slot, if nobody holds it. It overtakes waiters, so it is only for work that
    /// ends at once.
    pub(super) fn try_claim_at(self: &Arc<Self>, index: usize) -> Option<Claim> {
        self.take(index).then(|| Claim::new(self, index))
    }

    #[inline]
    fn give_back(self: &Arc<Self>, mut index: usize) {
        loop {
            if self.waiting.load(Ordering::SeqCst) > 0
                && let Some(waiter) = self.next_waiter()
            {
                waiter.grant(Claim::new(self, index));
                return;
            }
            if self.strained.load(Ordering::SeqCst) > 0 {
                match self.settle(index) {
                    Some(settled) => index = settled,
                    None => return,
                }
            }
            self.free[index].0.store(true, Ordering::SeqCst);
            if self.closing.load(Ordering::SeqCst) {
                let _queue = self.queue();
                self.returned.notify_all();
            }
            // A caller that queued between the two lines above saw no free slot.
            if self.waiting.load(Ordering::SeqCst) == 0 {
                return;
            }
            if !self.take(index) {
                return;
            }
        }
    }

    /// Takes all slots and closes their connections, waiting for slots in use until `until`. New
    /// callers wait for the claims to be dropped. Also returns whether all are closed. Ends early
    /// when `give_up` says so.
    pub(super) fn clear(
        self: &Arc<Self>,
        until: Instant,
        except: Option<&Arc<Slot>>,
        give_up: impl Fn() -> bool,
    ) -> (Vec<Claim>, bool) {
        let mut claims: Vec<Claim> = Vec::new();
        let mut closed = 0u64;
        loop {
            // Including the reserve, so that none of its slots opens a connection.
            claims.append(&mut self.take_reserve());
            let mut busy = false;
            for (index, slot) in self.slots.iter().enumerate() {
                let excepted = except.is_some_and(|own| Arc::ptr_eq(own, slot));
                if excepted || closed & (1 << index) != 0 {
                    continue;
                }
                let mut ours = claims.iter().any(|claim| claim.index() == index);
                if !ours && let Some(claim) = self.try_claim_at(index) {
                    claims.push(claim);
                    ours = true;
                }
                // A slot is returned shortly before its thread releases the connection, so having
                // the slot does not mean that the connection is unused.
                if ours && let Some(mut connection) = slot.try_connection() {
                    *connection = None;
                    closed |= 1 << index;
                } else {
                    busy = true;
                }
            }
            if !busy || give_up() || Instant::now() >= until {
                return (claims, !busy);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until all slots are returned and nobody waits, or until `until`. Returns whether that
    /// is so.
    pub(super) fn wait_idle(&self, until: Instant) -> bool {
        self.closing.store(true, Ordering::SeqCst);
        let mut queue = self.queue();
        loop {
            let free = self.free.iter().filter(|free| free.0.load(Ordering::SeqCst)).count();
            if queue.is_idle() && free >= self.size {
                return true;
            }
            let Some(left) = until.checked_duration_since(Instant::now()) else { return false };
            queue =
                self.returned.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends all slots. Running work is interrupted; waiting or accepted work fails as the database
    /// is closed.
    pub(super) fn close(&self) {
        let waiters = self.queue().close();
        self.waiting.fetch_sub(waiters.len(), Ordering::SeqCst);
        drop(waiters);
        for slot in &self.slots {
            slot.end();
        }
        for slot in &self.slots {
            slot.join();
        }
    }
}
