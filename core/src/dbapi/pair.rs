//! Work on two connections at once.
//!
//! Each is held by a job in its own queue, which waits there for the other. Both jobs enter their
//! lines at one moment, before or after both of any other pair. So among all waiting pairs there is
//! one that has no other before it in either queue, and none waits for ever.

use std::ffi::c_void;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::{DbapiConnection, closed};
use crate::backend::{Reply, call};
use crate::error::Result;

/// Held while the two jobs of a pair enter their queues, and by no job.
static TURN: Mutex<()> = Mutex::new(());

/// A connection that its thread has handed over.
struct LentHandle(*mut c_void);

// SAFETY: it is used by one thread at a time, while its own waits for it.
unsafe impl Send for LentHandle {}

/// See [`DbapiConnection::with_both`].
pub(super) fn hold<T: Send + 'static>(
    first: &DbapiConnection,
    second: &DbapiConnection,
    work: impl FnOnce(*mut c_void, *mut c_void) -> Result<T> + Send + 'static,
) -> Reply<T> {
    let (completer, reply) = call();
    let (sender, receiver): (SyncSender<LentHandle>, Receiver<LentHandle>) = sync_channel(1);
    // Nothing is ever sent through it: its end is the signal.
    let (held, done): (SyncSender<()>, Receiver<()>) = sync_channel(1);
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    second.0.submit(Box::new(move |connection| {
        if let Some(connection) = connection {
            // Until the other has done its work, or was refused.
            let _ = sender.send(LentHandle(connection.raw.cast()));
            let _ = done.recv();
        }
        Box::new(|| {})
    }));
    first.0.submit(Box::new(move |connection| {
        let done = match (connection, receiver.recv()) {
            (Some(connection), Ok(other)) => work(connection.raw.cast(), other.0),
            _ => Err(closed()),
        };
        drop(held);
        Box::new(move || drop(completer.complete(done)))
    }));
    drop(turn);
    Reply::call(reply)
}
