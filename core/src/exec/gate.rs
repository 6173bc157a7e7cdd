//! Makes closing wait for operations that take more than one call to the backend.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::platform;

/// Counts the operations under way, and refuses new ones once closing has begun.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    closing: AtomicBool,
    active: AtomicUsize,
    waiting: Mutex<Vec<Waker>>,
}

/// An operation under way. The last one to end closes the backend if closing was
/// requested in the meantime: the caller that requested it may be gone.
pub(crate) struct GatePass<'a> {
    gate: &'a Gate,
    backend: &'a dyn Backend,
}

impl Gate {
    /// Checks that calls are still accepted.
    ///
    /// # Errors
    /// `Closed`.
    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        if self.closing.load(Ordering::Acquire) {
            return Err(Error::closed("database"));
        }
        Ok(())
    }

    /// Begins an operation.
    ///
    /// # Errors
    /// `Closed`.
    pub(crate) fn enter<'a>(&'a self, backend: &'a dyn Backend) -> Result<GatePass<'a>> {
        // Counted before the check: either closing sees the count, or the check sees closing.
        self.active.fetch_add(1, Ordering::SeqCst);
        let entered = GatePass { gate: self, backend };
        self.check()?;
        Ok(entered)
    }

    /// Refuses operations from now on, and waits for those under way, but for at
    /// most `patience`, since possibly nobody is polling them.
    pub(crate) async fn close(&self, patience: Option<Duration>) {
        self.closing.store(true, Ordering::SeqCst);
        let mut alarm = pin!(platform::sleep(patience.unwrap_or(Duration::MAX)));
        poll_fn(|cx| {
            // Listed before the count is read: the last operation wakes all that are
            // listed, after it has counted itself off.
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(cx.waker().clone());
            if self.active.load(Ordering::SeqCst) == 0 {
                return Poll::Ready(());
            }
            alarm.as_mut().poll(cx)
        })
        .await;
    }
}

impl Drop for GatePass<'_> {
    fn drop(&mut self) {
        let last = self.gate.active.fetch_sub(1, Ordering::SeqCst) == 1;
        if !last || !self.gate.closing.load(Ordering::SeqCst) {
            return;
        }
        self.backend.close().detach();
        let mut waiting = self.gate.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let wakers = std::mem::take(&mut *waiting);
        drop(waiting);
        for waker in wakers {
            waker.wake();
        }
    }
}
