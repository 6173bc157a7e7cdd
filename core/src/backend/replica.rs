//! A replica of a database that is kept up to date: what is asked of a backend, and what it says.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use super::{Completer, Reply, call};
use crate::error::{Error, Result};
use crate::replicate::ReplicaStorage;

/// A replica that is to be kept up to date.
pub struct ReplicaOrder {
    /// Where its files are kept.
    pub storage: Arc<dyn ReplicaStorage>,
    /// How.
    pub options: ReplicaOptions,
    /// Where the backend says how far it is, and learns what is wanted.
    pub control: Arc<ReplicaControl>,
}

impl std::fmt::Debug for ReplicaOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplicaOrder").field("options", &self.options).finish_non_exhaustive()
    }
}

/// How a replica is kept up to date.
#[derive(Debug, Clone)]
pub struct ReplicaOptions {
    /// The transactions of so long a time share a file.
    pub interval: Duration,
    /// The bytes of pages that may wait in memory.
    pub memory: u64,
    /// After how long all pages are stored once more, if anything was committed.
    pub snapshot_every: Option<Duration>,
    /// How far back one can go at least; `None`: to the beginning.
    pub keep: Option<Duration>,
    /// How long closing waits until all is stored.
    pub close_timeout: Duration,
}

impl Default for ReplicaOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(500),
            memory: 64 * 1024 * 1024,
            snapshot_every: Some(Duration::from_secs(24 * 3600)),
            keep: None,
            close_timeout: Duration::from_secs(10),
        }
    }
}

/// How far a replica is, from [`Replica::state`](crate::Replica::state).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReplicaState {
    /// The number of the last transaction that is stored; 0: none.
    pub transaction: u64,
    /// When that was read from the log, to the millisecond.
    pub time: Option<SystemTime>,
    /// How many transactions are committed and not stored.
    pub lag: u64,
    /// The bytes of pages that wait in memory to be stored. What waits in the log is not counted.
    pub waiting: u64,
    /// How often all pages were stored since this replica was begun here.
    pub snapshots: u64,
    /// The number of the last transaction for which all pages were stored since then, and why.
    pub last_snapshot: Option<(u64, SnapshotReason)>,
    /// Why nothing could be stored when that was tried last; `None` once it could. It is tried
    /// again. Or why files that are older than is kept could not be removed, with all stored.
    pub error: Option<String>,
    /// Nothing is stored any more, since the replica was stopped or its database closed.
    pub ended: bool,
}

/// Why all pages of a database were stored, and not only those that transactions have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SnapshotReason {
    /// The storage had nothing of a replica.
    First,
    /// What the storage had was not whole.
    Gap,
    /// The database was not what the replica had ended with: it was written to meanwhile, or it is
    /// another one.
    Differs,
    /// The log had begun anew before all of it was read, as another process may do, or was cut off.
    Log,
    /// A statement has set the journal mode: what is written without a log can't be read there.
    JournalMode,
    /// More pages had waited than may be in memory.
    Memory,
    /// It was time for it.
    Due,
}

/// What says how much of a replica waits.
pub(crate) trait ReplicaBacklog: Send + Sync {
    /// Returns the transactions, and the bytes in memory, that are not stored beyond `stored`.
    fn backlog(&self, stored: u64) -> (u64, u64);
}

/// What a replica's handle and the one that keeps it up to date share.
#[derive(Default)]
pub struct ReplicaControl {
    requests: Mutex<Requests>,
    changed: Condvar,
    // What it belongs to has this too, and ends with the replica.
    backlog: OnceLock<Weak<dyn ReplicaBacklog>>,
}

#[derive(Default)]
struct Requests {
    state: ReplicaState,
    /// There may be something to read.
    news: bool,
    flushes: Vec<Completer<()>>,
    stops: Vec<Completer<()>>,
    /// Until when all that is committed is to be stored, for the end.
    stop: Option<Instant>,
}

impl std::fmt::Debug for ReplicaControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplicaControl").field("state", &self.requests().state).finish()
    }
}

