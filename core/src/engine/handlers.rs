//! What SQLite asks while a statement runs: whether it may continue, and how long to wait for a
//! lock.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::budget::{Budget, STEPS_BETWEEN_QUESTIONS};
use crate::ffi;
use crate::program::Interrupt;

/// One of this many questions is passed on where the work may be long: about 10 µs.
const QUESTIONS: u32 = 10;

/// The state behind the progress and busy handlers of one connection.
#[derive(Debug, Default)]
pub(crate) struct Handlers {
    /// A statement runs on a caller's thread, and ends when its budget is spent.
    inline: AtomicBool,
    budget: Budget,
    asked: AtomicU32,
    /// The statement is one of this library's own, which must not be stopped: SQLite asks once more
    /// when a statement is done, and a COMMIT that has happened would be reported as failed.
    shielded: AtomicBool,
    interrupt: Mutex<Option<Arc<Interrupt>>>,
    busy_timeout: AtomicU64,
    waited: AtomicU64,
}

impl Handlers {
    /// Attaches the handlers to a connection.
    ///
    /// # Safety
    /// `raw` is open, and `self` outlives it.
    pub(crate) unsafe fn install(self: &Arc<Self>, raw: *mut ffi::sqlite3) {
        let context = Arc::as_ptr(self).cast::<c_void>().cast_mut();
        // SAFETY: by this function's contract.
        unsafe {
            ffi::sqlite3_progress_handler(raw, STEPS_BETWEEN_QUESTIONS, Some(on_progress), context);
            ffi::sqlite3_busy_handler(raw, Some(on_busy), context);
        }
    }

    pub(crate) fn set_busy_timeout(&self, timeout: Duration) {
        let micros = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX);
        self.busy_timeout.store(micros, Ordering::Relaxed);
    }

    /// Sets how long to wait for a lock, and returns the previous value.
    pub(crate) fn replace_busy_timeout(&self, timeout: Duration) -> Duration {
        let before = self.busy_timeout.load(Ordering::Relaxed);
        self.set_busy_timeout(timeout);
        Duration::from_micros(before)
    }

    /// The following statements may neither take long nor wait.
    #[inline]
    pub(crate) fn begin_inline(&self) {
        self.inline.store(true, Ordering::Relaxed);
        self.budget.begin();
    }

    /// Whether the statements may neither take long nor wait.
    #[inline]
    pub(crate) fn is_inline(&self) -> bool {
        self.inline.load(Ordering::Relaxed)
    }

    /// Protects the statements from being stopped, or ends that.
    pub(crate) fn shield(&self, on: bool) {
        self.shielded.store(on, Ordering::Relaxed);
    }

    /// Ends what [`begin_inline`](Self::begin_inline) began.
    #[inline]
    pub(crate) fn end_inline(&self) {
        self.inline.store(false, Ordering::Relaxed);
    }

    /// Makes the following statements stop when `interrupt` is set.
    pub(crate) fn set_interrupt(&self, interrupt: Option<Arc<Interrupt>>) {
        *self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = interrupt;
    }

    fn note_wait(&self, time: Duration) {
        let interrupt = self.interrupt.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(interrupt) = &*interrupt {
            interrupt.note_wait(time);
        }
    }

    fn is_interrupted(&self) -> bool {
        let interrupt = self.interrupt.lock().unwrap_or_else(PoisonError::into_inner);
        interrupt.as_ref().is_some_and(|interrupt| interrupt.is_set())
    }
}

unsafe extern "C" fn on_progress(context: *mut c_void) -> c_int {
    // SAFETY: `install` passed a pointer to handlers that outlive the connection.
    let handlers = unsafe { &*context.cast::<Handlers>() };
    if handlers.shielded.load(Ordering::Relaxed) {
        return 0;
    }
    if handlers.inline.load(Ordering::Relaxed) {
        return c_int::from(handlers.budget.is_spent());
    }
    // Only one thread at a time asks.
    let asked = handlers.asked.load(Ordering::Relaxed).wrapping_add(1);
    handlers.asked.store(asked, Ordering::Relaxed);
    if !asked.is_multiple_of(QUESTIONS) {
        return 0;
    }
    let stopped = || super::context::current().is_some_and(|caller| caller.stop().is_some());
    c_int::from(handlers.is_interrupted() || stopped())
}

unsafe extern "C" fn on_busy(context: *mut c_void, attempt: c_int) -> c_int {
    // SAFETY: `install` passed a pointer to handlers that outlive the connection.
    let handlers = unsafe { &*context.cast::<Handlers>() };
    if handlers.inline.load(Ordering::Relaxed) || handlers.is_interrupted() {
        return 0;
    }
    if attempt == 0 {
        handlers.waited.store(0, Ordering::Relaxed);
    }
    // From 0.1 ms, doubling up to 5 ms: a short wait is noticed soon, a long one costs little.
    let pause = 100u64 << attempt.clamp(0, 6);
    let pause = pause.min(5_000);
    let waited = handlers.waited.fetch_add(pause, Ordering::Relaxed);
    if waited >= handlers.busy_timeout.load(Ordering::Relaxed) {
        return 0;
    }
    crate::platform::block_for(Duration::from_micros(pause));
    handlers.note_wait(Duration::from_micros(pause));
    1
}
