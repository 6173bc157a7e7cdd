//! A request to stop one call.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::platform;

/// A request to stop one call. It also knows how long the call waits while it runs. It belongs to that call alone, so it never
/// reaches the next one, as `sqlite3_interrupt` on a connection could.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    set: AtomicBool,
    /// How long the call has waited for locks while it ran, in nanoseconds.
    locks: AtomicU64,
}

impl Interrupt {
    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Release);
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Records that the call has waited for a lock, or for its turn, while it ran.
    pub(crate) fn note_wait(&self, time: Duration) {
        self.locks.fetch_add(platform::nanos(time), Ordering::Relaxed);
    }

    /// Returns how long the call has waited for locks.
    pub(crate) fn waited(&self) -> Duration {
        Duration::from_nanos(self.locks.load(Ordering::Relaxed))
    }
}
