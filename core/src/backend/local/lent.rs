//! Connections, and for whom they run.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::context::{self, Caller, Stop};
use crate::engine::{Connection, Interrupt};
use crate::error::{Error, ErrorKind, Result};

/// A place for a connection: empty before it is opened, and after closing, which
/// does not wait for who still holds the place.
pub(super) type Slot = Arc<Mutex<Option<Connection>>>;

pub(super) fn slot(connection: Option<Connection>) -> Slot {
    Arc::new(Mutex::new(connection))
}

/// Uses the slot's connection. Nothing here waits, so the lock is never
/// contended. `None`: there is none.
pub(super) fn with<T>(slot: &Slot, work: impl FnOnce(&mut Connection) -> T) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(work)
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
    match (answer, caller.and_then(Caller::stop)) {
        (Err(error), Some(Stop::TooLate)) if error.kind() == ErrorKind::Cancelled => {
            Err(Error::new(
                ErrorKind::Timeout,
                "the call took longer than its time limit; nothing was changed",
            ))
        }
        (answer, _) => answer,
    }
}
