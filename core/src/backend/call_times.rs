//! How long a call waits and how long it runs, for those who ask for it.
//!
//! A call waits until its program begins on a connection: in a queue, for a permit, and for a lock
//! that another process has. It runs from there to its end. Whoever makes a call enters its
//! [`CallTimes`]; what is begun meanwhile on this thread, for whichever thread, is added to it.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Reply;
use crate::platform;

/// How long one call has waited and has run, summed up over all that was done for it.
#[derive(Debug, Default)]
pub(crate) struct CallTimes {
    waited: AtomicU64,
    ran: AtomicU64,
}

impl CallTimes {
    pub(crate) fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }

    pub(crate) fn ran(&self) -> Duration {
        Duration::from_nanos(self.ran.load(Ordering::Relaxed))
    }

    fn add_wait(&self, time: Duration) {
        self.waited.fetch_add(platform::nanos(time), Ordering::Relaxed);
    }

    fn add_run(&self, time: Duration) {
        self.ran.fetch_add(platform::nanos(time), Ordering::Relaxed);
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<CallTimes>>> = const { RefCell::new(None) };
    /// Whether there is one: most calls are not timed, and must not pay for the look.
    static TIMED: Cell<bool> = const { Cell::new(false) };
}

/// Makes what this thread begins count for a call, until the guard is dropped; for none: for
/// nobody.
#[inline]
pub(crate) fn enter(times: Option<&Arc<CallTimes>>) -> TimesGuard {
    if times.is_none() && !TIMED.get() {
        return TimesGuard { before: None, changed: false };
    }
    TimesGuard { before: exchange(times.map(Arc::clone)), changed: true }
}

#[cold]
fn exchange(times: Option<Arc<CallTimes>>) -> Option<Arc<CallTimes>> {
    TIMED.set(times.is_some());
    CURRENT.replace(times)
}

/// See [`enter`].
pub(crate) struct TimesGuard {
    before: Option<Arc<CallTimes>>,
    changed: bool,
}

impl Drop for TimesGuard {
    #[inline]
    fn drop(&mut self) {
        if self.changed {
            exchange(self.before.take());
        }
    }
}

/// Returns the times of the call that this thread works for.
#[inline]
fn current() -> Option<Arc<CallTimes>> {
    if TIMED.get() { CURRENT.with_borrow(Clone::clone) } else { None }
}

/// Counts work on this thread as running.
#[inline]
pub(super) fn measure<T>(work: impl FnOnce() -> T) -> T {
    let Some(times) = current() else { return work() };
    let since = platform::now();
    let done = work();
    times.add_run(platform::now().saturating_sub(since));
    done
}

/// Counts a call to a backend as running if its reply is ready at once. Otherwise what it has begun
/// counts by itself.
#[inline]
pub(crate) fn measure_reply<T>(begin: impl FnOnce() -> Reply<T>) -> Reply<T> {
    let Some(times) = current() else { return begin() };
    let since = platform::now();
    let reply = begin();
    if reply.is_ready() {
        times.add_run(platform::now().saturating_sub(since));
    }
    reply
}

/// The wait and the run of one piece of work that another thread may do.
#[derive(Debug)]
pub(super) struct Phases {
    times: Arc<CallTimes>,
    state: Mutex<PhaseState>,
}

#[derive(Debug)]
struct PhaseState {
    phase: Phase,
    /// Up to when it is counted.
    counted: Duration,
    /// How much of the running was waiting for a lock.
    withheld: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    /// It does not count: a query that nobody reads.
    Pausing,
    Over,
}

impl Phases {
    /// Begins to wait, if the call that this thread works for is timed.
    #[inline]
    pub(super) fn of_current() -> Option<Box<Self>> {
        current().map(|times| {
            let counted = platform::now();
            let state = PhaseState { phase: Phase::Waiting, counted, withheld: Duration::ZERO };
            Box::new(Self { times, state: Mutex::new(state) })
        })
    }

    fn state(&self) -> MutexGuard<'_, PhaseState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its work begins.
    pub(super) fn begin(&self, locks: Duration) {
        self.enter(Phase::Running, locks);
    }

    /// It waits again.
    pub(super) fn wait(&self, locks: Duration) {
        self.enter(Phase::Waiting, locks);
    }

    /// It does nothing for a while.
    pub(super) fn pause(&self, locks: Duration) {
        self.enter(Phase::Pausing, locks);
    }

    /// It is over. Nothing counts after this.
    pub(super) fn end(&self, locks: Duration) {
        self.enter(Phase::Over, locks);
    }

    /// Counts what has passed of its present phase.
    pub(super) fn count(&self, locks: Duration) {
        let phase = self.state().phase;
        self.enter(phase, locks);
    }

    /// Counts the present phase, and enters another. `locks`: how long it has waited for locks in
    /// all.
    fn enter(&self, phase: Phase, locks: Duration) {
        let mut state = self.state();
        let now = platform::now();
        let passed = now.saturating_sub(state.counted);
        state.counted = now;
        match state.phase {
            Phase::Waiting => self.times.add_wait(passed),
            Phase::Running => {
                let locked = locks.saturating_sub(state.withheld).min(passed);
                state.withheld += locked;
                self.times.add_wait(locked);
                self.times.add_run(passed.saturating_sub(locked));
            }
            Phase::Pausing => {}
            Phase::Over => return,
        }
        state.phase = phase;
    }
}
