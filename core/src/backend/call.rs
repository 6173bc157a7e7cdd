//! A call that another thread completes.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::call_times::Phases;
use crate::error::{Error, ErrorKind, Result};
use crate::program::Interrupt;

/// The caller's end. Dropping it cancels the call: queued work never runs, running work is
/// interrupted.
#[derive(Debug)]
pub(crate) struct PendingCall<T>(Arc<CallShared<T>>);

/// The completing end. Dropping it without a result completes the call with `Closed`, so no caller
/// waits forever.
#[derive(Debug)]
pub(crate) struct Completer<T>(Option<Arc<CallShared<T>>>);

#[derive(Debug)]
struct CallShared<T> {
    state: Mutex<CallState<T>>,
    completed: Condvar,
    interrupt: Arc<Interrupt>,
    /// Set, under the state's lock, when the work begins.
    started: AtomicBool,
    /// Nobody wants the result, but the work must still be done.
    detached: AtomicBool,
    /// How long it waits and runs, if somebody wants to know.
    phases: Option<Box<Phases>>,
}

#[derive(Debug)]
enum CallState<T> {
    Waiting(Option<Waker>),
    Completed(Result<T>),
    /// The caller has taken the result.
    Taken,
    /// Nobody will take the result.
    Over,
}

/// Reports what became of a call's result.
pub(crate) trait Receipt: Send + Sync + std::fmt::Debug {
    /// Whether the caller cancelled the call without taking its result. `None`: it may still do
    /// either.
    fn was_cancelled(&self) -> Option<bool>;
}

impl<T: Send + std::fmt::Debug> Receipt for CallShared<T> {
    fn was_cancelled(&self) -> Option<bool> {
        match &*self.state() {
            CallState::Waiting(_) | CallState::Completed(_) => None,
            CallState::Taken => Some(false),
            CallState::Over => Some(!self.detached.load(Ordering::Acquire)),
        }
    }
}

impl<T> CallShared<T> {
    /// Counts its present phase for whoever wants to know, and begins the next one.
    #[inline]
    fn pass(&self, next: impl FnOnce(&Phases, Duration)) {
        if let Some(phases) = &self.phases {
            next(phases, self.interrupt.waited());
        }
    }

    fn state(&self) -> MutexGuard<'_, CallState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the two ends of a call.
pub(crate) fn call<T>() -> (Completer<T>, PendingCall<T>) {
    let shared = Arc::new(CallShared {
        state: Mutex::new(CallState::Waiting(None)),
        completed: Condvar::new(),
        interrupt: Arc::default(),
        started: AtomicBool::new(false),
        detached: AtomicBool::new(false),
        phases: Phases::of_current(),
    });
    (Completer(Some(Arc::clone(&shared))), PendingCall(shared))
}

impl<T> Completer<T> {
    /// Returns the interrupt that stops this call.
    pub(crate) fn interrupt(&self) -> Arc<Interrupt> {
        // Present until `result` takes `self`.
        self.0.as_ref().map_or_else(Arc::default, |shared| Arc::clone(&shared.interrupt))
    }

    /// Whether the caller has cancelled the call.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.as_ref().is_none_or(|shared| shared.interrupt.is_set())
    }

    /// Returns a receipt that reports whether the result was taken.
    pub(crate) fn receipt(&self) -> Option<Arc<dyn Receipt>>
    where
        T: Send + std::fmt::Debug + 'static,
    {
        self.0.clone().map(|shared| shared as Arc<dyn Receipt>)
    }

    /// Marks the beginning of the work. Returns false if the work must not begin because the caller
    /// cancelled or stopped it.
    pub(crate) fn start(&self) -> bool {
        let Some(shared) = &self.0 else { return false };
        let _state = shared.state();
        let wanted = !shared.interrupt.is_set();
        shared.started.store(wanted, Ordering::Release);
        if wanted {
            shared.pass(Phases::begin);
        }
        wanted
    }

    /// Records that the work begins, which can't be kept from it any more.
    pub(crate) fn note_begun(&self) {
        if let Some(shared) = &self.0 {
            shared.pass(Phases::begin);
        }
    }

    /// Marks the work as waiting again. Returns false if in the meantime the caller has
    /// cancelled it, or has stopped it and been notified.
    pub(crate) fn wait_again(&self) -> bool {
        let Some(shared) = &self.0 else { return false };
        let mut state = shared.state();
        shared.started.store(false, Ordering::Release);
        shared.pass(Phases::wait);
        if !shared.interrupt.is_set() {
            return true;
        }
        if let CallState::Waiting(waker) = &mut *state {
            let waker = waker.take();
            *state = CallState::Completed(Err(cancelled()));
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        false
    }

    /// Completes the call. A result that nobody takes any more is returned, so that what it holds
    /// can be given to somebody else.
    pub(crate) fn complete(mut self, result: Result<T>) -> Option<T> {
        self.0.take().and_then(|shared| {
            // Stopped while waiting for a lock: SQLite reports that it is busy.
            let result = match result {
                Err(error) if error.kind() == ErrorKind::Busy && shared.interrupt.is_set() => {
                    Err(cancelled())
                }
                result => result,
            };
            give(&shared, result)
        })
    }
}

/// The error of a call that was stopped.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the call was interrupted")
}

