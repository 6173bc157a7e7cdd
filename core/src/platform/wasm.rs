//! One thread, in a browser's or Node's worker: nothing has to be `Send`, and the host runs the
//! timers.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wasm_bindgen::prelude::*;

/// Whether connections are used by several threads.
pub(crate) const THREADS: bool = false;

/// Whether SQLite's default VFS keeps its files on a disk.
pub(crate) const HAS_FILES: bool = false;

/// `Send` where there are threads; anything here.
pub trait MaybeSend {}
impl<T: ?Sized> MaybeSend for T {}

/// `Sync` where there are threads; anything here.
pub trait MaybeSync {}
impl<T: ?Sized> MaybeSync for T {}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &JsValue, millis: i32) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// Returns the time on a clock that never goes back, counted from some moment of this worker.
pub(crate) fn now() -> Duration {
    Duration::from_secs_f64(performance_now() / 1000.0)
}

/// Something that stays on one thread where there is only one, and is sent as it is elsewhere.
#[derive(Clone)]
pub(crate) struct Sendable<T>(pub(crate) T);

// SAFETY: this target has one thread.
unsafe impl<T> Send for Sendable<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Sendable<T> {}

/// Ends after `duration`.
pub(crate) fn sleep(duration: Duration) -> Sleep {
    Sleep { duration, armed: None }
}

/// See [`sleep`].
pub(crate) struct Sleep {
    duration: Duration,
    armed: Option<Armed>,
}

struct Armed {
    shared: Rc<SleepShared>,
    timer: JsValue,
    // Called by the host's timer; it must live as long.
    _callback: Closure<dyn FnMut()>,
}

#[derive(Default)]
struct SleepShared {
    over: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// The longest time that `setTimeout` accepts.
const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

fn millis(duration: Duration) -> i32 {
    // Rounded up, so that a timer is never early.
    let millis = duration.min(LONGEST).as_micros().div_ceil(1000);
    i32::try_from(millis).unwrap_or(i32::MAX)
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(armed) = &self.armed {
            if armed.shared.over.get() {
                return Poll::Ready(());
            }
            *armed.shared.waker.borrow_mut() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.duration > LONGEST {
            return Poll::Pending;
        }
        let shared = Rc::new(SleepShared::default());
        *shared.waker.borrow_mut() = Some(cx.waker().clone());
        let ring = Rc::clone(&shared);
        let callback = Closure::<dyn FnMut()>::new(move || {
            ring.over.set(true);
            let waker = ring.waker.borrow_mut().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        let timer = set_timeout(callback.as_ref(), millis(self.duration));
        self.armed = Some(Armed { shared, timer, _callback: callback });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(armed) = &self.armed
            && !armed.shared.over.get()
        {
            clear_timeout(&armed.timer);
        }
    }
}

/// Runs work once the host has done what is due: messages posted before are on their way by then.
pub(crate) fn later(work: impl FnOnce() + 'static) {
    set_timeout(&Closure::once_into_js(work), 0);
}

/// Returns at once: a single thread must not be blocked, since a lock that is taken stays taken.
pub(crate) fn block_for(_duration: Duration) -> Duration {
    Duration::ZERO
}

/// Returns how many threads to assume on this machine: here readers are not for speed, but for
/// streams and snapshots alongside writes.
pub(crate) fn parallelism() -> usize {
    4
}
