//! The thread of a DB-API connection, and what may be done without it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use crate::ffi;

use super::ConnectionState;
use super::connection::DbapiInner;
use crate::backend::inbox::{Inbox, NextJob};
use crate::error::{Error, Result};

/// Work, which returns how its result is reported. That happens when the connection is free again,
/// so that the receiver can at once request something that is done within the call.
pub(super) type ThreadJob = Box<dyn FnOnce(&mut Option<DbapiInner>) -> Telling + Send>;
pub(super) type Telling = Box<dyn FnOnce()>;

/// Work for one connection, in the order it was requested.
#[derive(Debug, Default)]
pub(super) struct ConnectionThread {
    connection: Mutex<Option<DbapiInner>>,
    inbox: Inbox<ThreadJob>,
    stop: Mutex<Option<InterruptHandle>>,
    state: Mutex<ConnectionState>,
    /// The backups into the connection that are under way.
    receiving: Arc<AtomicU32>,
}

/// A connection receives a backup until this is dropped: no statement may run on it, which would end
/// the backup's transaction under it, and no other backup begins to copy from it.
/// <https://sqlite.org/c3ref/backup_finish.html>
#[derive(Debug)]
pub struct Receiving(Arc<AtomicU32>);

impl Drop for Receiving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What stops the running statement.
#[derive(Debug)]
pub(super) struct InterruptHandle(*mut ffi::sqlite3);

// SAFETY: `sqlite3_interrupt` may be called on any thread while the connection is open
// (https://sqlite.org/c3ref/interrupt.html), and its other uses only read numbers.
unsafe impl Send for InterruptHandle {}

impl InterruptHandle {
    /// Must be taken back before the connection closes.
    pub(super) fn new(raw: *mut ffi::sqlite3) -> Self {
        Self(raw)
    }
}

impl ConnectionThread {
    /// Marks the connection as receiving a backup. It is held by the caller.
    pub(super) fn receive(&self) -> Receiving {
        self.receiving.fetch_add(1, Ordering::AcqRel);
        Receiving(Arc::clone(&self.receiving))
    }

    /// Must be asked while the connection is held, before anything is done with it.
    ///
    /// # Errors
    /// `Busy` if it receives a backup.
    pub(super) fn check_free(&self) -> Result<()> {
        if self.receiving.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        Err(Error::busy_here(
            "the connection is the target of a backup that is under way, which a statement would destroy: wait for the backup, or use another connection",
        ))
    }

    /// Runs `work` on this thread if the connection is open and nothing is under way or waiting.
    pub(super) fn with_idle<T>(&self, work: impl FnOnce(&mut DbapiInner) -> T) -> Option<T> {
        let mut guard = match self.connection.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        // With the connection held, no job begins.
        if !self.inbox.is_open_and_quiet() {
            return None;
        }
        let connection = guard.as_mut()?;
        let done = work(connection);
        self.note(Some(connection));
        Some(done)
    }

    /// Runs `job` on the connection's thread. A closed connection drops it.
    pub(super) fn submit(self: &Arc<Self>, job: ThreadJob) {
        self.inbox.push(job, || {
            let this = Arc::clone(self);
            let thread = std::thread::Builder::new().name("ubiqlite-dbapi".into());
            thread.spawn(move || this.serve(false)).is_ok()
        });
    }

    /// Leaves the work from now on to the thread that will call [`adopt`](Self::adopt).
    pub(super) fn reserve(&self) {
        self.inbox.reserve();
    }

    /// Does the work on this thread until no more is accepted, and then closes the connection.
    pub(super) fn adopt(&self) {
        self.inbox.adopt();
        self.serve(true);
    }

    fn serve(&self, adopted: bool) {
        loop {
            let job = match self.inbox.next(None, adopted) {
                NextJob::Job(job) => job,
                NextJob::Leave => return,
                NextJob::Idle | NextJob::Closed => break,
            };
            let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
            // A defect in one job must not take the thread from the others.
            let tell = catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
            self.note(connection.as_ref());
            drop(connection);
            self.inbox.finish();
            if let Ok(tell) = tell {
                tell();
            }
        }
        self.set_stop(None);
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(connection);
    }

    /// Refuses new work, and accepted work that has not begun.
    pub(super) fn abandon(&self) {
        // Reported as lost.
        drop(self.inbox.abandon());
        self.interrupt();
    }

    /// Refuses new work; accepted work is done, then the connection closes.
    pub(super) fn close(&self) {
        self.inbox.close();
    }

    /// What SQLite reported about the connection after the last work.
    pub(super) fn state(&self) -> ConnectionState {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What SQLite reports about the connection now, while it works.
    pub(super) fn state_now(&self) -> ConnectionState {
        match &*self.stop.lock().unwrap_or_else(PoisonError::into_inner) {
            // SAFETY: the connection is open: this is taken back, under its lock, before
            // it closes. Each of these reads one number of it.
            Some(stop) => unsafe { ConnectionState::of(stop.0) },
            None => ConnectionState::default(),
        }
    }

    fn note(&self, connection: Option<&DbapiInner>) {
        let state = connection.map_or_else(ConnectionState::default, DbapiInner::state);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    pub(super) fn set_stop(&self, stop: Option<InterruptHandle>) {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = stop;
    }

    /// Interrupts the running statement.
    pub(super) fn interrupt(&self) {
        if let Some(stop) = &*self.stop.lock().unwrap_or_else(PoisonError::into_inner) {
            // SAFETY: the connection is open: this is taken back, under its lock,
            // before it closes.
            unsafe { ffi::sqlite3_interrupt(stop.0) };
        }
    }
}
