//! A request to stop one call.

use std::sync::atomic::{AtomicBool, Ordering};

/// A request to stop one call. It belongs to that call alone, so it never
/// reaches the next one, as `sqlite3_interrupt` on a connection could.
#[derive(Debug, Default)]
pub(crate) struct Interrupt(AtomicBool);

impl Interrupt {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
