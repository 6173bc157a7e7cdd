//! What a client holds between two requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::FixedState;

use super::backup::BackupHandle;
use super::commits::CommitsHandle;
use super::fifo_lock::{self, FifoLock};
use super::sync::OutboxHandle;
use super::timed::Timed;
use super::watch::WatchHandle;
use crate::api::database::Database;
use crate::api::transaction::Transaction;
use crate::backend::rules::HandleUse;
use crate::backend::{BackendSession, Cover, GuardedSession};
use crate::error::{Error, Result};
use crate::exec::savepoint_guard::SavepointGuard;
use crate::exec::schemas::Schemas;
use crate::exec::stream::RowStream;
use crate::exec::target::{Executor as On, Target};

/// Everything that a client holds, by the number of the request that made it.
#[derive(Default)]
pub(super) struct Handles(HashMap<u32, Handle, FixedState>);

#[derive(Clone)]
pub(super) enum Handle {
    Session(Arc<SessionHandle>),
    Stream(Arc<Stream>),
    Watch(Arc<WatchHandle>),
    Commits(Arc<CommitsHandle>),
    Outbox(Arc<OutboxHandle>),
    Backup(Arc<BackupHandle>),
    #[cfg(not(target_family = "wasm"))]
    Replica(super::replicate::ClientReplica),
    #[cfg(not(target_family = "wasm"))]
    Storage(Arc<super::storage::StorageHandle>),
}

/// A session, a snapshot, a transaction or a savepoint.
pub(super) struct SessionHandle {
    pub(super) kind: HandleKind,
    pub(super) session: Arc<dyn BackendSession>,
    /// Decides what may be done with it; `None` for a snapshot, from which nothing is begun.
    guard: Option<Arc<GuardedSession>>,
    pub(super) schemas: Schemas,
    /// Its calls run in the order they were requested; those of a snapshot run side by side. A
    /// savepoint shares the lock of its outer handle.
    pub(super) lock: Option<Arc<FifoLock>>,
    /// How many savepoints it is inside, itself included.
    pub(super) depth: u32,
    /// What undoes it when dropped; taken by what ends it.
    end: Mutex<Option<HandleEnding>>,
    /// The handle that it is a part of.
    pub(super) parent: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandleKind {
    Session,
    Snapshot,
    Transaction,
    Savepoint,
}

/// What ends a transaction or savepoint.
pub(super) enum HandleEnding {
    Transaction(Transaction<'static>),
    Savepoint(SavepointGuard<'static>),
}

/// The end of a handle. Dropping it undoes what is open.
pub(super) struct HandleEnd {
    // Before the cover: the outer handle is free once the end is on its way.
    pub(super) what: Option<HandleEnding>,
    pub(super) cover: Option<Cover>,
}

/// A running query.
pub(super) struct Stream {
    // Before what it reads from: it is dropped first.
    pub(super) rows: Mutex<RowStream<'static>>,
    pub(super) lock: Arc<FifoLock>,
    parent: u32,
    /// How long it has waited and run, if its client wants to know.
    pub(super) timed: Option<Arc<Timed>>,
    _on: CallTarget,
}

/// What a call is made on: the database, or a handle.
#[derive(Clone)]
pub(super) enum CallTarget {
    Database(Database),
    Handle(Arc<SessionHandle>),
}

impl CallTarget {
    pub(super) fn target(&self, limit: Option<Duration>) -> Target<'_> {
        match self {
            Self::Database(database) => Target { limit, ..database.target() },
            Self::Handle(session_handle) => Target {
                executor: On::Session(&*session_handle.session),
                limit,
                schemas: &session_handle.schemas,
                gate: None,
                database: None,
                // Clients trace their calls themselves.
                trace: None,
            },
        }
    }

    /// Takes the next ticket of its lock, if its calls run in order.
    pub(super) fn ticket(&self) -> Option<fifo_lock::FifoTicket> {
        match self {
            Self::Database(_) => None,
            Self::Handle(session_handle) => session_handle.lock.as_ref().map(FifoLock::enter),
        }
    }

    /// Checks whether this may be done with it.
    ///
    /// # Errors
    /// The reason why not.
    pub(super) fn check(&self, ask: HandleUse) -> Result<()> {
        match self {
            Self::Database(_) => Ok(()),
            Self::Handle(session_handle) => session_handle.check(ask),
        }
    }

    /// Whether the last thing that ran on it wrote in a transaction.
    pub(super) fn wrote(&self) -> bool {
        matches!(self, Self::Handle(session_handle) if session_handle.session.wrote())
    }
}

impl SessionHandle {
    /// A snapshot of the database.
    pub(super) fn snapshot(session: Arc<dyn BackendSession>) -> Self {
        Self {
            kind: HandleKind::Snapshot,
            session,
            guard: None,
            schemas: Schemas::local(),
            lock: None,
            depth: 0,
            end: Mutex::new(None),
            parent: 0,
        }
    }