impl ReplicaControl {
    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how far it is.
    pub(crate) fn state(&self) -> ReplicaState {
        let mut state = self.requests().state.clone();
        if let Some(backlog) = self.backlog.get().and_then(Weak::upgrade)
            && !state.ended
        {
            (state.lag, state.waiting) = backlog.backlog(state.transaction);
        }
        state
    }

    /// Waits until all that was committed before is stored.
    pub(crate) fn flush(&self) -> Reply<()> {
        let (completer, call) = call();
        let mut requests = self.requests();
        if requests.state.ended {
            return Reply::err(Error::closed("replica"));
        }
        requests.flushes.push(completer);
        self.changed.notify_all();
        Reply::call(call)
    }

    /// Stores all that was committed before, for `timeout` at most, and ends.
    pub(crate) fn stop(&self, timeout: Duration) -> Reply<()> {
        let (completer, call) = call();
        let mut requests = self.requests();
        if requests.state.ended {
            return Reply::ready(Ok(()));
        }
        requests.stops.push(completer);
        requests.stop.get_or_insert(Instant::now() + timeout);
        self.changed.notify_all();
        Reply::call(call)
    }

    /// Asks it to store all that was committed before, until this moment at most, and to end.
    pub(crate) fn ask_to_stop(&self, until: Instant) {
        self.requests().stop.get_or_insert(until);
        self.changed.notify_all();
    }

    /// Waits for the end, until this moment at most. Returns whether it came.
    pub(crate) fn wait_for_end(&self, until: Instant) -> bool {
        let mut requests = self.requests();
        loop {
            if requests.state.ended {
                return true;
            }
            let Some(left) = until.checked_duration_since(Instant::now()) else { return false };
            let waited = self.changed.wait_timeout(requests, left);
            requests = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sets what says how much waits.
    pub(crate) fn set_backlog(&self, backlog: Weak<dyn ReplicaBacklog>) {
        // It is begun once.
        let _ = self.backlog.set(backlog);
    }

    /// Says that something was committed.
    pub(crate) fn notify(&self) {
        self.requests().news = true;
        self.changed.notify_all();
    }

    /// Changes what is known of it.
    pub(crate) fn note(&self, change: impl FnOnce(&mut ReplicaState)) {
        change(&mut self.requests().state);
    }

    /// Waits for news, a request, or `longest`. News are not waited for with `patient`.
    pub(crate) fn wait(&self, longest: Duration, patient: bool) {
        let until = Instant::now() + longest;
        let mut requests = self.requests();
        while (patient || !requests.news) && requests.flushes.is_empty() && requests.stop.is_none()
        {
            let Some(left) = until.checked_duration_since(Instant::now()) else { break };
            let waited = self.changed.wait_timeout(requests, left);
            requests = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits before something is tried again, unless it is to end.
    pub(crate) fn wait_again(&self, longest: Duration) {
        let until = Instant::now() + longest;
        let mut requests = self.requests();
        while requests.stop.is_none() {
            let Some(left) = until.checked_duration_since(Instant::now()) else { break };
            let waited = self.changed.wait_timeout(requests, left);
            requests = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns who waits for what is committed by now to be stored, and takes the news.
    pub(crate) fn take(&self) -> Vec<Completer<()>> {
        let mut requests = self.requests();
        requests.news = false;
        std::mem::take(&mut requests.flushes)
    }

    /// Lets them wait on.
    pub(crate) fn give_back(&self, flushes: Vec<Completer<()>>) {
        self.requests().flushes.extend(flushes);
    }

    /// Until when it is to end, if it is.
    pub(crate) fn stop_until(&self) -> Option<Instant> {
        self.requests().stop
    }

    /// Says that it has ended; `error`: before all was stored.
    pub(crate) fn end(&self, error: Option<Error>) {
        let mut requests = self.requests();
        requests.state.ended = true;
        let calls = std::mem::take(&mut requests.flushes);
        let stops = std::mem::take(&mut requests.stops);
        drop(requests);
        self.changed.notify_all();
        let result = |error: &Option<Error>| -> Result<()> {
            error.as_ref().map_or(Ok(()), |error| Err(error.duplicate()))
        };
        for call in calls.into_iter().chain(stops) {
            call.complete(result(&error));
        }
    }
}
