//! What hosts with one thread, which receives no message while SQLite runs, report and ask.

use std::sync::atomic::Ordering;

use super::cancellation;
use super::numbers::op;
use super::read::ByteReader;
use super::request::RequestHead;
use super::server::{Server, ServerInner};
use crate::engine::context;

impl Server {
    /// Sets the function that reports, on any thread, whether a running call was cancelled. It is
    /// called while SQLite runs, with the client's number and the request's. For hosts whose one
    /// thread can't take a `CANCEL` in the meantime.
    pub fn set_probe(probe: fn(client: u32, request: u32) -> bool) {
        context::set_probe(probe);
    }

    /// Sets the function that is asked, on any thread, whether a request may begin. For hosts whose
    /// clients can say through shared memory that they cancelled a request. One that may not begin
    /// fails with `Cancelled`.
    pub fn set_leave(leave: fn(client: u32, request: u32) -> bool) {
        cancellation::set_leave(leave);
    }

    /// The request for which this thread runs SQLite: if the thread can't continue, the call that
    /// caused it. The client is in the upper 32 bits, its request in the lower ones; 0 if there is
    /// none. Uses no stack, of which there may be none left.
    #[inline]
    pub fn running() -> u64 {
        context::running()
    }

    /// Whether that request has begun a statement that changes something. If not, nothing of it
    /// remains when its engine is gone. Uses no stack either.
    #[inline]
    pub fn is_changing() -> bool {
        context::is_changing()
    }

    /// Whether nothing that this client requested is under way and nothing is open for it but
    /// watches, commit feeds and outboxes, which may wait for ever and go on in the next engine: its engine
    /// can then go, and the client loses nothing.
    pub fn is_idle(&self) -> bool {
        let state = self.0.state();
        state.tasks.values().all(|task| state.handles.moves(task.handle))
            && state.waiting.is_empty()
            && state.handles.can_move()
            && state.has_no_feeds()
    }

    /// Makes the next requests wait for [`resume`](Self::resume): the host's thread was busy for
    /// long, and there may be messages that cancel them.
    pub fn fall_behind(&self) {
        self.0.behind.store(true, Ordering::Release);
    }
}

impl ServerInner {
    /// Keeps a request for later if requests are waiting; removes one that is cancelled before it
    /// began.
    pub(super) fn postpones(&self, head: RequestHead, bytes: &[u8]) -> bool {
        if !self.waits.load(Ordering::Acquire) && !self.behind.load(Ordering::Acquire) {
            return false;
        }
        let mut state = self.state();
        if state.waiting.is_empty() && !self.behind.load(Ordering::Acquire) {
            return false;
        }
        if matches!(head.op, op::CANCEL | op::WITHDRAW) {
            let heads = state
                .waiting
                .iter()
                .map(|request| RequestHead::read(&mut ByteReader::new(request)));
            let position = heads.flatten().position(|waiting| waiting.id == head.handle);
            let taken = position.and_then(|position| state.waiting.remove(position));
            drop(state);
            let Some(taken) = taken else { return false };
            let Ok(taken) = RequestHead::read(&mut ByteReader::new(&taken)) else { return true };
            match head.op {
                op::WITHDRAW => self.refuse(taken),
                _ if taken.ends() => self.release_handle(taken.id, taken.handle, true),
                _ => {}
            }
            return true;
        }
        state.waiting.push_back(bytes.into());
        self.waits.store(true, Ordering::Release);
        true
    }
}
