//! Slots lent one holder at a time, in the order of asking.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::slot::Slot;
use crate::error::Error;

/// Slots lent one holder at a time. Taking a free one is a single atomic
/// exchange; only those who find none free take a lock, and wait in a queue.
#[derive(Debug)]
pub(super) struct Pool {
    slots: Box<[Arc<Slot>]>,
    /// Which slots nobody holds.
    free: Box<[Free]>,
    size: usize,
    waiting: AtomicUsize,
    queue: Mutex<Queue>,
    closing: AtomicBool,
    returned: Condvar,
}

/// On a cache line of its own: two threads on two slots do not meet.
#[derive(Debug)]
#[repr(align(128))]
struct Free(AtomicBool);

#[derive(Debug, Default)]
struct Queue {
    waiters: VecDeque<Box<dyn Waiter>>,
    /// Slots that nobody may claim yet: each stands in for one that is held for
    /// long, so that whoever holds many never keeps the others from reading.
    reserve: Vec<usize>,
    /// Claims that last until their holder ends them.
    held: usize,
    /// Slots of the reserve that stand in for them.
    standing_in: usize,
}

/// Somebody who waits for a slot.
pub(super) trait Waiter: Send {
    fn is_given_up(&self) -> bool;
    /// Called without any lock held.
    fn grant(self: Box<Self>, claim: Claim);
}

impl std::fmt::Debug for dyn Waiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waiter")
    }
}

/// The exclusive use of a slot, given back when dropped.
#[derive(Debug)]
pub(super) struct Claim {
    pool: Arc<Pool>,
    index: usize,
    held: bool,
}

/// The exclusive use of a slot within one call, given back when dropped.
#[derive(Debug)]
pub(super) struct Brief<'a> {
    pool: &'a Arc<Pool>,
    index: usize,
}

impl Brief<'_> {
    #[inline]
    pub(super) fn slot(&self) -> &Slot {
        &self.pool.slots[self.index]
    }

    #[inline]
    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// The same for longer than the call.
    pub(super) fn into_claim(self) -> Claim {
        let claim = Claim::new(self.pool, self.index);
        std::mem::forget(self);
        claim
    }
}

impl Drop for Brief<'_> {
    #[inline]
    fn drop(&mut self) {
        self.pool.give_back(self.index);
    }
}

impl Claim {
    #[inline]
    fn new(pool: &Arc<Pool>, index: usize) -> Self {
        Self { pool: Arc::clone(pool), index, held: false }
    }

    #[inline]
    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.pool.slots[self.index]
    }

    #[inline]
    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// Says that the slot will be kept until its holder ends it: somebody who
    /// waits gets another in its stead.
    pub(super) fn hold(&mut self) {
        if std::mem::replace(&mut self.held, true) {
            return;
        }
        self.pool.queue().held += 1;
        if self.pool.waiting.load(Ordering::SeqCst) > 0
            && let Some(index) = self.pool.stand_in()
        {
            self.pool.give_back(index);
        }
    }
}

impl Drop for Claim {
    #[inline]
    fn drop(&mut self) {
        if !self.held || !self.pool.retire(self.index) {
            self.pool.give_back(self.index);
        }
    }
}