    /// A session of the database, or a transaction of it.
    pub(super) fn outermost(
        kind: HandleKind,
        session: Arc<dyn BackendSession>,
        end: Option<HandleEnding>,
    ) -> Self {
        Self::guarded(kind, GuardedSession::outermost(session), Some(Arc::default()), 0, end, 0)
    }

    /// What was just begun from another handle, whose number is `parent`.
    ///
    /// # Errors
    /// The other handle was dropped in the meantime; what was begun is undone.
    pub(super) fn inside(
        kind: HandleKind,
        outer: &Self,
        parent: u32,
        end: HandleEnding,
    ) -> Result<Self> {
        let guard = outer.guard.as_ref().ok_or_else(gone)?.begun()?;
        let depth = outer.depth + u32::from(kind == HandleKind::Savepoint);
        Ok(Self::guarded(kind, guard, outer.lock.clone(), depth, Some(end), parent))
    }

    fn guarded(
        kind: HandleKind,
        guard: GuardedSession,
        lock: Option<Arc<FifoLock>>,
        depth: u32,
        end: Option<HandleEnding>,
        parent: u32,
    ) -> Self {
        let guard = Arc::new(guard);
        let session: Arc<dyn BackendSession> = Arc::clone(&guard) as _;
        // Temporary tables of a session have no version to check.
        let schemas = if kind == HandleKind::Session { Schemas::none() } else { Schemas::local() };
        let (guard, end) = (Some(guard), Mutex::new(end));
        Self { kind, session, guard, schemas, lock, depth, end, parent }
    }

    /// Checks whether this may be done with it.
    ///
    /// # Errors
    /// See the [rules](crate::backend::rules).
    pub(super) fn check(&self, ask: HandleUse) -> Result<()> {
        self.guard.as_ref().map_or(Ok(()), |guard| guard.check(ask))
    }

    /// Takes what ends it, so that nothing else will; it accepts no more calls.
    pub(super) fn take_end(&self) -> HandleEnd {
        let cover = self.guard.as_ref().map(GuardedSession::close);
        let what = self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
        HandleEnd { what, cover }
    }
}

impl Stream {
    pub(super) fn new(
        rows: RowStream<'static>,
        on: CallTarget,
        parent: u32,
        timed: Option<Arc<Timed>>,
    ) -> Self {
        Self { rows: Mutex::new(rows), lock: Arc::default(), parent, timed, _on: on }
    }
}

impl Handle {
    fn parent(&self) -> u32 {
        match self {
            Self::Session(session_handle) => session_handle.parent,
            Self::Stream(stream) => stream.parent,
            _ => 0,
        }
    }
}

impl Handle {
    fn can_move(&self) -> bool {
        matches!(self, Self::Watch(_) | Self::Commits(_) | Self::Outbox(_))
    }
}

impl Handles {
    pub(super) fn put(&mut self, number: u32, handle: Handle) {
        self.0.insert(number, handle);
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        self.0.contains_key(&number)
    }

    /// Whether nothing is held but what goes on in the next engine, where it tells that it is another.
    pub(super) fn can_move(&self) -> bool {
        self.0.values().all(Handle::can_move)
    }

    /// Whether a handle is one of those that go on in the next engine.
    pub(super) fn moves(&self, number: u32) -> bool {
        self.0.get(&number).is_some_and(Handle::can_move)
    }

    pub(super) fn session_handle(&self, number: u32) -> Result<Arc<SessionHandle>> {
        match self.0.get(&number) {
            Some(Handle::Session(session_handle)) => Ok(Arc::clone(session_handle)),
            _ => Err(gone()),
        }
    }

    /// Returns what [`NEXT`](super::numbers::op::NEXT) reads from.
    pub(super) fn source(&self, number: u32) -> Result<Handle> {
        match self.0.get(&number) {
            None | Some(Handle::Session(_)) => Err(gone()),
            Some(source) => Ok(source.clone()),
        }
    }

    /// Removes a handle and everything that is part of it: innermost first, each with its number.
    pub(super) fn remove(&mut self, number: u32) -> Vec<(u32, Handle)> {
        let Some(handle) = self.0.remove(&number) else { return Vec::new() };
        let parts: Vec<u32> = self
            .0
            .iter()
            .filter(|(_, part)| part.parent() == number)
            .map(|(number, _)| *number)
            .collect();
        let mut all: Vec<_> = parts.into_iter().flat_map(|part| self.remove(part)).collect();
        all.push((number, handle));
        all
    }

    /// Removes everything, innermost first.
    pub(super) fn drain(&mut self) -> Vec<(u32, Handle)> {
        let outer: Vec<u32> = self
            .0
            .iter()
            .filter(|(_, handle)| handle.parent() == 0)
            .map(|(number, _)| *number)
            .collect();
        outer.into_iter().flat_map(|number| self.remove(number)).collect()
    }
}

fn gone() -> Error {
    Error::closed("transaction, session, snapshot or stream")
}
