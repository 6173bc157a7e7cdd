//! A call that costs its caller less than [`ubiqlite_call`](crate::raw::ubiqlite_call).
//!
//! Half of what a C call costs in Python is the conversion of its arguments by their declared
//! types. Small integers and bytes need no declaration, so a client is named by a small number
//! here, and says once where its replies go.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::client::Endpoint;
use crate::engine::CLIENTS;
use crate::raw::{GONE, MALFORMED, called, guarded};

/// Clients by small numbers, which are never used twice.
static SHORT: RwLock<Option<HashMap<i32, ReplyTarget>>> = RwLock::new(None);

/// A client, and where its replies go.
struct ReplyTarget {
    client: Arc<Box<dyn Endpoint>>,
    buffer: ReplyBuffer,
}

/// Memory of Python's.
#[derive(Debug, Clone, Copy)]
struct ReplyBuffer {
    start: *mut u8,
    room: usize,
}

// SAFETY: the address is used only by the client's calls, which its owner makes one at a time, on
// one thread.
unsafe impl Send for ReplyBuffer {}
// SAFETY: as above.
unsafe impl Sync for ReplyBuffer {}

/// Gives a client a small number if `number` is 0, and sets where the replies of its number go from
/// now on. Returns the number, or [`GONE`].
///
/// # Safety
/// `reply` has `room` bytes, which nobody else uses during a call of
/// [`ubiqlite_marshal_call`], until this is called again or [`ubiqlite_marshal_end`] is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ubiqlite_marshal_begin(
    client: u64,
    number: i32,
    reply: *mut u8,
    room: usize,
) -> i64 {
    static MADE: AtomicI32 = AtomicI32::new(1);
    guarded(|| {
        let Some(client) = CLIENTS.get(client) else { return GONE };
        let number = if number == 0 { MADE.fetch_add(1, Ordering::Relaxed) } else { number };
        if number <= 0 {
            // After two thousand million loops: the caller uses the longer way.
            return GONE;
        }
        let buffer = ReplyBuffer { start: reply, room };
        let mut all = SHORT.write().unwrap_or_else(PoisonError::into_inner);
        all.get_or_insert_default().insert(number, ReplyTarget { client, buffer });
        i64::from(number)
    })
}

/// Forgets a small number. Must be called before the client is released.
#[unsafe(no_mangle)]
pub extern "C" fn ubiqlite_marshal_end(number: i32) -> i64 {
    guarded(|| {
        let mut all = SHORT.write().unwrap_or_else(PoisonError::into_inner);
        let gone = all.as_mut().and_then(|all| all.remove(&number));
        drop(all);
        drop(gone);
        0
    })
}

/// Like [`ubiqlite_call`](crate::raw::ubiqlite_call), for the client with this small number.
///
/// # Safety
/// `request` has `length` readable bytes until this returns, and the promise of
/// [`ubiqlite_marshal_begin`] is kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ubiqlite_marshal_call(
    number: i32,
    request: *const u8,
    length: i32,
) -> i32 {
    let result = guarded(|| {
        let all = SHORT.read().unwrap_or_else(PoisonError::into_inner);
        let Some(caller) = all.as_ref().and_then(|all| all.get(&number)) else { return GONE };
        let (client, buffer) = (Arc::clone(&caller.client), caller.buffer);
        drop(all);
        let Ok(length) = usize::try_from(length) else { return MALFORMED };
        if request.is_null() || buffer.start.is_null() {
            return MALFORMED;
        }
        // SAFETY: the caller promises both.
        let (request, room) = unsafe {
            (
                std::slice::from_raw_parts(request, length),
                std::slice::from_raw_parts_mut(buffer.start, buffer.room),
            )
        };
        called(client.call(request, room))
    });
    // A caller that needs more room than this can say learns how much when it takes.
    i32::try_from(result).unwrap_or(i32::MIN)
}
