//! The functions that are called for each request, in C's calling convention.
//!
//! None of them unwinds, and they take only numbers and the caller's own memory. For a client's
//! number that is not in use they return [`GONE`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::client::{CallStatus, DrainStatus, Endpoint};
use crate::engine::CLIENTS;
use crate::signal::SignalOutcome;

/// There is no such client, or it has ended.
pub const GONE: i64 = -1;
/// The bytes are not a request. This is a defect of the binding.
pub const MALFORMED: i64 = -2;
/// Something panicked. This is a defect of this library.
pub const DEFECT: i64 = -3;
/// [`ubiqlite_take`] needs more room; with the number of bytes, it returns `-16 - room`. Also
/// [`ubiqlite_call`] of a client that speaks `marshal`: the reply must be taken before another call
/// is made.
pub const NEEDS_ROOM: i64 = -16;

fn with(client: u64, work: impl FnOnce(&dyn Endpoint) -> i64) -> i64 {
    guarded(|| CLIENTS.get(client).map_or(GONE, |client| work(&**client)))
}

/// Nothing unwinds into C.
pub(crate) fn guarded(work: impl FnOnce() -> i64) -> i64 {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(DEFECT)
}

/// What a call returns.
pub(crate) fn called(called: CallStatus) -> i64 {
    match called {
        CallStatus::Replied(length) => len(length),
        CallStatus::Pending => 0,
        CallStatus::NeedsRoom(length) => NEEDS_ROOM - len(length),
        CallStatus::Malformed => MALFORMED,
    }
}

pub(crate) fn len(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// Takes one request of `length` bytes.
///
/// Returns the length of its reply, if that is ready at once and fits into `room` bytes at `reply`;
/// or 0, if the reply will be among those of [`ubiqlite_take`] or none will come; or one of the
/// constants above.
///
/// # Safety
/// `request` has `length` readable bytes and `reply` has `room` writable ones, until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ubiqlite_call(
    client: u64,
    request: *const u8,
    length: usize,
    reply: *mut u8,
    room: usize,
) -> i64 {
    with(client, |client| {
        // SAFETY: the caller promises both.
        let (request, room) = unsafe { (bytes(request, length), bytes_mut(reply, room)) };
        called(client.call(request, room))
    })
}

/// Continues requests that can continue, and writes all replies that are ready.
///
/// Returns how many bytes were written, 0 if nothing is ready, one of the constants
/// above, or `NEEDS_ROOM - bytes`: then nothing was taken.
///
/// # Safety
/// `reply` has `room` writable bytes until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ubiqlite_take(client: u64, reply: *mut u8, room: usize) -> i64 {
    with(client, |client| {
        // SAFETY: the caller promises it.
        match client.take(unsafe { bytes_mut(reply, room) }) {
            DrainStatus::Nothing => 0,
            DrainStatus::Replies(length) => len(length),
            DrainStatus::NeedsRoom(length) => NEEDS_ROOM - len(length),
        }
    })
}

/// Waits until [`ubiqlite_take`] should be called, and returns 1; or for `millis` milliseconds, and
/// returns 0. A negative number waits without end. The wait ends with [`GONE`] when its client
/// ends.
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_wait(client: u64, millis: i64) -> i64 {
    let limit = u64::try_from(millis).ok().map(Duration::from_millis);
    // A caller that waits does not keep the client alive: the client's end is what it waits for.
    let Some(driver) = CLIENTS.get(client).map(|client| Arc::clone(client.driver())) else {
        return GONE;
    };
    match driver.signal.wait(limit) {
        SignalOutcome::Raised => 1,
        SignalOutcome::Timeout => 0,
        SignalOutcome::Over => GONE,
    }
}

/// Returns a file descriptor that is readable when [`ubiqlite_take`] should be called. It lives as
/// long as the client, and must neither be read nor closed. [`GONE`] also where there can be none.
#[cfg(unix)]
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_descriptor(client: u64) -> i64 {
    with(client, |client| client.driver().signal.descriptor().map_or(GONE, i64::from))
}

/// Ends a client: its calls are cancelled, what it has open is rolled back.
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_release(client: u64) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(CLIENTS.remove(client))));
}

/// # Safety
/// There are `length` bytes at `start` that nobody changes while they are borrowed;
/// `start` may be null if there are none.
pub(crate) unsafe fn bytes<'a>(start: *const u8, length: usize) -> &'a [u8] {
    if start.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: the caller promises it.
    unsafe { std::slice::from_raw_parts(start, length) }
}

/// # Safety
/// There are `length` bytes at `start` that nobody else uses while they are
/// borrowed; `start` may be null if there are none.
pub(crate) unsafe fn bytes_mut<'a>(start: *mut u8, length: usize) -> &'a mut [u8] {
    if start.is_null() || length == 0 {
        return &mut [];
    }
    // SAFETY: the caller promises it.
    unsafe { std::slice::from_raw_parts_mut(start, length) }
}
