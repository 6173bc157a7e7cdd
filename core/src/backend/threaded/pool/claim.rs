//! The exclusive use of a slot.

use std::sync::Arc;

use super::Pool;
use crate::backend::threaded::slot::Slot;

/// The exclusive use of a slot, returned when dropped.
#[derive(Debug)]
pub(in crate::backend::threaded) struct Claim {
    pool: Arc<Pool>,
    index: usize,
    held: bool,
}

/// The exclusive use of a slot within one call, returned when dropped.
#[derive(Debug)]
pub(in crate::backend::threaded) struct InlineClaim<'a> {
    pool: &'a Arc<Pool>,
    index: usize,
}

impl<'a> InlineClaim<'a> {
    #[inline]
    pub(super) fn new(pool: &'a Arc<Pool>, index: usize) -> Self {
        Self { pool, index }
    }

    #[inline]
    pub(in crate::backend::threaded) fn slot(&self) -> &Slot {
        &self.pool.slots[self.index]
    }

    #[inline]
    pub(in crate::backend::threaded) fn index(&self) -> usize {
        self.index
    }

    /// Converts this into a claim that outlasts the call.
    pub(in crate::backend::threaded) fn into_claim(self) -> Claim {
        let claim = Claim::new(self.pool, self.index);
        std::mem::forget(self);
        claim
    }
}

impl Drop for InlineClaim<'_> {
    #[inline]
    fn drop(&mut self) {
        self.pool.give_back(self.index);
    }
}

impl Claim {
    #[inline]
    pub(super) fn new(pool: &Arc<Pool>, index: usize) -> Self {
        Self { pool: Arc::clone(pool), index, held: false }
    }

    #[inline]
    pub(in crate::backend::threaded) fn slot(&self) -> &Arc<Slot> {
        &self.pool.slots[self.index]
    }

    #[inline]
    pub(in crate::backend::threaded) fn index(&self) -> usize {
        self.index
    }

    /// Records that the holder will keep the slot until it ends the claim: a waiter gets another
    /// slot in its place.
    pub(in crate::backend::threaded) fn hold(&mut self) {
        if !std::mem::replace(&mut self.held, true) {
            self.pool.hold();
        }
    }
}

impl Drop for Claim {
    #[inline]
    fn drop(&mut self) {
        if self.held {
            self.pool.end_hold();
        }
        self.pool.give_back(self.index);
    }
}