thread_local! {
    // Threads prefer different slots, so that each finds its pages and its
    // statements in its own processor's cache.
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
    /// So many slots, and up to so many more that stand in for those held.
    pub(super) fn new(size: usize, reserve: usize) -> Arc<Self> {
        let size = size.clamp(1, 64);
        let most = (size + reserve).min(64);
        let queue = Queue { reserve: (size..most).rev().collect(), ..Queue::default() };
        Arc::new(Self {
            slots: (0..most).map(|_| Arc::default()).collect(),
            size,
            free: (0..most).map(|index| Free(AtomicBool::new(index < size))).collect(),
            waiting: AtomicUsize::new(0),
            queue: Mutex::new(queue),
            closing: AtomicBool::new(false),
            returned: Condvar::new(),
        })
    }

    pub(super) fn slots(&self) -> &[Arc<Slot>] {
        &self.slots
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A free slot, if nobody waits for one.
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
        // Looked at first: a failed exchange would take the cache line from the
        // slot's user.
        free.load(Ordering::SeqCst) && free.swap(false, Ordering::SeqCst)
    }

    /// A free slot, if nobody waits for one, for work that is over before this
    /// call's caller goes on.
    #[inline]
    pub(super) fn try_brief(self: &Arc<Self>) -> Option<Brief<'_>> {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            return None;
        }
        self.grab().map(|index| Brief { pool: self, index })
    }

    /// This slot, if nobody holds it. It overtakes those who wait, so it is for
    /// work that is over at once.
    pub(super) fn try_claim_at(self: &Arc<Self>, index: usize) -> Option<Claim> {
        self.take(index).then(|| Claim::new(self, index))
    }

    /// Grants the waiter a slot now, or in its turn.
    pub(super) fn claim(self: &Arc<Self>, waiter: Box<dyn Waiter>) {
        if let Some(claim) = self.try_claim() {
            waiter.grant(claim);
            return;
        }
        {
            let mut queue = self.queue();
            queue.waiters.push_back(waiter);
            self.waiting.fetch_add(1, Ordering::SeqCst);
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

    fn next_waiter(&self) -> Option<Box<dyn Waiter>> {
        let mut given_up = Vec::new();
        let mut queue = self.queue();
        let next = loop {
            match queue.waiters.pop_front() {
                Some(waiter) => {
                    self.waiting.fetch_sub(1, Ordering::SeqCst);
                    if !waiter.is_given_up() {
                        break Some(waiter);
                    }
                    given_up.push(waiter);
                }
                None => break None,
            }
        };
        drop(queue);
        next
    }

    /// A slot of the reserve for one that is held.
    fn stand_in(&self) -> Option<usize> {
        let mut queue = self.queue();
        if queue.held <= queue.standing_in {
            return None;
        }
        let index = queue.reserve.pop()?;
        queue.standing_in += 1;
        Some(index)
    }

    /// Puts a slot that was held into the reserve, if another stands in for it.
    fn retire(&self, index: usize) -> bool {
        let mut queue = self.queue();
        queue.held -= 1;
        let stood_in = queue.standing_in > queue.held;
        if stood_in {
            queue.standing_in -= 1;
            queue.reserve.push(index);
        }
        self.returned.notify_all();
        stood_in
    }

    fn give_back(self: &Arc<Self>, index: usize) {
        loop {
            if self.waiting.load(Ordering::SeqCst) > 0
                && let Some(waiter) = self.next_waiter()
            {
                waiter.grant(Claim::new(self, index));
                return;
            }
            self.free[index].0.store(true, Ordering::SeqCst);
            if self.closing.load(Ordering::SeqCst) {
                let _queue = self.queue();
                self.returned.notify_all();
            }
            // Who queued between the two lines above saw no free slot.
            if self.waiting.load(Ordering::SeqCst) == 0 {
                return;
            }
            if !self.take(index) {
                return;
            }
        }
    }

    /// Takes all slots and closes their connections, waiting for those in use
    /// until then; who wants one meanwhile waits for the claims to be dropped.
    pub(super) fn clear(
        self: &Arc<Self>,
        until: Instant,
        except: Option<&Arc<Slot>>,
    ) -> Vec<Claim> {
        let mut claims: Vec<Claim> = Vec::new();
        let mut closed = 0u64;
        loop {
            let resting = self.queue().reserve.clone();
            let mut busy = false;
            for (index, slot) in self.slots.iter().enumerate() {
                let excepted = except.is_some_and(|own| Arc::ptr_eq(own, slot));
                if excepted || closed & (1 << index) != 0 {
                    continue;
                }
                let mut ours = claims.iter().any(|claim| claim.index == index);
                if !ours && let Some(claim) = self.try_claim_at(index) {
                    claims.push(claim);
                    ours = true;
                }
                // A slot is given back shortly before its thread lets go of the
                // connection, so having it does not mean that it is unused.
                if (ours || resting.contains(&index))
                    && let Some(mut connection) = slot.try_connection()
                {
                    *connection = None;
                    closed |= u64::from(ours) << index;
                } else {
                    busy = true;
                }
            }
            if !busy || Instant::now() >= until {
                return claims;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until all slots are given back and nobody waits, or `until`.
    /// Answers whether they are.
    pub(super) fn wait_idle(&self, until: Instant) -> bool {
        self.closing.store(true, Ordering::SeqCst);
        let mut queue = self.queue();
        loop {
            let free = self.free.iter().filter(|free| free.0.load(Ordering::SeqCst)).count();
            if queue.waiters.is_empty() && queue.held == 0 && free >= self.size {
                return true;
            }
            let Some(left) = until.checked_duration_since(Instant::now()) else { return false };
            queue =
                self.returned.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Closes all slots. What they were still running is interrupted.
    pub(super) fn close(&self) {
        let waiters = std::mem::take(&mut self.queue().waiters);
        self.waiting.fetch_sub(waiters.len(), Ordering::SeqCst);
        drop(waiters);
        for slot in &self.slots {
            slot.close();
            slot.stop(&Error::closed("database"));
        }
        for slot in &self.slots {
            slot.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Completer, call};
    use crate::engine::{Connection, Role};

    /// Waits for a claim as such.
    struct Handle(Completer<Claim>);

    impl Waiter for Handle {
        fn is_given_up(&self) -> bool {
            self.0.is_given_up()
        }

        fn grant(self: Box<Self>, claim: Claim) {
            // One that nobody takes any more goes back by its drop.
            drop(self.0.answer(Ok(claim)));
        }
    }

    #[test]
    fn a_waiter_who_gave_up_does_not_swallow_the_slot() {
        let pool = Pool::new(1, 0);
        let held = pool.try_claim().unwrap();
        let (completer, gone) = call();
        pool.claim(Box::new(Handle(completer)));
        let (completer, patient) = call();
        pool.claim(Box::new(Handle(completer)));
        assert!(pool.try_claim().is_none(), "nobody overtakes those who wait");
        drop(gone);
        drop(held);
        let claim = patient.wait(Instant::now(), None).unwrap().unwrap();
        drop(claim);
        assert!(pool.try_claim().is_some());
    }

    #[test]
    fn slots_that_are_held_do_not_keep_others_waiting() {
        let pool = Pool::new(1, 2);
        let mut held = pool.try_claim().unwrap();
        let (completer, waiting) = call();
        pool.claim(Box::new(Handle(completer)));
        held.hold();
        let other = waiting.wait(Instant::now(), None).unwrap().unwrap();
        assert!(pool.try_claim().is_none());
        drop(held);
        assert!(pool.try_claim().is_none(), "one at a time, as before");
        drop(other);
        assert!(pool.try_claim().is_some());
        assert!(pool.wait_idle(Instant::now()));
    }

    #[test]
    fn a_connection_whose_thread_has_given_its_slot_back_but_not_let_go_is_closed_too() {
        let pool = Pool::new(1, 0);
        let claim = pool.try_claim().unwrap();
        let (given_back, seen) = std::sync::mpsc::channel();
        let slot = Arc::clone(claim.slot());
        slot.submit(Box::new(move |connection| {
            let options = crate::Options::default();
            let opened = Connection::open(":memory:".as_ref(), &options, Role::Writer);
            *connection = Some(opened.unwrap());
            drop(claim);
            given_back.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(30));
        }));
        seen.recv().unwrap();
        let claims = pool.clear(Instant::now() + Duration::from_secs(60), None);
        assert_eq!(claims.len(), 1);
        assert!(slot.try_connection().unwrap().is_none());
    }

    #[test]
    fn a_grant_that_nobody_takes_frees_the_slot() {
        let pool = Pool::new(1, 0);
        let held = pool.try_claim().unwrap();
        let (completer, call) = call();
        pool.claim(Box::new(Handle(completer)));
        drop(held);
        drop(call);
        assert!(pool.try_claim().is_some());
    }
}
