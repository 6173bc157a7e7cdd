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

use ubiqlite::ext::BoxFuture;
use ubiqlite::ext::wire::Host;

/// How the thread that takes replies learns that it is to come. Raised by any thread,
/// lowered by the one that takes; however often it is raised, it wakes once.
pub trait Bell: Send + Sync + 'static {
    /// Something is to be taken, or can go on.
    fn raise(&self);

    /// To be called before looking: what comes later raises it again.
    fn lower(&self);

    /// Nothing comes any more: whoever waits is woken for good.
    fn end(&self);
}

/// The requests of one client that can go on.
pub struct Driver<B> {
    /// Wakes who takes.
    pub signal: B,
    ready: Mutex<Ready<B>>,
}

struct Ready<B> {
    jobs: VecDeque<Arc<Job<B>>>,
    over: bool,
}

/// A request under way.
struct Job<B> {
    driver: Arc<Driver<B>>,
    queued: AtomicBool,
    future: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl<B: Bell + Default> Default for Driver<B> {
    fn default() -> Self {
        Self::new(B::default())
    }
}

impl<B: Bell> Driver<B> {
    /// Nothing to go on with yet.
    pub fn new(signal: B) -> Self {
        Self { signal, ready: Mutex::new(Ready { jobs: VecDeque::new(), over: false }) }
    }

    fn ready(&self) -> MutexGuard<'_, Ready<B>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with all that can: to be called before the replies are taken.
    pub fn run(&self) {
        // What is woken meanwhile waits for the next time, or one that wakes itself
        // again and again would keep the others from their replies.
        let jobs = std::mem::take(&mut self.ready().jobs);
        for job in jobs {
            job.run();
        }
        self.settle();
    }

    /// To be called before replies are taken, by who was not woken for them: what they are
    /// needs no wake-up of its own; what can go on since then does.
    pub fn settle(&self) {
        self.signal.lower();
        if !self.ready().jobs.is_empty() {
            self.signal.raise();
        }
    }

    /// Forgets everything: nothing goes on any more.
    pub fn end(&self) {
        let mut ready = self.ready();
        ready.over = true;
        let jobs = std::mem::take(&mut ready.jobs);
        drop(ready);
        drop(jobs);
        self.signal.end();
    }
}

impl<B: Bell> Job<B> {
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

impl<B: Bell> Wake for Job<B> {
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
pub struct Hosted<B>(pub Arc<Driver<B>>);

impl<B: Bell> Host for Hosted<B> {
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
