//! A connection with a thread of its own, which starts with its first job and
//! ends when it has had none for a while.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::channel::Channel;
use super::pin::Pin;
use crate::engine::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::program::Interrupt;

/// Work for a slot's thread.
pub(super) type Job = Box<dyn FnOnce(&mut Option<Connection>) + Send>;

/// A connection, opened when first needed, and the thread that runs its longer
/// work. Short work may use the connection on any thread; whoever does so holds
/// the slot by a claim, so the lock is there for the compiler's sake and never
/// waited for.
#[derive(Debug)]
pub(super) struct Slot {
    connection: Mutex<Option<Connection>>,
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    running: Mutex<Option<Arc<Interrupt>>>,
    tenant: Mutex<Option<Tenant>>,
    /// Everything that begins from now on is interrupted.
    stopping: AtomicBool,
    upkeep: Upkeep,
}

/// What becomes of a slot that has nothing to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upkeep {
    /// Its thread ends after so long without a job.
    pub(super) idle: Duration,
    /// Its connection stays open then, with an empty page cache; otherwise it is
    /// closed too, unless it is lent.
    pub(super) keep: bool,
}

/// Who holds a slot for longer than one call, with a read transaction open.
#[derive(Debug, Clone)]
pub(super) enum Tenant {
    Stream(Arc<Channel>),
    Lent(Arc<Pin>),
}

#[derive(Default)]
struct Inbox {
    jobs: VecDeque<Job>,
    /// The thread, which may have ended by itself.
    thread: Option<JoinHandle<()>>,
    /// The thread will look for jobs again.
    serving: bool,
    /// A job was taken and is not done.
    busy: bool,
    /// The thread waits for `arrived`; otherwise it will look by itself.
    asleep: bool,
    closed: bool,
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("jobs", &self.jobs.len()).finish_non_exhaustive()
    }
}

impl Slot {
    pub(super) fn new(upkeep: Upkeep) -> Arc<Self> {
        Arc::new(Self {
            connection: Mutex::default(),
            inbox: Mutex::default(),
            arrived: Condvar::new(),
            running: Mutex::default(),
            tenant: Mutex::default(),
            stopping: AtomicBool::new(false),
            upkeep,
        })
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, if nobody uses it this moment.
    #[inline]
    pub(super) fn try_connection(&self) -> Option<MutexGuard<'_, Option<Connection>>> {
        match self.connection.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Whether the thread has nothing to do, so that work on another thread
    /// overtakes none.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        let inbox = self.inbox();
        inbox.jobs.is_empty() && !inbox.busy
    }

    /// Hands work to the slot's thread, in order. A closed slot drops the job,
    /// and with it the completer, which returns `Closed`.
    pub(super) fn submit(self: &Arc<Self>, job: Job) {
        let mut inbox = self.inbox();
        if inbox.closed {
            drop(inbox);
            drop(job);
            return;
        }
        inbox.jobs.push_back(job);
        if inbox.serving {
            let asleep = inbox.asleep;
            drop(inbox);
            if asleep {
                self.arrived.notify_one();
            }
            return;
        }
        let slot = Arc::clone(self);
        let thread = std::thread::Builder::new().name("ubiqlite".into());
        match thread.spawn(move || slot.serve()) {
            Ok(thread) => {
                inbox.serving = true;
                // One that was there has left its last lock.
                inbox.thread = Some(thread);
            }
            Err(_) => {
                // Answered as lost; the next job tries again.
                let job = inbox.jobs.pop_back();
                drop(inbox);
                drop(job);
            }
        }
    }

