//! What is held across a fork, so that the child finds it consistent.

use std::cell::UnsafeCell;
use std::sync::MutexGuard;

/// A lock that the forking thread holds from before the fork until after it.
pub(super) struct ForkLock<T: 'static>(UnsafeCell<Option<MutexGuard<'static, T>>>);

// SAFETY: only the forking thread reads or writes it, between the two calls that the system makes
// around a fork. Only one thread can be there: the one with the lock.
unsafe impl<T> Sync for ForkLock<T> {}

impl<T> ForkLock<T> {
    pub(super) const fn new() -> Self {
        Self(UnsafeCell::new(None))
    }

    /// # Safety
    /// Called before a fork, by `pthread_atfork`.
    pub(super) unsafe fn put(&self, guard: MutexGuard<'static, T>) {
        // SAFETY: by the contract.
        unsafe { *self.0.get() = Some(guard) };
    }

    /// # Safety
    /// Called after a fork, by `pthread_atfork`.
    pub(super) unsafe fn take(&self) -> Option<MutexGuard<'static, T>> {
        // SAFETY: by the contract.
        unsafe { (*self.0.get()).take() }
    }
}
