//! Goes on with requests when they can go on, on the thread that takes replies.
//!
//! There is no executor: whoever ends a wait (the writer's thread, a timer) only
//! puts the request on a list and raises the signal, and the language's own thread,
//! which has to wake anyhow, goes on with it before it takes what is ready. So
//! there is one wake-up from the end of a statement to its caller.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use ubiqlite::BoxFuture;
use ubiqlite::wire::Host;

use crate::signal::Signal;

/// The requests of one client that can go on.
#[derive(Default)]
pub(crate) struct Driver {
    pub(crate) signal: Signal,
    ready: Mutex<Ready>,
}

#[derive(Default)]
struct Ready {
    jobs: VecDeque<Arc<Job>>,
    over: bool,
}

/// A request under way.
struct Job {
    driver: Arc<Driver>,
    queued: AtomicBool,
    future: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Driver {
    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with all that can: to be called before the replies are taken.
    pub(crate) fn run(&self) {
        // What is woken meanwhile waits for the next time, or one that wakes itself
        // again and again would keep the others from their replies.
        let jobs = std::mem::take(&mut self.ready().jobs);
        for job in jobs {
            job.run();
        }
        // What they answered is taken next, and needs no wake-up of its own; what can go
        // on since then does.
        self.signal.lower();
        if !self.ready().jobs.is_empty() {
            self.signal.raise();
        }
    }

    /// Forgets everything: nothing goes on any more.
    pub(crate) fn end(&self) {
        let mut ready = self.ready();
        ready.over = true;
        let jobs = std::mem::take(&mut ready.jobs);
        drop(ready);
        drop(jobs);
        self.signal.end();
    }
}

impl Job {
    fn run(self: &Arc<Self>) {
        // Before the future is asked: a wake-up from now on is a new one.
        self.queued.store(false, Ordering::Release);
        let mut future = self.future.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = future.as_mut() else { return };
        let waker = Waker::from(Arc::clone(self));
        let poll = || running.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        // A panic is the request's end, and no other's.
        if catch_unwind(AssertUnwindSafe(poll)).unwrap_or(true) {
            *future = None;
        }
    }
}

impl Wake for Job {
    fn wake(self: Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let driver = Arc::clone(&self.driver);
        let mut ready = driver.ready();
        if !ready.over {
            ready.jobs.push_back(self);
            drop(ready);
            driver.signal.raise();
        }
    }
}

/// The server's host.
pub(crate) struct Hosted(pub(crate) Arc<Driver>);

impl Host for Hosted {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        // At once: only so does it know whom to wake.
        let driver = Arc::clone(&self.0);
        Arc::new(Job { driver, queued: AtomicBool::new(true), future: Mutex::new(Some(future)) })
            .run();
    }

    fn ready(&self) {
        self.0.signal.raise();
    }
}
