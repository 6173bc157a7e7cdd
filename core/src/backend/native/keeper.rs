//! Leases, kept in time: they end with the next commit, when a checkpoint wants
//! it, or soon after their reader was last used.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Shared;
use crate::engine::Connection;
use crate::platform::timer;

/// A lease unused for so long ends: a checkpoint from outside waits for it.
const IDLE: Duration = Duration::from_millis(5);

impl Shared {
    /// How many commits this database has made, through any of its connections.
    #[inline]
    pub(super) fn commits(&self) -> u64 {
        self.checkpoints.commits.load(Ordering::Acquire)
    }

    /// To be called after a read, by whoever holds the reader: `commits` is from
    /// before it.
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
        if self.commits() != commits {
            self.end_lease(bit, connection);
            return;
        }
        if self.touched.load(Ordering::Relaxed) & bit == 0 {
            self.touched.fetch_or(bit, Ordering::Relaxed);
        }
        if self.leased.load(Ordering::Relaxed) & bit == 0 {
            self.leased.fetch_or(bit, Ordering::SeqCst);
            self.keep();
            // A commit between the check above and the bit saw no lease to end.
            if self.commits() != commits {
                self.end_lease(bit, connection);
            }
        }
    }

    fn end_lease(&self, bit: u64, connection: &mut Connection) {
        // It fails only when the transaction is gone already.
        let _ = connection.end_lease();
        self.leased.fetch_and(!bit, Ordering::SeqCst);
    }

    /// To be called after every commit: leases of the moment before it end.
    pub(super) fn committed(&self) {
        self.checkpoints.commits.fetch_add(1, Ordering::SeqCst);
        self.end_leases(self.leased.load(Ordering::SeqCst));
    }

    /// Ends these leases where nobody uses the reader. Who does sees to it
    /// himself.
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

    /// Has the readers looked after, while any keeps a lease.
    fn keep(self: &Arc<Self>) {
        if self.keeper.swap(true, Ordering::SeqCst) {
            return;
        }
        let shared = Arc::downgrade(self);
        timer::schedule(Instant::now() + IDLE, move || {
            if let Some(shared) = shared.upgrade() {
                shared.look_after();
            }
        });
    }

    fn look_after(self: &Arc<Self>) {
        self.keeper.store(false, Ordering::SeqCst);
        let touched = self.touched.swap(0, Ordering::SeqCst);
        self.end_leases(self.leased.load(Ordering::SeqCst) & !touched);
        if self.leased.load(Ordering::SeqCst) != 0 {
            self.keep();
        }
    }

    /// Closes the readers that nobody uses, for a statement that needs the file
    /// to itself. They are opened again when needed.
    pub(super) fn readers_make_way(&self) {
        for index in 0..self.readers.slots().len() {
            let Some(claim) = self.readers.try_claim_at(index) else { continue };
            if let Some(mut guard) = claim.slot().try_connection() {
                *guard = None;
            }
            self.leased.fetch_and(!(1 << index), Ordering::SeqCst);
            drop(claim);
        }
    }
}
