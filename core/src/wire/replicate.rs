//! Replicas for a client: a folder that is kept up to date, and a database restored from one.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::cells::Cells;
use super::handles::{CallTarget, Handle};
use super::numbers::op;
use super::read::{ByteReader, malformed};
use super::reply::Outcome;
use super::request::RequestHead;
use super::run::OperationEnd;
use super::server::{RequestFuture, ServerInner};
use crate::api::replicate::{Replica, restore_replica};
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
    Begin { to: String, settings: [i64; 5] },
    Restore { from: PathBuf, moment: ReplicaMoment, to: PathBuf },
}

/// What is asked of a replica, with [`op::NEXT`].
const STATE: u32 = 0;
const FLUSH: u32 = 1;
const STOP: u32 = 2;

impl ReplicaOperation {
    pub(super) fn read(op: u8, from: &mut ByteReader<'_>) -> Result<Self> {
        Ok(match op {
            op::REPLICATE => {
                let to = from.str()?.to_owned();
                let mut settings = [0; 5];
                for setting in &mut settings {
                    *setting = from.i64()?;
                }
                Self::Begin { to, settings }
            }
            op::REPLICA_RESTORE => {
                let folder = from.str()?.into();
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
                Self::Restore { from: folder, moment, to: from.str()?.into() }
            }
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
                    let mut replicate = database.limited(limit).replicate(to);
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
                    Ok(OperationEnd::Held(Handle::Replica(replicate.await?)))
                }
                Self::Restore { from, moment, to } => {
                    let restored = Box::pin(restore_replica(from, moment, to));
                    let reply = crate::backend::Reply::later(restored);
                    Ok(Outcome::Count(limited(reply, limit, false).await?).into())
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
    /// Returns the work of asking something of a replica, and then how far it is.
    pub(super) fn ask_replica(head: RequestHead, replica: Replica, ask: u32) -> RequestFuture {
        Box::pin(async move {
            match ask {
                STATE => {}
                FLUSH => replica.flush_within(head.timeout).await?,
                STOP => replica.stop().await?,
                _ => return Err(malformed()),
            }
            Ok(Outcome::Next(Some(cells(&replica.state()))))
        })
    }
}
