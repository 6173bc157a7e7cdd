//! Ends leases in time: with the next commit, when a checkpoint needs it, or soon after their
//! reader was last used.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Shared;
use super::pool::Claim;
use super::slot::Slot;
use crate::engine::Connection;
use crate::platform::timer;

/// How long an unused lease lasts: a checkpoint from outside waits for it.
const IDLE: Duration = Duration::from_millis(5);

impl Shared {
    /// Returns how many commits this database has made, through any of its connections.
    #[inline]
    pub(super) fn commits(&self) -> u64 {
        self.checkpoints.commits.load(Ordering::Acquire)
    }

    /// Must be called after a read, by the holder of the reader. `commits` was taken before the
    /// read.
    #[inline]
    pub(super) fn after_read(
        self: &Arc<Self>,
        index: usize,
        connection: &mut Connection,
        commits: u64,
    ) {
        if !connection.has_lease() {
            return;
        }
        let bit = 1 << index;
        if self.is_outdated(commits) {
            self.end_lease(bit, connection);
            return;
        }
        if self.touched.load(Ordering::Relaxed) & bit == 0 {
            self.touched.fetch_or(bit, Ordering::Relaxed);
        }
        if self.leased.load(Ordering::Relaxed) & bit == 0 {
            self.leased.fetch_or(bit, Ordering::SeqCst);
            self.schedule_expiry();
            // A commit between the check above and the bit saw no lease to end.
            if self.is_outdated(commits) {
                self.end_lease(bit, connection);
            }
        }
    }

    /// Whether a lease taken at this number of commits must end.
    fn is_outdated(&self, commits: u64) -> bool {
        self.commits() != commits || self.checkpoints.restarting.load(Ordering::SeqCst)
    }

    /// Ends the leases of all readers that are not in use.
    pub(super) fn end_all_leases(&self) {
        self.end_leases(self.leased.load(Ordering::SeqCst));
    }

    /// Must be called when a reader is taken for a stream or snapshot, whose transaction is no
    /// lease.
    pub(super) fn unlease(&self, index: usize) {
        self.leased.fetch_and(!(1 << index), Ordering::SeqCst);
    }

    fn end_lease(&self, bit: u64, connection: &mut Connection) {
        // It fails only if the transaction is already gone.
        let _ = connection.end_lease();
        self.leased.fetch_and(!bit, Ordering::SeqCst);
    }

    /// Must be called after every commit: leases on the state before it end.
    pub(super) fn committed(&self) {
        self.checkpoints.commits.fetch_add(1, Ordering::SeqCst);
        self.end_all_leases();
        self.replicas.committed();
    }

    /// Ends the given leases of readers that are not in use. The user of any other reader does this
    /// itself.
    fn end_leases(&self, leased: u64) {
        let mut left = leased;
        while left != 0 {
            let bit = left & left.wrapping_neg();
            left &= !bit;
            let Some(claim) = self.readers.try_claim_at(bit.trailing_zeros() as usize) else {
                continue;
            };
            if let Some(mut guard) = claim.slot().try_connection()
                && let Some(connection) = &mut *guard
            {
                self.end_lease(bit, connection);
            }
            drop(claim);
        }
    }

    /// Schedules a look at the readers while any of them keeps a lease.
    fn schedule_expiry(self: &Arc<Self>) {
        if self.expiry_scheduled.swap(true, Ordering::SeqCst) {
            return;
        }
        let shared = Arc::downgrade(self);
        timer::schedule(Instant::now() + IDLE, move || {
            if let Some(shared) = shared.upgrade() {
                shared.expire_idle_leases();
            }
        });
    }

    fn expire_idle_leases(self: &Arc<Self>) {
        self.expiry_scheduled.store(false, Ordering::SeqCst);
        let touched = self.touched.swap(0, Ordering::SeqCst);
        self.end_leases(self.leased.load(Ordering::SeqCst) & !touched);
        if self.leased.load(Ordering::SeqCst) != 0 {
            self.schedule_expiry();
        }
    }

    /// Closes the connections of all readers and sessions that nobody holds, except `except`, and
    /// keeps them closed while the result is held. This is for a statement that needs the file to
    /// itself. Waits for connections in use for at most the busy timeout.
    pub(super) fn close_other_connections(&self, except: Option<&Arc<Slot>>) -> Vec<Claim> {
        let until = Instant::now() + self.options.busy_timeout;
        self.clear(until, except).0
    }

    /// Does the same until `until`, and returns whether all of them are closed.
    pub(super) fn clear(&self, until: Instant, except: Option<&Arc<Slot>>) -> (Vec<Claim>, bool) {
        let give_up = || self.is_closed();
        let (mut claims, mut all) = self.readers.clear(until, None, give_up);
        for index in 0..self.readers.slots().len() {
            self.unlease(index);
        }
        for (pool, except) in [(&self.dedicated, except), (&self.planner, None)] {
            let (more, cleared) = pool.clear(until, except, give_up);
            claims.extend(more);
            all &= cleared;
        }
        (claims, all)
    }
}
