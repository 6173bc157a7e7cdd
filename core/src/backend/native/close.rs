//! Closing: what was accepted is done, then all connections and threads end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::{CLOSED, CLOSING, OPEN, Shared};
use crate::backend::{Reply, call};
use crate::error::{Error, ErrorKind};

/// Closes. New calls are refused from now on; what was accepted goes on.
/// Whatever is still out or queued has the busy timeout to end, counted from when
/// closing was asked for; then what runs is stopped, what waits never begins, and
/// what is open is rolled back.
pub(super) fn begin(shared: &Arc<Shared>) -> Reply<()> {
    let (completer, call) = call();
    match &mut *shared.closers.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(closers) => closers.push(completer),
        None => return Reply::ready(Ok(())),
    }
    let before = shared.life.compare_exchange(OPEN, CLOSING, Ordering::AcqRel, Ordering::Acquire);
    if before.is_err() {
        return Reply::call(call);
    }
    let closing = Arc::clone(shared);
    let thread = std::thread::Builder::new().name("ubiqlite-close".into());
    let spawned = thread.spawn(move || {
        let since = *closing.closing_since.get_or_init(Instant::now);
        let until = since + closing.options.busy_timeout;
        let _ = closing.readers.wait_idle(until)
            && closing.own.wait_idle(until)
            && closing.writer.wait_idle(until);
        close(&closing);
        let closers = closing.closers.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(closing);
        for closer in closers.into_iter().flatten() {
            closer.answer(Ok(()));
        }
    });
    match spawned {
        Ok(_) => Reply::call(call),
        Err(error) => {
            shared.life.store(OPEN, Ordering::Release);
            Reply::err(Error::new(ErrorKind::Io, format!("no thread to close with: {error}")))
        }
    }
}

/// Ends everything, waiting for nobody outside.
fn close(shared: &Shared) {
    shared.life.store(CLOSED, Ordering::Release);
    shared.own.close();
    shared.readers.close();
    shared.planner.close();
    // The last connection copies the log into the database and deletes it.
    shared.writer.close();
}

/// The last handle was dropped without closing: the same, without an answer.
pub(super) fn abandon(shared: &Arc<Shared>) {
    if shared.life.load(Ordering::Acquire) == OPEN {
        // Its answer is nobody's; the thread that closes goes on.
        drop(begin(shared));
    }
}
