//! What is held over a fork, so that the child finds it whole.

use std::cell::UnsafeCell;
use std::sync::MutexGuard;

/// A lock that the thread which forks holds from before the fork until after it.
pub(super) struct Held<T: 'static>(UnsafeCell<Option<MutexGuard<'static, T>>>);

// SAFETY: only the thread that forks reads or writes it, between the two calls that
// the system makes around a fork, and only one thread can be there: it has the lock.
unsafe impl<T> Sync for Held<T> {}

impl<T> Held<T> {
    pub(super) const fn new() -> Self {
        Self(UnsafeCell::new(None))
    }

    /// # Safety
    /// Called before a fork, as `pthread_atfork` has it.
    pub(super) unsafe fn put(&self, guard: MutexGuard<'static, T>) {
        // SAFETY: by the contract.
        unsafe { *self.0.get() = Some(guard) };
    }

    /// # Safety
    /// Called after a fork, as `pthread_atfork` has it.
    pub(super) unsafe fn take(&self) -> Option<MutexGuard<'static, T>> {
        // SAFETY: by the contract.
        unsafe { (*self.0.get()).take() }
    }
}