fn give<T>(shared: &CallShared<T>, result: Result<T>) -> Option<T> {
    // Before the caller can know of the result.
    shared.pass(Phases::end);
    let mut state = shared.state();
    match std::mem::replace(&mut *state, CallState::Completed(result)) {
        CallState::Waiting(waker) => {
            drop(state);
            shared.completed.notify_all();
            if let Some(waker) = waker {
                waker.wake();
            }
            None
        }
        before => match std::mem::replace(&mut *state, before) {
            CallState::Completed(result) => result.ok(),
            _ => None,
        },
    }
}

impl<T> Drop for Completer<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            give(&shared, Err(Error::closed("database")));
        }
    }
}

/// How often a waiting thread checks whether it must stop.
const LOOK: Duration = Duration::from_millis(5);

impl<T> PendingCall<T> {
    /// Requests that the call stop. Work that has not begun never will, and the result says so at
    /// once. Otherwise the result will say whether it stopped.
    pub(crate) fn interrupt(&self) {
        let mut state = self.0.state();
        self.0.interrupt.set();
        if !self.0.started.load(Ordering::Acquire) && matches!(*state, CallState::Waiting(_)) {
            self.0.pass(Phases::end);
            *state = CallState::Completed(Err(cancelled()));
        }
    }

    /// Lets the work run although nobody wants its result.
    pub(crate) fn detach(self) {
        self.0.detached.store(true, Ordering::Release);
    }

    /// Blocks this thread until the result arrives. Returns `None` once `until` has passed or
    /// `stop` was set. Only threads that run SQLite may wait like this.
    pub(crate) fn wait(self, until: Instant, stop: Option<&Interrupt>) -> Option<Result<T>> {
        let mut state = self.0.state();
        loop {
            match std::mem::replace(&mut *state, CallState::Taken) {
                CallState::Completed(result) => return Some(result),
                other => *state = other,
            }
            if stop.is_some_and(Interrupt::is_set) {
                return None;
            }
            let left = until.checked_duration_since(Instant::now())?;
            // A stop has no way to wake this wait.
            let left = if stop.is_some() { left.min(LOOK) } else { left };
            state = self
                .0
                .completed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl<T> Future for PendingCall<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let mut state = self.0.state();
        match &mut *state {
            CallState::Waiting(Some(waker)) => waker.clone_from(cx.waker()),
            CallState::Waiting(none) => *none = Some(cx.waker().clone()),
            _ => {
                return match std::mem::replace(&mut *state, CallState::Taken) {
                    CallState::Completed(result) => Poll::Ready(result),
                    _ => Poll::Ready(Err(Error::new(
                        ErrorKind::Internal,
                        "a call was polled again after it completed",
                    ))),
                };
            }
        }
        Poll::Pending
    }
}

impl<T> Drop for PendingCall<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if !self.0.detached.load(Ordering::Acquire) {
            self.0.interrupt.set();
            self.0.pass(Phases::end);
        }
        let before = match &*state {
            CallState::Taken => CallState::Taken,
            _ => std::mem::replace(&mut *state, CallState::Over),
        };
        drop(state);
        // Dropped outside the lock: a result may hold a connection, and returning that takes other
        // locks.
        drop(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_nobody_takes_comes_back() {
        let (completer, call) = call::<u8>();
        drop(call);
        assert!(completer.is_cancelled());
        assert_eq!(completer.complete(Ok(7)), Some(7));
    }

    #[test]
    fn an_answer_that_was_given_up_unseen_is_told_from_one_that_was_taken() {
        let (completer, call) = call::<u8>();
        let receipt = completer.receipt().unwrap();
        completer.complete(Ok(7));
        assert_eq!(receipt.was_cancelled(), None);
        drop(call);
        assert_eq!(receipt.was_cancelled(), Some(true));
        let (completer, call) = super::call::<u8>();
        let receipt = completer.receipt().unwrap();
        completer.complete(Ok(7));
        call.wait(Instant::now(), None).unwrap().unwrap();
        assert_eq!(receipt.was_cancelled(), Some(false));
        let (completer, call) = super::call::<u8>();
        let receipt = completer.receipt().unwrap();
        call.detach();
        completer.complete(Ok(7));
        assert_eq!(receipt.was_cancelled(), Some(false));
    }

    #[test]
    fn a_lost_completer_answers_closed() {
        let (completer, call) = call::<u8>();
        drop(completer);
        let result = call.wait(Instant::now(), None).unwrap();
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Closed);
    }
}
