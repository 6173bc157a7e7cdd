//! Continues requests when they can continue, on the thread that takes replies.
//!
//! There is no executor. Whatever ends a wait (the writer's thread, a timer) only puts the request
//! on a list and raises the signal. The language's own thread, which has to wake anyway, continues
//! it before it takes what is ready. So there is one wake-up from the end of a statement to its
//! caller.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use ubiqlite::ext::BoxFuture;
use ubiqlite::ext::wire::Host;

/// Wakes the thread that takes replies. Raised by any thread, lowered by the one that takes;
/// however often it is raised, it wakes once.
pub trait Bell: Send + Sync + 'static {
    /// Signals that there is something to take, or that something can continue.
    fn raise(&self);

    /// Must be called before looking: what comes later raises it again.
    fn lower(&self);

    /// Signals that nothing comes any more: a waiting thread is woken for good.
    fn end(&self);
}

/// The requests of one client that can continue.
pub struct Driver<B> {
    /// Wakes the thread that takes replies.
    pub signal: B,
    ready: Mutex<Ready<B>>,
}

struct Ready<B> {
    jobs: VecDeque<Arc<PendingRequest<B>>>,
    over: bool,
}

/// A request under way.
struct PendingRequest<B> {
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
    /// A driver with nothing to continue yet.
    pub fn new(signal: B) -> Self {
        Self { signal, ready: Mutex::new(Ready { jobs: VecDeque::new(), over: false }) }
    }

    fn ready(&self) -> MutexGuard<'_, Ready<B>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Continues all that can. Must be called before the replies are taken.
    pub fn run(&self) {
        // What is woken in the meantime waits for the next time, or one that wakes itself again and
        // again would keep the others from their replies.
        let jobs = std::mem::take(&mut self.ready().jobs);
        for job in jobs {
            job.run();
        }
        self.settle();
    }

    /// Must be called before replies are taken without a wake-up for them: they need none of their
    /// own; what can continue since then does.
    pub fn settle(&self) {
        self.signal.lower();
        if !self.ready().jobs.is_empty() {
            self.signal.raise();
        }
    }

    /// Forgets everything: nothing continues any more.
    pub fn end(&self) {
        let mut ready = self.ready();
        ready.over = true;
        let jobs = std::mem::take(&mut ready.jobs);
        drop(ready);
        drop(jobs);
        self.signal.end();
    }
}

impl<B: Bell> PendingRequest<B> {
    fn run(self: &Arc<Self>) {
        // Before the future is polled: a wake-up from now on is a new one.
        self.queued.store(false, Ordering::Release);
        let mut future = self.future.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = future.as_mut() else { return };
        let waker = Waker::from(Arc::clone(self));
        let poll = || running.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        // A panic ends this request, and no other.
        if catch_unwind(AssertUnwindSafe(poll)).unwrap_or(true) {
            *future = None;
        }
    }
}

impl<B: Bell> Wake for PendingRequest<B> {
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
pub struct DriverHost<B>(pub Arc<Driver<B>>);

impl<B: Bell> Host for DriverHost<B> {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        // At once: only then does it know what to wake.
        let driver = Arc::clone(&self.0);
        Arc::new(PendingRequest {
            driver,
            queued: AtomicBool::new(true),
            future: Mutex::new(Some(future)),
        })
        .run();
    }

    fn ready(&self) {
        self.0.signal.raise();
    }
}
