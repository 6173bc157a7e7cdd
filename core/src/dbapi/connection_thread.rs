//! The thread of a DB-API connection, and what may be done without it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::ffi;

use super::ConnectionState;
use super::connection::DbapiInner;

/// Work, which returns how its result is reported. That happens when the connection is free again,
/// so that the receiver can at once request something that is done within the call.
pub(super) type ThreadJob = Box<dyn FnOnce(&mut Option<DbapiInner>) -> Telling + Send>;
pub(super) type Telling = Box<dyn FnOnce()>;

/// Work for one connection, in the order it was requested.
#[derive(Debug, Default)]
pub(super) struct ConnectionThread {
    connection: Mutex<Option<DbapiInner>>,
    inbox: Mutex<ThreadInbox>,
    arrived: Condvar,
    /// The thread that served it has left.
    left: Condvar,
    stop: Mutex<Option<InterruptHandle>>,
    state: Mutex<ConnectionState>,
}

#[derive(Default)]
struct ThreadInbox {
    jobs: VecDeque<ThreadJob>,
    running: bool,
    /// Its work is for a thread that comes by itself, and no other.
    adopted: bool,
    /// A job was taken and is not done.
    busy: bool,
    closed: bool,
}

/// Who serves a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServedBy {
    Own,
    Adopter,
}

impl std::fmt::Debug for ThreadInbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("jobs", &self.jobs.len()).finish_non_exhaustive()
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
    fn inbox(&self) -> MutexGuard<'_, ThreadInbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on this thread if the connection is open and nothing is under way or waiting.
    pub(super) fn with_idle<T>(&self, work: impl FnOnce(&mut DbapiInner) -> T) -> Option<T> {
        let mut guard = match self.connection.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        // With the connection held, no job begins.
        let inbox = self.inbox();
        if inbox.busy || inbox.closed || !inbox.jobs.is_empty() {
            return None;
        }
        drop(inbox);
        let connection = guard.as_mut()?;
        let done = work(connection);
        self.note(Some(connection));
        Some(done)
    }

    /// Runs `job` on the line's thread. A closed line drops it.
    pub(super) fn submit(self: &Arc<Self>, job: ThreadJob) {
        let mut inbox = self.inbox();
        if inbox.closed {
            drop(inbox);
            drop(job);
            return;
        }
        inbox.jobs.push_back(job);
        if inbox.running || inbox.adopted {
            drop(inbox);
            // All: a thread that must leave may wait next to the one that serves.
            self.arrived.notify_all();
            return;
        }
        let line = Arc::clone(self);
        let thread = std::thread::Builder::new().name("ubiqlite-dbapi".into());
        if thread.spawn(move || line.serve(ServedBy::Own)).is_ok() {
            inbox.running = true;
        } else {
            // Reported as lost; the next job tries again.
            let job = inbox.jobs.pop_back();
            drop(inbox);
            drop(job);
        }
    }

    /// Leaves the work from now on to the thread that will call [`adopt`](Self::adopt).
    pub(super) fn reserve(&self) {
        self.inbox().adopted = true;
        self.arrived.notify_all();
    }

    /// Does the work on this thread until the line is closed, and then closes the
    /// connection.
    pub(super) fn adopt(&self) {
        let mut inbox = self.inbox();
        inbox.adopted = true;
        self.arrived.notify_all();
        while inbox.running {
            inbox = self.left.wait(inbox).unwrap_or_else(PoisonError::into_inner);
        }
        inbox.running = true;
        drop(inbox);
        self.serve(ServedBy::Adopter);
    }

    fn serve(&self, server: ServedBy) {
        let mut inbox = self.inbox();
        loop {
            if inbox.adopted && server == ServedBy::Own {
                inbox.running = false;
                drop(inbox);
                self.left.notify_all();
                return;
            }
            if let Some(job) = inbox.jobs.pop_front() {
                inbox.busy = true;
                drop(inbox);
                let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
                // A defect in one job must not take the thread from the others.
                let told = catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
                self.note(connection.as_ref());
                drop(connection);
                self.inbox().busy = false;
                if let Ok(tell) = told {
                    tell();
                }
                inbox = self.inbox();
            } else if inbox.closed {
                break;
            } else {
                inbox = self.arrived.wait(inbox).unwrap_or_else(PoisonError::into_inner);
            }
        }
        inbox.running = false;
        drop(inbox);
        self.set_stop(None);
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(connection);
    }

    /// Refuses new work, and accepted work that has not begun.
    pub(super) fn abandon(&self) {
        let mut inbox = self.inbox();
        inbox.closed = true;
        let jobs = std::mem::take(&mut inbox.jobs);
        drop(inbox);
        // Reported as lost.
        drop(jobs);
        self.interrupt();
        self.arrived.notify_all();
    }

    /// Refuses new work; accepted work is done, then the connection closes.
    pub(super) fn close(&self) {
        let mut inbox = self.inbox();
        inbox.closed = true;
        drop(inbox);
        self.arrived.notify_all();
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
