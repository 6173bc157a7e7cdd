//! Connections, and for whom they run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::Connection;
use crate::engine::context::{self, Caller, Stop};
use crate::error::{Error, ErrorKind, Result};
use crate::platform;
use crate::program::Interrupt;

/// A place for a connection.
pub(super) type Slot = Arc<Seat>;

/// See [`Slot`].
#[derive(Debug)]
pub(super) struct Seat {
    /// Empty before it is opened, and after closing, which does not wait for who
    /// still holds the place.
    connection: Mutex<Option<Connection>>,
    /// When it was used last.
    used: Mutex<Duration>,
    /// Its moment was given up, because it stood still.
    revoked: AtomicBool,
}

pub(super) fn slot(connection: Option<Connection>) -> Slot {
    Arc::new(Seat {
        connection: Mutex::new(connection),
        used: Mutex::new(platform::now()),
        revoked: AtomicBool::new(false),
    })
}

impl Seat {
    /// The connection. Nothing here waits, so the lock is never contended.
    pub(super) fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the place was used, lest it seem to stand still.
    pub(super) fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = platform::now();
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Relaxed)
    }

    /// Ends what keeps the log from being emptied, if nothing was asked of it for
    /// so long. What writes keeps everybody from writing, so the log does not
    /// grow by it.
    pub(super) fn revoke_if_idle(&self, limit: Duration) {
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if platform::now().saturating_sub(used) < limit {
            return;
        }
        if let Some(connection) = &mut *self.connection()
            && !connection.is_writing()
            && connection.is_reading()
        {
            self.revoked.store(true, Ordering::Relaxed);
            connection.end_reading();
        }
    }
}

/// Uses the slot's connection. `None`: there is none.
pub(super) fn with<T>(slot: &Slot, work: impl FnOnce(&mut Connection) -> T) -> Option<T> {
    slot.connection().as_mut().map(work)
}

/// Runs work that stops when its caller's time is over, or gives it up.
pub(super) fn for_caller<T>(
    caller: Option<Caller>,
    interrupt: Option<Arc<Interrupt>>,
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    let _caller = context::enter(caller);
    connection.set_interrupt(interrupt);
    let answer = work(connection);
    connection.set_interrupt(None);
    match answer {
        Err(error)
            if error.kind() == ErrorKind::Cancelled
                && caller.and_then(Caller::stop) == Some(Stop::TooLate) =>
        {
            Err(Error::new(
                ErrorKind::Timeout,
                "the call took longer than its time limit; nothing was changed",
            ))
        }
        answer => answer,
    }
}
