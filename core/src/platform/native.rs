//! Threads: futures cross them, and one small thread runs the timers.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::timer::{self, TimerKey};

/// Whether connections are used by several threads.
pub(crate) const THREADS: bool = true;

/// Whether SQLite's default VFS keeps its files on a disk.
pub(crate) const HAS_FILES: bool = true;

/// `Send` where there are threads; anything elsewhere.
pub trait MaybeSend: Send {}
impl<T: Send + ?Sized> MaybeSend for T {}

/// `Sync` where there are threads; anything elsewhere.
pub trait MaybeSync: Sync {}
impl<T: Sync + ?Sized> MaybeSync for T {}

/// Ends after `duration`, on any executor.
pub(crate) fn sleep(duration: Duration) -> Sleep {
    Sleep { at: Instant::now().checked_add(duration), armed: None }
}

/// Something that stays on one thread where there is only one, and is sent as it is elsewhere.
#[derive(Clone)]
pub(crate) struct Sendable<T>(pub(crate) T);

/// See [`sleep`].
pub(crate) struct Sleep {
    // `None`: beyond what the clock can express, so it never ends.
    at: Option<Instant>,
    armed: Option<(TimerKey, Arc<Mutex<Waker>>)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        if Instant::now() >= at {
            return Poll::Ready(());
        }
        match &self.armed {
            Some((_, waker)) => {
                waker.lock().unwrap_or_else(PoisonError::into_inner).clone_from(cx.waker());
            }
            None => {
                let waker = Arc::new(Mutex::new(cx.waker().clone()));
                let shared = Arc::clone(&waker);
                let key = timer::schedule(at, move || {
                    shared.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
                });
                self.armed = Some((key, waker));
            }
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((key, _)) = self.armed.take() {
            timer::cancel(key);
        }
    }
}

/// Returns the time on a clock that never goes back, counted from some moment of this process.
pub(crate) fn now() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Runs work that nobody waits for: immediately, since here long work has a thread of its own.
pub(crate) fn later(work: impl FnOnce()) {
    work();
}

/// Blocks the calling thread, and returns for how long. Only threads that run SQLite may call it.
pub(crate) fn block_for(duration: Duration) -> Duration {
    std::thread::sleep(duration);
    duration
}

/// Returns how many threads can run at the same time on this machine.
pub(crate) fn parallelism() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Returns freed memory to the system, where that needs a request.
pub(crate) fn release_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn malloc_trim(pad: usize) -> std::ffi::c_int;
        }
        // SAFETY: it may be called at any time, on any thread (malloc_trim(3)).
        unsafe { malloc_trim(0) };
    }
}
