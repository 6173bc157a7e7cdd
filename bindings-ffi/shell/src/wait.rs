//! Waiting for the library's futures on this thread, with an ear for Ctrl-C.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use ubiqlite::Database;

use crate::failure::{Failure, Result};
use crate::interrupt;

/// How long Ctrl-C may go unnoticed.
const EAR: Duration = Duration::from_millis(50);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a call. Ctrl-C stops the statements that `db` runs; pressed again, it gives up the call,
/// whatever that is waiting for.
pub(crate) fn wait<T>(
    db: Option<&Database>,
    call: impl Future<Output = ubiqlite::Result<T>>,
) -> Result<T> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut call = pin!(call);
    loop {
        if let Poll::Ready(done) = call.as_mut().poll(&mut context) {
            return done.map_err(Failure::from);
        }
        if interrupt::requested() {
            // Again each time: it may have come just before the statement began.
            if let Some(db) = db {
                db.interrupt();
            }
            if interrupt::insisted() || db.is_none() {
                return Err(Failure::Interrupted);
            }
        }
        thread::park_timeout(EAR);
    }
}
