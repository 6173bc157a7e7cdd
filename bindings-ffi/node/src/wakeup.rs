//! How JavaScript learns that there is something to take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Result, Status, sys};
use ubiqlite_shared::Bell;

/// Weak: it does not keep its process alive unless it is held.
type WakeFunction = ThreadsafeFunction<(), (), (), Status, false, true>;

/// A bell that one thread, the one that takes, can keep from ringing.
pub(crate) trait Mutable: Bell {
    /// Until it is lowered, raising it does nothing: the thread that takes is there.
    fn mute(&self);
}

/// Calls a JavaScript function, on its thread and at its time, from any thread.
pub(crate) struct Wakeup {
    call: WakeFunction,
    raised: AtomicBool,
    held: AtomicBool,
}

impl Wakeup {
    pub(crate) fn new(function: &Function<'_, (), ()>) -> Result<Self> {
        let call = function
            .build_threadsafe_function()
            .callee_handled::<false>()
            .weak::<true>()
            .build()?;
        Ok(Self { call, raised: AtomicBool::new(false), held: AtomicBool::new(false) })
    }

    /// Sets whether it keeps the process alive. Must be called on JavaScript's thread.
    pub(crate) fn hold(&self, env: &Env, wanted: bool) {
        if self.held.swap(wanted, Ordering::Relaxed) == wanted {
            return;
        }
        let handle = Arc::clone(&self.call.handle);
        handle.with_read_aborted(|aborted| {
            if aborted {
                return;
            }
            let (env, raw) = (env.raw(), handle.get_raw());
            // SAFETY: it was not aborted, which the lock keeps so, and `env` is the
            // environment of the call that is running, which made it.
            let _ = unsafe {
                if wanted {
                    sys::napi_ref_threadsafe_function(env, raw)
                } else {
                    sys::napi_unref_threadsafe_function(env, raw)
                }
            };
        });
    }
}

impl Bell for Wakeup {
    fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            // An environment that is ending takes nothing any more.
            let _ = self.call.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    fn lower(&self) {
        self.raised.store(false, Ordering::Release);
    }

    fn end(&self) {}
}

impl Mutable for Wakeup {
    fn mute(&self) {
        self.raised.store(true, Ordering::Release);
    }
}
