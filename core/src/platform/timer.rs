//! One thread for all timers of the process. It exists only while a timer is pending (and slightly
//! longer), so an idle process has neither wake-ups nor a leftover thread.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

type TimerTask = Box<dyn FnOnce() + Send>;

/// Identifies a pending timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey(Instant, u64);

struct TimerState {
    pending: BTreeMap<TimerKey, TimerTask>,
    next: u64,
    running: bool,
}

/// How long the thread outlives its last timer: longer than the pause between two calls of a busy
/// program, so that it is not restarted again and again.
const LINGER: Duration = Duration::from_millis(200);

static STATE: Mutex<TimerState> =
    Mutex::new(TimerState { pending: BTreeMap::new(), next: 0, running: false });
static CHANGED: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, TimerState> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `task` on the timer thread at `at`. It must be short and must not block.
pub(crate) fn schedule(at: Instant, task: impl FnOnce() + Send + 'static) -> TimerKey {
    let mut state = state();
    state.next += 1;
    let key = TimerKey(at, state.next);
    let first = state.pending.first_key_value().is_none_or(|(earliest, _)| key < *earliest);
    state.pending.insert(key, Box::new(task));
    if !state.running {
        #[cfg(unix)]
        at_fork::install();
        // If the thread can't be started, the next timer retries.
        state.running =
            std::thread::Builder::new().name("ubiqlite-timer".into()).spawn(run).is_ok();
    } else if first {
        CHANGED.notify_one();
    }
    key
}

/// Cancels a timer; one that has already run is no error.
pub(crate) fn cancel(key: TimerKey) {
    // Bound first, so that the task is dropped after the lock is released: what
    // it captured may itself cancel or schedule when dropped.
    let removed = state().pending.remove(&key);
    drop(removed);
}

fn run() {
    let mut guard = state();
    loop {
        let now = Instant::now();
        let wait = match guard.pending.first_entry() {
            Some(first) if first.key().0 <= now => {
                let task = first.remove();
                drop(guard);
                // A panicking task must not end the thread.
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(task));
                guard = state();
                continue;
            }
            Some(first) => first.key().0 - now,
            None => LINGER,
        };
        let (next, timeout) =
            CHANGED.wait_timeout(guard, wait).unwrap_or_else(PoisonError::into_inner);
        guard = next;
        if timeout.timed_out() && guard.pending.is_empty() {
            guard.running = false;
            return;
        }
    }
}

/// A child of a fork has its parent's timers but not the thread: it starts afresh.
#[cfg(unix)]
mod at_fork {
    use std::sync::Once;

    use super::super::fork_lock::ForkLock;
    use super::{TimerState, state};

    static HELD: ForkLock<TimerState> = ForkLock::new();

    pub(super) fn install() {
        static ONCE: Once = Once::new();
        // SAFETY: the functions live as long as the code that registers them. A refusal, for
        // want of memory, leaves a child without timers.
        ONCE.call_once(|| unsafe {
            libc::pthread_atfork(Some(before), Some(parent), Some(child));
        });
    }

    unsafe extern "C" fn before() {
        let guard = state();
        // SAFETY: it is called around a fork.
        unsafe { HELD.put(guard) };
    }

    unsafe extern "C" fn parent() {
        // SAFETY: it is called around a fork.
        drop(unsafe { HELD.take() });
    }

    /// Frees no memory: what the timers hold is the parent's.
    unsafe extern "C" fn child() {
        // SAFETY: it is called around a fork.
        let Some(mut state) = (unsafe { HELD.take() }) else { return };
        std::mem::forget(std::mem::take(&mut state.pending));
        state.running = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_later_earlier_timer_is_not_kept_waiting_by_the_first() {
        let (tx, rx) = mpsc::channel();
        let late = tx.clone();
        let far = schedule(Instant::now() + Duration::from_secs(60), move || {
            let _ = late.send("far");
        });
        schedule(Instant::now() + Duration::from_millis(5), move || {
            let _ = tx.send("near");
        });
        assert_eq!(rx.recv_timeout(Duration::from_secs(10)), Ok("near"));
        cancel(far);
        assert!(rx.recv_timeout(Duration::from_millis(20)).is_err());
    }
}