    fn serve(&self) {
        let mut inbox = self.inbox();
        loop {
            if let Some(job) = inbox.jobs.pop_front() {
                inbox.busy = true;
                drop(inbox);
                let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
                // A defect in one job must not take the thread from the others.
                let _ = catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
                drop(connection);
                inbox = self.inbox();
                inbox.busy = false;
            } else if inbox.closed {
                break;
            } else {
                inbox.asleep = true;
                let waited = self.arrived.wait_timeout(inbox, self.upkeep.idle);
                let timeout;
                (inbox, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                inbox.asleep = false;
                if timeout.timed_out() && inbox.jobs.is_empty() && !inbox.closed {
                    drop(inbox);
                    self.tidy();
                    inbox = self.inbox();
                    if inbox.jobs.is_empty() && !inbox.closed {
                        inbox.serving = false;
                        return;
                    }
                }
            }
        }
        drop(inbox);
        // Rolls back what a revoked holder left open.
        drop(self.take_connection());
    }

    /// Gives back what an idle slot does not need. On the slot's own thread.
    fn tidy(&self) {
        let Some(mut guard) = self.try_connection() else { return };
        if !self.upkeep.keep {
            if self.tenant().is_none() {
                *guard = None;
            }
        } else if let Some(connection) = &mut *guard
            // With a lease it was used a moment ago, on a caller's thread.
            && !connection.has_lease()
            && !connection.in_transaction()
        {
            // Memory that is not given back now is used again later.
            let _ = connection.control("PRAGMA shrink_memory");
        }
    }

    fn take_connection(&self) -> Option<Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Refuses new jobs; those accepted still run.
    pub(super) fn close(&self) {
        self.inbox().closed = true;
        self.arrived.notify_one();
    }

    /// Refuses new jobs, drops those that were accepted, and stops what runs and
    /// whatever of it begins later: the thread ends soon. The callers of all that
    /// are told that the database is closed.
    pub(super) fn end(&self) {
        // Before the jobs are taken: one that runs now asks for it when it begins
        // its next statement.
        self.stopping.store(true, Ordering::SeqCst);
        let jobs = {
            let mut inbox = self.inbox();
            inbox.closed = true;
            std::mem::take(&mut inbox.jobs)
        };
        self.arrived.notify_one();
        // Their drop gives back what they hold, under other locks.
        drop(jobs);
        self.stop(&Error::closed("database"));
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// The answer of work on this slot: what was stopped because the database
    /// closes says so.
    pub(super) fn told<T>(&self, answer: Result<T>) -> Result<T> {
        // Stopped while it waited for a lock, it is told that it is busy.
        let stopped = |kind| matches!(kind, ErrorKind::Cancelled | ErrorKind::Busy);
        match answer {
            Err(error) if stopped(error.kind()) && self.is_stopping() => {
                Err(Error::closed("database"))
            }
            answer => answer,
        }
    }

    /// Waits for the thread's end, and closes the connection.
    pub(super) fn join(&self) {
        let thread = self.inbox().thread.take();
        if let Some(thread) = thread {
            // Its panics are caught inside.
            let _ = thread.join();
        }
        drop(self.take_connection());
    }

    /// Names what runs now, for [`Slot::interrupt`].
    fn set_running(&self, interrupt: Option<Arc<Interrupt>>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = interrupt;
    }

    /// Stops what runs now.
    pub(super) fn interrupt(&self) {
        self.stop(&Error::new(ErrorKind::Cancelled, "the stream was interrupted"));
    }

    /// Stops what runs now; a stream that stands still is told this.
    pub(super) fn stop(&self, told: &Error) {
        // First, so that the stream ends by what it is told.
        if let Some(Tenant::Stream(channel)) = self.tenant() {
            channel.end(Some(told.duplicate()));
        }
        if let Some(interrupt) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            interrupt.set();
        }
    }

    pub(super) fn tenant(&self) -> Option<Tenant> {
        self.tenant.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_tenant(&self, tenant: Option<Tenant>) {
        let streams = match &tenant {
            Some(Tenant::Stream(channel)) => Some(Arc::clone(channel)),
            _ => None,
        };
        *self.tenant.lock().unwrap_or_else(PoisonError::into_inner) = tenant;
        // Whoever stops the slot has seen the tenant, or is seen here.
        if let Some(channel) = streams
            && self.is_stopping()
        {
            channel.end(Some(Error::closed("database")));
        }
    }

    /// Runs `work` as interruptible by `interrupt`.
    pub(super) fn interruptible<T>(
        &self,
        connection: &mut Connection,
        interrupt: Arc<Interrupt>,
        work: impl FnOnce(&mut Connection) -> T,
    ) -> T {
        connection.set_interrupt(Some(Arc::clone(&interrupt)));
        self.set_running(Some(Arc::clone(&interrupt)));
        // Whoever stops the slot has seen what runs, or is seen here.
        if self.is_stopping() {
            interrupt.set();
        }
        let done = work(connection);
        self.set_running(None);
        connection.set_interrupt(None);
        done
    }
}

/// The slot's connection, opened if it is not.
///
/// # Errors
/// What opening returns; the next call tries again.
pub(super) fn opened(
    connection: &mut Option<Connection>,
    open: impl FnOnce() -> Result<Connection>,
) -> Result<&mut Connection> {
    match connection {
        Some(connection) => Ok(connection),
        none => Ok(none.insert(open()?)),
    }
}
