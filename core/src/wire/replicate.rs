//! Replicas for a client: a folder that is kept up to date, and a database restored from one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::cells::Cells;
use super::handles::{CallTarget, Handle};
use super::numbers::op;
use super::read::{ByteReader, malformed};
use super::reply::Outcome;
use super::request::{Operation, RequestHead};
use super::run::OperationEnd;
use super::server::{RequestFuture, ServerInner};
use super::storage::{ClientStorage, StorageHandle, Tasks};
use crate::api::replicate::{Replica, restore_replica, restore_replica_from};
use crate::backend::replica::{ReplicaState, SnapshotReason};
use crate::backend::replica_files::ReplicaMoment;
use crate::error::Result;
use crate::exec::target::limited;
use crate::platform::{self, BoxFuture};
use crate::row::Rows;
use crate::value::ValueRef;

/// An operation on a replica.
#[derive(Debug)]
pub(super) enum ReplicaOperation {
    Begin { to: Place, settings: [i64; 5] },
    Restore { from: Place, moment: ReplicaMoment, to: PathBuf },
    Storage,
}

/// Where the files of a replica are.
pub(super) enum Place {
    Folder(PathBuf),
    /// The number of the client's handle, and what it stands for once that was looked up.
    Client(u32, Option<(Arc<Tasks>, ClientStorage)>),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(path) => f.debug_tuple("Folder").field(path).finish(),
            Self::Client(handle, _) => f.debug_tuple("Client").field(handle).finish(),
        }
    }
}

impl Place {
    fn read(from: &mut ByteReader<'_>) -> Result<Self> {
        Ok(match from.u8()? {
            0 => Self::Folder(from.str()?.into()),
            1 => Self::Client(from.u32()?, None),
            _ => return Err(malformed()),
        })
    }
}

/// A replica that a client follows, with what is wanted of its storage if it has that too.
#[derive(Clone)]
pub(super) struct ClientReplica {
    replica: Replica,
    tasks: Option<Arc<Tasks>>,
}

/// What is asked of a replica, with [`op::NEXT`].
const STATE: u32 = 0;
const FLUSH: u32 = 1;
const STOP: u32 = 2;

impl ReplicaOperation {
    pub(super) fn read(op: u8, from: &mut ByteReader<'_>) -> Result<Self> {
        Ok(match op {
            op::REPLICATE => {
                let to = Place::read(from)?;
                let mut settings = [0; 5];
                for setting in &mut settings {
                    *setting = from.i64()?;
                }
                Self::Begin { to, settings }
            }
            op::REPLICA_RESTORE => {
                let place = Place::read(from)?;
                let (kind, number) = (from.u8()?, from.i64()?);
                let moment = match (kind, u64::try_from(number)) {
                    (0, _) => ReplicaMoment::Latest,
                    (1, Ok(number)) => ReplicaMoment::Transaction(number),
                    (2, since) => {
                        let since = Duration::from_millis(since.unwrap_or_default());
                        ReplicaMoment::Time(SystemTime::UNIX_EPOCH + since)
                    }
                    _ => return Err(malformed()),
                };
                Self::Restore { from: place, moment, to: from.str()?.into() }
            }
            op::STORAGE => Self::Storage,
            _ => return Err(malformed()),
        })
    }

