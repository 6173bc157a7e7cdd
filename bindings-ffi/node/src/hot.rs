//! The two functions that are called for each batch of requests, as plain as Node-API
//! allows: a method of a class, with its arguments converted and checked, costs half a
//! microsecond, which is a sixth of a read.
//!
//! They name an engine by a number that is unique among this thread's engines, and not used again
//! for another one: an engine's last call may come after its end.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::rc::{Rc, Weak};

use napi::bindgen_prelude::{JsObjectValue, Object, Uint8Array};
use napi::{Env, Result, sys};

use crate::client::NodeClient;
use crate::wakeup::Wakeup;

/// An engine with the memory that it shares with JavaScript.
pub(crate) struct Hot {
    pub(crate) client: NodeClient<Wakeup>,
    /// Where replies are written to.
    room: RefCell<Uint8Array>,
    /// Where requests are read from.
    requests: RefCell<Uint8Array>,
    number: Cell<u32>,
}

/// The engines of a thread. The lower half of an engine's number is its index, the upper half how
/// often that index was given.
#[derive(Default)]
struct Engines(Vec<(u16, Weak<Hot>)>);

thread_local!(static ENGINES: RefCell<Engines> = const { RefCell::new(Engines(Vec::new())) });

impl Hot {
    /// Makes an engine with a number of its own; `None` if this thread has no more.
    pub(crate) fn new(client: NodeClient<Wakeup>, room: Uint8Array) -> Option<Rc<Self>> {
        let requests = RefCell::new(Uint8Array::new(Vec::new()));
        let hot = Rc::new(Self { client, room: room.into(), requests, number: Cell::new(0) });
        let number = ENGINES.with_borrow_mut(|engines| engines.put(&hot))?;
        hot.number.set(number);
        Some(hot)
    }

    pub(crate) fn number(&self) -> u32 {
        self.number.get()
    }

    /// Sets the memory that requests are read from.
    pub(crate) fn set_requests(&self, requests: Uint8Array) {
        self.requests.replace(requests);
    }

    /// Writes the replies that are ready to the room, like [`NodeClient::take`].
    pub(crate) fn fill(&self) -> Option<i64> {
        let mut room = self.room.try_borrow_mut().ok()?;
        // SAFETY: the memory is the engine's alone while this runs: JavaScript's one thread
        // is in this call, and gives the room to nobody else (`ts/node/native/channel.ts`).
        Some(self.client.take(unsafe { room.as_mut() }))
    }

    fn submit(&self, from: u32, to: u32, take: bool) -> Option<i64> {
        {
            let requests = self.requests.try_borrow().ok()?;
            let requests = requests.get(from as usize..to as usize)?;
            if !self.client.submit(requests) {
                return None;
            }
        }
        if take { self.fill() } else { Some(0) }
    }

    fn run(&self, take: bool) -> Option<i64> {
        self.client.run();
        if take { self.fill() } else { Some(0) }
    }
}

impl Engines {
    fn put(&mut self, hot: &Rc<Hot>) -> Option<u32> {
        let weak = Rc::downgrade(hot);
        // A free index is looked for only when there may be many.
        let free = self.0.iter().position(|(_, engine)| engine.strong_count() == 0);
        let index = match free {
            Some(index) => {
                let place = &mut self.0[index];
                *place = (place.0.wrapping_add(1), weak);
                index
            }
            None => {
                self.0.push((1, weak));
                self.0.len() - 1
            }
        };
        let index = u16::try_from(index).ok()?;
        Some(u32::from(self.0[usize::from(index)].0) << 16 | u32::from(index))
    }

    fn get(&self, number: u32) -> Option<Rc<Hot>> {
        let (given, engine) = self.0.get((number & 0xffff) as usize)?;
        (u32::from(*given) == number >> 16).then(|| engine.upgrade())?
    }
}

/// Adds `submit` and `run` to what the library exports.
pub(crate) fn export(env: Env, mut exports: Object<'_>) -> Result<()> {
    let functions: [(&str, sys::napi_callback); 2] = [("submit", Some(submit)), ("run", Some(run))];
    for (name, function) in functions {
        let mut value = null_mut();
        let length = name.len().cast_signed();
        // SAFETY: the name lives for the call, and the function for ever: the library is
        // never unloaded (napi pins it).
        let status = unsafe {
            sys::napi_create_function(
                env.raw(),
                name.as_ptr().cast(),
                length,
                function,
                null_mut(),
                &raw mut value,
            )
        };
        if status != sys::Status::napi_ok {
            return Err(napi::Error::from_status(napi::Status::from(status)));
        }
        // SAFETY: it is the function that was just made, of this environment.
        let value = unsafe { napi::Unknown::from_raw_unchecked(env.raw(), value) };
        exports.set_named_property(name, value)?;
    }
    Ok(())
}

/// `submit(number, from, to, take)`: takes the requests between two offsets of the memory that was
/// set last. If `take` is not 0, writes the replies that are ready to the room, and returns how
/// many bytes they are; negative: they did not fit. `undefined`: the bytes are not requests, or the
/// engine is gone.
unsafe extern "C" fn submit(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: both are those of the call.
    unsafe {
        reply_to(env, info, |[number, from, to, take]| find(number)?.submit(from, to, take != 0))
    }
}

/// `run(number, take)`: continues what can continue, on a wake-up; returns the same as `submit`.
unsafe extern "C" fn run(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: both are those of the call.
    unsafe { reply_to(env, info, |[number, take]| find(number)?.run(take != 0)) }
}

fn find(number: u32) -> Option<Rc<Hot>> {
    ENGINES.try_with(|engines| engines.try_borrow().ok()?.get(number)).ok()?
}

/// Calls `work` with a call's arguments, which are numbers, and returns its result.
///
/// # Safety
/// `env` and `info` are those of the call that is running.
unsafe fn reply_to<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    work: impl FnOnce([u32; N]) -> Option<i64>,
) -> sys::napi_value {
    let mut values = [null_mut(); N];
    let mut count = N;
    // SAFETY: there is room for as many arguments as `count` says; those that are missing
    // are `undefined`, which is no number.
    let told = unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &raw mut count,
            values.as_mut_ptr(),
            null_mut(),
            null_mut(),
        )
    };
    if told != sys::Status::napi_ok {
        return null_mut();
    }
    let mut numbers = [0; N];
    for (value, number) in values.into_iter().zip(&mut numbers) {
        // SAFETY: the value is one of this call's.
        if unsafe { sys::napi_get_value_uint32(env, value, number) } != sys::Status::napi_ok {
            return null_mut();
        }
    }
    let result = catch_unwind(AssertUnwindSafe(|| work(numbers))).ok().flatten();
    let mut returned = null_mut();
    if let Some(result) = result {
        // SAFETY: the environment is that of the call. On failure nothing is returned.
        let _ = unsafe { sys::napi_create_int64(env, result, &raw mut returned) };
    }
    returned
}
