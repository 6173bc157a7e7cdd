//! Cells that hold connections, and the callers they run for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::Connection;
use crate::engine::context::{self, Caller, StopReason};
use crate::error::{Error, ErrorKind, Result};
use crate::platform;
use crate::program::Interrupt;

/// A cell that holds a connection.
pub(super) type ConnectionCell = Arc<CellState>;

/// See [`ConnectionCell`].
#[derive(Debug)]
pub(super) struct CellState {
    /// Empty before it is opened, and after closing, which does not wait for holders of the cell.
    connection: Mutex<Option<Connection>>,
    /// When its holder got it.
    since: Duration,
    /// Since when a session has a read transaction open.
    reading: Mutex<Option<Duration>>,
    /// When it was last used.
    used: Mutex<Duration>,
    /// Its snapshot was released because it stalled.
    revoked: AtomicBool,
}

pub(super) fn slot(connection: Option<Connection>) -> ConnectionCell {
    let now = platform::now();
    Arc::new(CellState {
        connection: Mutex::new(connection),
        since: now,
        reading: Mutex::default(),
        used: Mutex::new(now),
        revoked: AtomicBool::new(false),
    })
}

impl CellState {
    /// Returns the connection. Nothing here waits, so the lock is never contended.
    pub(super) fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the connection if nobody is using it: for a caller that may be called back from
    /// within its use.
    pub(super) fn try_connection(&self) -> Option<MutexGuard<'_, Option<Connection>>> {
        self.connection.try_lock().ok()
    }

    /// Records that the cell was used, so that it does not count as stalled.
    pub(super) fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = platform::now();
    }

    /// Returns for how long its holder has had it.
    pub(super) fn held_for(&self) -> Duration {
        platform::now().saturating_sub(self.since)
    }

    /// Records whether a session has a read transaction open.
    pub(super) fn note_reading(&self) {
        let reading = self.connection().as_ref().is_some_and(Connection::is_reading);
        let mut since = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        match reading {
            true => drop(since.get_or_insert_with(platform::now)),
            false => *since = None,
        }
    }

    /// Returns for how long a session has had a read transaction open.
    pub(super) fn reading_for(&self) -> Option<Duration> {
        let since = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        since.map(|since| platform::now().saturating_sub(since))
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Relaxed)
    }

    /// Ends the read that keeps the log from being emptied, if the cell was not used for `limit`.
    /// A writer is left alone: it keeps everybody else from writing, so it does not let the log
    /// grow.
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

/// Uses the cell's connection. Returns `None` if there is none.
pub(super) fn with<T>(slot: &ConnectionCell, work: impl FnOnce(&mut Connection) -> T) -> Option<T> {
    slot.connection().as_mut().map(work)
}

/// Runs work that stops when its caller's time is up or the caller cancels it.
pub(super) fn for_caller<T>(
    caller: Option<Caller>,
    interrupt: Option<Arc<Interrupt>>,
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    let _caller = context::enter(caller);
    connection.set_interrupt(interrupt);
    let result = work(connection);
    connection.set_interrupt(None);
    match result {
        Err(error)
            if error.kind() == ErrorKind::Cancelled
                && caller.and_then(Caller::stop) == Some(StopReason::TooLate) =>
        {
            Err(Error::new(
                ErrorKind::Timeout,
                "the call took longer than its time limit; nothing was changed",
            ))
        }
        result => result,
    }
}
