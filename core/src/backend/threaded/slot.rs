//! A connection with its own thread, which starts with the first job and ends after a while without
//! one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::idle_watch::IdleWatch;
use crate::backend::inbox::{Inbox, NextJob};
use crate::engine::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::program::Interrupt;

/// Work for a slot's thread.
pub(super) type SlotJob = Box<dyn FnOnce(&mut Option<Connection>) + Send>;

/// What a job leaves to be done once its thread has no use of the connection any more.
type Afterwards = Box<dyn FnOnce() + Send>;

/// A connection, opened when first needed, and the thread that runs its longer work. Short work may
/// use the connection on any thread. Its caller holds the slot by a claim, so the lock exists only
/// for the compiler and is never contended.
pub(super) struct Slot {
    connection: Mutex<Option<Connection>>,
    inbox: Inbox<SlotJob>,
    /// The thread, which may have ended on its own.
    thread: Mutex<Option<JoinHandle<()>>>,
    running: Mutex<Option<Running>>,
    holder: Mutex<Option<LongHolder>>,
    afterwards: Mutex<Option<Afterwards>>,
    /// Everything that begins from now on is interrupted.
    stopping: AtomicBool,
    upkeep: Upkeep,
}

/// What runs on a slot's thread, and since when.
struct Running {
    interrupt: Arc<Interrupt>,
    since: Instant,
}

/// What happens to an idle slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upkeep {
    /// Its thread ends after this long without a job.
    pub(super) idle: Duration,
    /// Its connection then stays open with an empty page cache. Otherwise it is closed too, unless
    /// a session holds it.
    pub(super) keep: bool,
}

/// Who holds a slot for longer than one call, with a read transaction open.
#[derive(Debug, Clone)]
pub(super) enum LongHolder {
    Stream(Arc<Channel>),
    Session(Arc<IdleWatch>),
}

impl Slot {
    pub(super) fn new(upkeep: Upkeep) -> Arc<Self> {
        Arc::new(Self {
            connection: Mutex::default(),
            inbox: Inbox::default(),
            thread: Mutex::default(),
            running: Mutex::default(),
            holder: Mutex::default(),
            afterwards: Mutex::default(),
            stopping: AtomicBool::new(false),
            upkeep,
        })
    }

    /// Returns the connection, if nobody is using it right now.
    #[inline]
    pub(super) fn try_connection(&self) -> Option<MutexGuard<'_, Option<Connection>>> {
        match self.connection.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Whether the thread is idle, so that work on another thread overtakes nothing.
    #[inline]
    pub(super) fn is_quiet(&self) -> bool {
        self.inbox.is_quiet()
    }

    /// Hands work to the slot's thread, in order. A closed slot drops the job, and with it the
    /// completer, which then completes with `Closed`.
    pub(super) fn submit(self: &Arc<Self>, job: SlotJob) {
        self.inbox.push(job, || {
            let slot = Arc::clone(self);
            let thread = std::thread::Builder::new().name("ubiqlite".into());
            let Ok(thread) = thread.spawn(move || slot.serve()) else { return false };
            // A previous thread has released its last lock.
            *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
            true
        });
    }

    fn serve(&self) {
        loop {
            match self.inbox.next(Some(self.upkeep.idle), false) {
                NextJob::Job(job) => {
                    let mut connection =
                        self.connection.lock().unwrap_or_else(PoisonError::into_inner);
                    // A defect in one job must not end the thread for the others.
                    let _ = catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
                    drop(connection);
                    if let Some(afterwards) = self.afterwards().take() {
                        let _ = catch_unwind(AssertUnwindSafe(afterwards));
                    }
                }
                NextJob::Idle => {
                    self.tidy();
                    if self.inbox.leave() {
                        return;
                    }
                }
                NextJob::Leave | NextJob::Closed => break,
            }
        }
        // Rolls back what a revoked holder left open.
        drop(self.take_connection());
    }

    /// Sets what follows the job that runs now, once others can use the connection.
    pub(super) fn do_afterwards(&self, work: impl FnOnce() + Send + 'static) {
        *self.afterwards() = Some(Box::new(work));
    }