    /// Runs it.
    ///
    /// # Errors
    /// Its own, and `InvalidArgument` on anything but the database.
    pub(super) fn run(
        self,
        on: &CallTarget,
        limit: Option<Duration>,
    ) -> BoxFuture<'_, Result<OperationEnd>> {
        Box::pin(async move {
            let CallTarget::Database(database) = on else { return Err(malformed()) };
            match self {
                Self::Begin { to, settings: [interval, memory, every, keep, close] } => {
                    let given = |it: i64| u64::try_from(it).ok();
                    let time = |it: i64| given(it).map(Duration::from_millis);
                    // 0: never, and for ever.
                    let span = |it: i64| time(it).map(|it| (!it.is_zero()).then_some(it));
                    let database = database.limited(limit);
                    let (mut replicate, tasks) = match to {
                        Place::Folder(folder) => (database.replicate(folder), None),
                        Place::Client(_, Some((tasks, storage))) => {
                            (database.replicate_to(storage), Some(tasks))
                        }
                        Place::Client(_, None) => return Err(malformed()),
                    };
                    if let Some(interval) = time(interval) {
                        replicate = replicate.interval(interval);
                    }
                    if let Some(memory) = given(memory) {
                        replicate = replicate.memory(memory);
                    }
                    if let Some(every) = span(every) {
                        replicate = replicate.snapshot_every(every);
                    }
                    if let Some(keep) = span(keep) {
                        replicate = replicate.keep(keep);
                    }
                    if let Some(close) = time(close) {
                        replicate = replicate.close_timeout(close);
                    }
                    let replica = replicate.await?;
                    if let Some(tasks) = &tasks {
                        tasks.belong_to(&replica);
                    }
                    let handle = Handle::Replica(ClientReplica { replica, tasks });
                    Ok(OperationEnd::Held(handle))
                }
                Self::Restore { from, moment, to } => {
                    let restored: BoxFuture<'static, Result<u64>> = match from {
                        Place::Folder(folder) => Box::pin(restore_replica(folder, moment, to)),
                        Place::Client(_, Some((_, storage))) => {
                            Box::pin(restore_replica_from(Arc::new(storage), moment, to))
                        }
                        Place::Client(_, None) => return Err(malformed()),
                    };
                    let reply = crate::backend::Reply::later(restored);
                    Ok(Outcome::Count(limited(reply, limit, false).await?).into())
                }
                Self::Storage => {
                    Ok(OperationEnd::Held(Handle::Storage(Arc::new(StorageHandle::default()))))
                }
            }
        })
    }
}

fn reason(reason: SnapshotReason) -> &'static [u8] {
    match reason {
        SnapshotReason::First => b"first",
        SnapshotReason::Gap => b"gap",
        SnapshotReason::Differs => b"differs",
        SnapshotReason::Log => b"log",
        SnapshotReason::JournalMode => b"journal_mode",
        SnapshotReason::Memory => b"memory",
        SnapshotReason::Due => b"due",
    }
}

fn cells(state: &ReplicaState) -> Rows {
    let mut cells = Cells::default();
    let number = |it: u64| ValueRef::Integer(i64::try_from(it).unwrap_or(i64::MAX));
    let since = state.time.and_then(|it| it.duration_since(SystemTime::UNIX_EPOCH).ok());
    let time = since.map(platform::millis);
    cells.push(number(state.transaction));
    cells.push(time.map_or(ValueRef::Null, number));
    cells.push(number(state.lag));
    cells.push(number(state.waiting));
    cells.push(number(state.snapshots));
    let (last, why) = state.last_snapshot.unzip();
    cells.push(last.map_or(ValueRef::Null, number));
    cells.push(why.map_or(ValueRef::Null, |it| ValueRef::Text(reason(it))));
    cells.push(state.error.as_ref().map_or(ValueRef::Null, |it| ValueRef::Text(it.as_bytes())));
    cells.push(ValueRef::Integer(state.ended.into()));
    cells.finish()
}

impl ServerInner {
    /// Finds the client's storage that an operation names.
    ///
    /// # Errors
    /// `Closed` if there is none.
    pub(super) fn with_storage(&self, mut operation: Operation) -> Result<Operation> {
        if let Operation::Replica(
            ReplicaOperation::Begin { to: place, .. }
            | ReplicaOperation::Restore { from: place, .. },
        ) = &mut operation
            && let Place::Client(handle, found) = place
        {
            let Handle::Storage(storage) = self.state().handles.source(*handle)? else {
                return Err(malformed());
            };
            *found = Some((storage.tasks(), storage.used()?));
        }
        Ok(operation)
    }

    /// Returns the work of asking something of a replica, and then how far it is.
    pub(super) fn ask_replica(
        head: RequestHead,
        ClientReplica { replica, tasks }: ClientReplica,
        ask: u32,
    ) -> RequestFuture {
        Box::pin(async move {
            match ask {
                STATE => {}
                FLUSH => replica.flush_within(head.timeout).await?,
                STOP => match tasks {
                    None => replica.stop().await?,
                    Some(tasks) => stop(&replica, &tasks).await?,
                },
                _ => return Err(malformed()),
            }
            Ok(Outcome::Next(Some(cells(&replica.state()))))
        })
    }
}

/// Stops a replica whose storage is the client's, which may not reply any more: the replica ends then.
async fn stop(replica: &Replica, tasks: &Tasks) -> Result<()> {
    let stopped = replica.stop().await;
    if !replica.state().ended {
        tasks.end();
        // That the storage is gone is no news: it did not reply, which is what is told.
        let _ = replica.stop().await;
    }
    stopped
}
