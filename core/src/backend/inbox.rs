//! Jobs for one thread, in the order they were requested.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Jobs for one thread, which is started by the first job and may end when there is none.
pub(crate) struct Inbox<J> {
    state: Mutex<InboxState<J>>,
    changed: Condvar,
}

struct InboxState<J> {
    jobs: VecDeque<J>,
    /// A thread will check for jobs again.
    served: bool,
    /// The jobs are for a thread that comes by itself, and no other.
    reserved: bool,
    /// A job was taken and is not done.
    busy: bool,
    /// A thread waits for a job; otherwise it will check by itself.
    asleep: bool,
    closed: bool,
}

/// What a thread that serves an inbox does next.
pub(crate) enum NextJob<J> {
    Job(J),
    /// No job came for the time given: see [`Inbox::leave`].
    Idle,
    /// Another thread serves from now on.
    Leave,
    /// All jobs are done, and no more are accepted.
    Closed,
}

impl<J> Default for Inbox<J> {
    fn default() -> Self {
        let state = InboxState {
            jobs: VecDeque::new(),
            served: false,
            reserved: false,
            busy: false,
            asleep: false,
            closed: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<J> std::fmt::Debug for Inbox<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("jobs", &self.state().jobs.len()).finish_non_exhaustive()
    }
}

impl<J> Inbox<J> {
    fn state(&self) -> MutexGuard<'_, InboxState<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job. If no thread serves, `start` starts one, and returns whether it did. A job is
    /// dropped if the inbox is closed, or if it finds no thread: the next one tries again.
    pub(crate) fn push(&self, job: J, start: impl FnOnce() -> bool) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            drop(job);
            return;
        }
        state.jobs.push_back(job);
        if state.served || state.reserved {
            let asleep = state.asleep;
            drop(state);
            if asleep {
                self.changed.notify_all();
            }
        } else if start() {
            state.served = true;
        } else {
            let job = state.jobs.pop_back();
            drop(state);
            drop(job);
        }
    }

    /// Whether no job is under way or waiting.
    #[inline]
    pub(crate) fn is_quiet(&self) -> bool {
        let state = self.state();
        state.jobs.is_empty() && !state.busy
    }

    /// The same, and whether jobs are accepted.
    pub(crate) fn is_open_and_quiet(&self) -> bool {
        let state = self.state();
        state.jobs.is_empty() && !state.busy && !state.closed
    }

    /// Returns what the serving thread does next, once the last job is done. Waits for a job, for
    /// at most `idle` if given. `adopted`: the thread came by itself.
    pub(crate) fn next(&self, idle: Option<Duration>, adopted: bool) -> NextJob<J> {
        let mut state = self.state();
        state.busy = false;
        loop {
            if state.reserved && !adopted {
                state.served = false;
                drop(state);
                self.changed.notify_all();
                return NextJob::Leave;
            }
            if let Some(job) = state.jobs.pop_front() {
                state.busy = true;
                return NextJob::Job(job);
            }
            if state.closed {
                state.served = false;
                return NextJob::Closed;
            }
            state.asleep = true;
            let timed_out;
            (state, timed_out) = match idle {
                Some(idle) => {
                    let waited = self.changed.wait_timeout(state, idle);
                    let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    (state, timeout.timed_out())
                }
                None => (self.changed.wait(state).unwrap_or_else(PoisonError::into_inner), false),
            };
            state.asleep = false;
            if timed_out && state.jobs.is_empty() && !state.closed {
                return NextJob::Idle;
            }
        }
    }

    /// Records that the job under way is done, before the thread asks for the next one.
    pub(crate) fn finish(&self) {
        self.state().busy = false;
    }

    /// Lets the serving thread end. Returns whether it may: not if there is a job again.
    pub(crate) fn leave(&self) -> bool {
        let mut state = self.state();
        let leaves = state.jobs.is_empty() && !state.closed;
        state.served &= !leaves;
        leaves
    }

    /// Leaves the jobs from now on to the thread that will call [`adopt`](Self::adopt).
    pub(crate) fn reserve(&self) {
        self.state().reserved = true;
        self.changed.notify_all();
    }

    /// Makes this thread the one that serves, after the one that does has left.
    pub(crate) fn adopt(&self) {
        self.reserve();
        let mut state = self.state();
        while state.served {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.served = true;
    }

    /// Accepts no more jobs; those accepted are still served.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Accepts no more jobs, and returns those accepted: to be dropped without other locks.
    pub(crate) fn abandon(&self) -> VecDeque<J> {
        let jobs = {
            let mut state = self.state();
            state.closed = true;
            std::mem::take(&mut state.jobs)
        };
        self.changed.notify_all();
        jobs
    }
}
