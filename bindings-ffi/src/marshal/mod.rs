//! Requests and replies in the format of Python's `marshal`, which Python writes and reads in C
//! code, without looking at objects one by one.
//!
//! A request is `marshal.dumps((id, op, handle, timeout, …), 2)` followed by the operation's
//! payload (`request.rs`); it becomes a request of `ubiqlite::ext::wire`. Replies become tuples
//! `(id, kind, …)` (`reply.rs`): one if a call replies at once, a list of them for all that are
//! taken. A call that is timed replies with its times behind that, and then their length in 4 bytes.
//!
//! Nothing here decides anything: what the bytes alone do not settle is refused, and Python then
//! converts its values by its rules and tries again.

mod names;
mod pages;
pub mod raw;
pub(crate) mod read;
mod reply;
mod request;
#[cfg(test)]
mod tests;
mod times;
mod update;
pub(crate) mod write;

use std::sync::{Mutex, PoisonError};

use ubiqlite::ext::wire::Server;

use self::names::{Names, Tell};
use self::reply::Replies;
use self::write::MarshalWriter;
use crate::client::{CallStatus, DrainStatus};

/// What a client that speaks `marshal` keeps between two calls.
#[derive(Debug, Default)]
pub(crate) struct Marshal {
    /// Memory for a request, and for its reply.
    request: Vec<u8>,
    result: Vec<u8>,
    names: Names,
    /// Replies that were taken and must be translated.
    replies: Replies,
    /// Replies that did not fit yet: how many, and their bytes.
    kept: MarshalWriter,
    count: u32,
}

impl Marshal {
    /// Translates a request. [`reclaim`](Self::reclaim) takes its memory back.
    fn request(&mut self, bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>, Tell)> {
        self.request.clear();
        // A page that is already there is held while the one before it is read.
        let held = request::translate(bytes, &mut self.request)?;
        let tell = if held { Tell::Always } else { Tell::Once };
        Some((std::mem::take(&mut self.request), std::mem::take(&mut self.result), tell))
    }

    /// Takes the memory back.
    fn reclaim(&mut self, request: Vec<u8>, mut result: Vec<u8>) {
        result.clear();
        // The memory of one large request or reply must not stay for ever.
        if request.capacity() <= LARGE {
            self.request = request;
        }
        if result.capacity() <= LARGE {
            self.result = result;
        }
    }
}

/// Translates a request to the core's own format; `None`: the bytes are not one, or have values
/// that need Python's rules.
#[cfg(feature = "arrow")]
pub(crate) fn wire_request(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    request::translate(bytes, &mut request).map(|_| request)
}

/// How many bytes say how long the times of a call are.
const TIMES_LENGTH: usize = 4;

/// Memory of more bytes than this is not kept.
const LARGE: usize = 1 << 20;

/// Makes one call. A caller that needs to make room must take at once, before it makes another
/// call: names of columns are sent once, in the order of the replies.
pub(crate) fn call(
    marshal: &Mutex<Marshal>,
    server: &Server,
    request: &[u8],
    room: &mut [u8],
) -> CallStatus {
    let lock = || marshal.lock().unwrap_or_else(PoisonError::into_inner);
    // Not held while the request runs: other threads may drop something in the meantime.
    let Some((request, mut result, tell)) = lock().request(request) else {
        return CallStatus::Malformed;
    };
    let done = server.call(&request, &mut result);
    let mut marshal = lock();
    let called = match done {
        Err(_) => CallStatus::Malformed,
        Ok(false) => CallStatus::Pending,
        Ok(true) => marshal.put(&result, tell, room),
    };
    marshal.reclaim(request, result);
    called
}

/// Writes replies that are ready, `replies` among them: all, or as many as Python reads in a
/// moment. True: there are more.
pub(crate) fn take(
    marshal: &Mutex<Marshal>,
    replies: Option<Vec<u8>>,
    room: &mut [u8],
) -> (DrainStatus, bool) {
    let mut marshal = marshal.lock().unwrap_or_else(PoisonError::into_inner);
    let marshal = &mut *marshal;
    replies.into_iter().for_each(|replies| marshal.replies.add(replies));
    // What was kept is a reply that a caller waits for: it goes alone.
    if marshal.count == 0 {
        marshal.count = marshal.replies.translate(&mut marshal.names, &mut marshal.kept);
    }
    if marshal.count == 0 {
        return (DrainStatus::Nothing, false);
    }
    let head = write::list_head(marshal.count);
    let needed = head.len() + marshal.kept.len();
    let Some(room) = room.get_mut(..needed) else { return (DrainStatus::NeedsRoom(needed), true) };
    let (first, rest) = room.split_at_mut(head.len());
    first.copy_from_slice(&head);
    rest.copy_from_slice(marshal.kept.bytes());
    marshal.forget();
    (DrainStatus::Replies(needed), !marshal.replies.is_empty())
}

impl Marshal {
    /// Writes a reply to the caller's room, or keeps it to be taken.
    fn put(&mut self, result: &[u8], tell: Tell, room: &mut [u8]) -> CallStatus {
        let alone = self.count == 0;
        let (count, times) = reply::whole(result, &mut self.names, tell, &mut self.kept);
        self.count += count;
        let length = self.kept.len();
        let end = length + if times == 0 { 0 } else { TIMES_LENGTH };
        // What was kept before is read first, and all of it together.
        match room.get_mut(..end).filter(|_| alone) {
            None => CallStatus::NeedsRoom(end + write::HEAD),
            Some(room) => {
                let (written, last) = room.split_at_mut(length);
                written.copy_from_slice(self.kept.bytes());
                #[allow(clippy::cast_possible_truncation, reason = "they are a few hundred bytes")]
                last.copy_from_slice(&(times as u32).to_le_bytes()[..last.len()]);
                self.forget();
                CallStatus::Replied(end)
            }
        }
    }

    fn forget(&mut self) {
        self.count = 0;
        self.kept.clear(LARGE);
    }
}