    fn afterwards(&self) -> MutexGuard<'_, Option<Afterwards>> {
        self.afterwards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases what an idle slot does not need. Runs on the slot's own thread.
    fn tidy(&self) {
        let Some(mut guard) = self.try_connection() else { return };
        if !self.upkeep.keep {
            if self.holder().is_none() {
                *guard = None;
            }
        } else if let Some(connection) = &mut *guard
            // With a lease, it was used a moment ago on a caller's thread.
            && !connection.has_lease()
            && !connection.in_transaction()
        {
            // Memory that is not released now is reused later.
            let _ = connection.control("PRAGMA shrink_memory");
        }
    }

    fn take_connection(&self) -> Option<Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Refuses new jobs; those accepted still run.
    pub(super) fn close(&self) {
        self.inbox.close();
    }

    /// Refuses new jobs, drops the accepted ones, and stops running work and whatever it begins
    /// later: the thread ends soon. All affected callers get the error that the database is closed.
    pub(super) fn end(&self) {
        // Before the jobs are taken: a running job checks it when it begins its next statement.
        self.stopping.store(true, Ordering::SeqCst);
        let jobs = self.inbox.abandon();
        // Dropping them releases what they hold, under other locks.
        drop(jobs);
        self.stop(&Error::closed("database"));
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Returns the result of work on this slot: what was stopped because the database closes says
    /// so.
    pub(super) fn closed_if_stopping<T>(&self, result: Result<T>) -> Result<T> {
        // Work stopped while waiting for a lock reports that it is busy.
        let stopped = |kind| matches!(kind, ErrorKind::Cancelled | ErrorKind::Busy);
        match result {
            Err(error) if stopped(error.kind()) && self.is_stopping() => {
                Err(Error::closed("database"))
            }
            result => result,
        }
    }

    /// Waits for the thread's end, and closes the connection.
    pub(super) fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // Its panics are caught inside.
            let _ = thread.join();
        }
        drop(self.take_connection());
    }

    /// Sets what is running, for [`Slot::interrupt`].
    fn set_running(&self, interrupt: Option<Arc<Interrupt>>) {
        let running = interrupt.map(|interrupt| Running { interrupt, since: Instant::now() });
        *self.running() = running;
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns for how long what runs on the thread has been running.
    pub(super) fn running_for(&self) -> Option<Duration> {
        self.running().as_ref().map(|running| running.since.elapsed())
    }

    /// Stops what is running.
    pub(super) fn interrupt(&self) {
        self.stop(&Error::new(ErrorKind::Cancelled, "the stream was interrupted"));
    }

    /// Stops what is running; a stalled stream ends with this error.
    pub(super) fn stop(&self, error: &Error) {
        // First, so that the stream ends with this error.
        if let Some(LongHolder::Stream(channel)) = self.holder() {
            channel.end(Some(error.duplicate()));
        }
        if let Some(running) = &*self.running() {
            running.interrupt.set();
        }
    }

    pub(super) fn holder(&self) -> Option<LongHolder> {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_holder(&self, holder: Option<LongHolder>) {
        let streams = match &holder {
            Some(LongHolder::Stream(channel)) => Some(Arc::clone(channel)),
            _ => None,
        };
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner) = holder;
        // Either the code that stops the slot has seen the holder, or the stop is seen here.
        if let Some(channel) = streams
            && self.is_stopping()
        {
            channel.end(Some(Error::closed("database")));
        }
    }

    /// Runs `work` so that `interrupt` can stop it.
    pub(super) fn interruptible<T>(
        &self,
        connection: &mut Connection,
        interrupt: Arc<Interrupt>,
        work: impl FnOnce(&mut Connection) -> T,
    ) -> T {
        connection.set_interrupt(Some(Arc::clone(&interrupt)));
        self.set_running(Some(Arc::clone(&interrupt)));
        // Either the code that stops the slot has seen what runs, or the stop is seen here.
        if self.is_stopping() {
            interrupt.set();
        }
        let done = work(connection);
        self.set_running(None);
        connection.set_interrupt(None);
        done
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("holder", &self.holder()).finish_non_exhaustive()
    }
}

/// Returns the slot's connection, opening it if necessary.
///
/// # Errors
/// What opening returns; the next call retries.
pub(super) fn open_with(
    connection: &mut Option<Connection>,
    open: impl FnOnce() -> Result<Connection>,
) -> Result<&mut Connection> {
    match connection {
        Some(connection) => Ok(connection),
        none => Ok(none.insert(open()?)),
    }
}
