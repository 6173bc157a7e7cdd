//! The operations, and how their payloads are read.

use std::time::Duration;

use super::backup::BackupOperation;
use super::migrations::MigrationOperation;
use super::numbers::{op, request};
use super::read::{ByteReader, malformed};
use super::recover::RecoverOperation;
#[cfg(not(target_family = "wasm"))]
use super::replicate::ReplicaOperation;
use super::statement::ResultShape;
use super::sync;
use crate::api::table::{Choice, Compare, Key, Transfer};
use crate::error::Result;
use crate::exec::script::Batch;
use crate::program::Access;
use crate::program::Begin;
use crate::sql::{Params, Record};
use crate::sync::Apply;
use crate::value::Value;

/// What comes before every payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestHead {
    pub(super) id: u32,
    pub(super) op: u8,
    /// More rows will follow, by `MORE`.
    pub(super) more: bool,
    /// Others of this client are writing too: a write waits for them, and shares their commit,
    /// instead of running within the call.
    pub(super) queued: bool,
    /// It runs only if it changes nothing.
    pub(super) reads: bool,
    /// Its client wants to know how long it waits and runs.
    pub(super) timed: bool,
    pub(super) handle: u32,
    pub(super) timeout: Option<Duration>,
}

impl RequestHead {
    pub(super) fn read(from: &mut ByteReader<'_>) -> Result<Self> {
        let id = from.u32()?;
        let op = from.u8()?;
        let flags = from.u8()?;
        let handle = from.u32()?;
        let timeout = match flags & request::TIMEOUT {
            0 => None,
            _ => Some(Duration::from_millis(u64::from(from.u32()?))),
        };
        Ok(Self {
            id,
            op,
            more: flags & request::MORE != 0,
            queued: flags & request::QUEUED != 0,
            reads: flags & request::READS != 0,
            timed: flags & request::TIMED != 0,
            handle,
            timeout,
        })
    }
}

/// An operation on a database, a session, a transaction, a savepoint or a
/// snapshot.
#[derive(Debug)]
pub(super) enum Operation {
    Statement {
        sql: String,
        params: Params,
        shape: ResultShape,
    },
    /// Its rows come through a feed.
    ExecuteMany {
        sql: String,
    },
    Batch(Batch),
    Stream {
        sql: String,
        params: Params,
    },
    Watch {
        sql: String,
        params: Params,
        key: Vec<String>,
    },
    WatchAll(Vec<WatchedQuery>),
    Touch(Vec<String>),
    /// A commit feed of these tables; none: of all.
    Commits(Vec<String>),
    Changesets(ChangesetOperation),
    Check,
    Stats,
    Recover(RecoverOperation),
    Migrations(MigrationOperation),
    Backup(BackupOperation),
    #[cfg(not(target_family = "wasm"))]
    Replica(ReplicaOperation),
    #[cfg(target_family = "wasm")]
    Replica,
    Table {
        name: String,
        what: OnTable,
    },
}

/// An operation on change sets.
#[derive(Debug)]
pub(super) enum ChangesetOperation {
    /// An outbox of these tables, or of those that are recorded already.
    Outbox(Option<Vec<String>>),
    /// Acknowledges a batch.
    Ack(i64),
    Apply {
        bytes: Box<[u8]>,
        policy: Apply,
    },
}

/// One of several queries that are watched together.
#[derive(Debug)]
pub(super) struct WatchedQuery {
    pub(super) sql: String,
    pub(super) params: Params,
    pub(super) key: Vec<String>,
}

/// An operation on a table.
#[derive(Debug)]
pub(super) enum OnTable {
    Insert(Record),
    Upsert(Record),
    /// Its records come through a feed.
    InsertMany,
    Get(Key),
    Update(Key, Record),
    UpdateMany(Vec<Key>, Record),
    Delete(Key),
    Select(Choice, Ending),
    Stream,
    Transfer(String, Vec<Transfer>),
}

/// How a selection ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    All,
    First,
    Count,
    Stream,
    Watch,
}

impl RequestHead {
    /// What its statement may do.
    pub(super) fn access(self) -> Access {
        if self.reads { Access::Again } else { Access::Unknown }
    }

    /// Whether it ends the transaction or savepoint that it is a call on. Whatever its outcome, its
    /// client no longer uses that handle.
    pub(super) fn ends(self) -> bool {
        matches!(self.op, op::COMMIT | op::ROLLBACK | op::RELEASE)
    }
}

impl Operation {
    /// Whether it changes something, whatever its statements are.
    pub(super) fn changes(&self) -> bool {
        match self {
            Self::Statement { .. }
            | Self::Stream { .. }
            | Self::Watch { .. }
            | Self::WatchAll(_)
            | Self::Touch(_)
            | Self::Commits(_)
            | Self::Check
            | Self::Stats => false,
            Self::ExecuteMany { .. } | Self::Batch(_) | Self::Recover(_) => true,
            Self::Migrations(operation) => operation.changes(),
            Self::Backup(operation) => operation.changes(),
            #[cfg(not(target_family = "wasm"))]
            Self::Replica(_) => true,
            #[cfg(target_family = "wasm")]
            Self::Replica => true,
            Self::Changesets(operation) => !matches!(operation, ChangesetOperation::Outbox(None)),
            Self::Table { what, .. } => {
                !matches!(what, OnTable::Get(_) | OnTable::Select(..) | OnTable::Stream)
            }
        }
    }

    /// Reads the payload of an operation; `None` if the number is none of these. The rows of an
    /// operation on many stay unread.
    pub(super) fn read(op: u8, from: &mut ByteReader<'_>) -> Result<Option<Self>> {
        if let Some(shape) = ResultShape::of(op) {
            let (sql, params) = statement(from)?;
            return Ok(Some(Self::Statement { sql, params, shape }));
        }
        Ok(Some(match op {
            op::EXECUTE_MANY => Self::ExecuteMany { sql: from.str()?.to_owned() },
            op::BATCH => Self::Batch(batch(from)?),
            op::STREAM => {
                let (sql, params) = statement(from)?;
                Self::Stream { sql, params }
            }
            op::WATCH => {
                let (sql, params) = statement(from)?;
                Self::Watch { sql, params, key: names(from)? }
            }
            op::WATCH_ALL => {
                let count = from.count()?;
                let query = |_| {
                    let (sql, params) = statement(from)?;
                    Ok(WatchedQuery { sql, params, key: names(from)? })
                };
                Self::WatchAll((0..count).map(query).collect::<Result<_>>()?)
            }
            op::TOUCH => Self::Touch(names(from)?),
            op::COMMITS => Self::Commits(names(from)?),
            op::CHECK => Self::Check,
            op::STATS => Self::Stats,
            op::RECOVER => Self::Recover(RecoverOperation::read(from)?),
            op::MIGRATIONS | op::MIGRATE => Self::Migrations(MigrationOperation::read(op, from)?),
            op::INSERT..=op::SELECT_WATCH => {
                let name = from.str()?.to_owned();
                Self::Table { name, what: OnTable::read(op, from)? }
            }
            #[cfg(not(target_family = "wasm"))]
            op::REPLICATE | op::REPLICA_RESTORE | op::STORAGE => {
                Self::Replica(ReplicaOperation::read(op, from)?)
            }
            #[cfg(target_family = "wasm")]
            op::REPLICATE | op::REPLICA_RESTORE | op::STORAGE => Self::Replica,
            op::BACKUP | op::BACKUP_STREAM | op::RESTORE => {
                return Ok(BackupOperation::read(op, from)?.map(Self::Backup));
            }
            _ => return Ok(ChangesetOperation::read(op, from)?.map(Self::Changesets)),
        }))
    }
}

impl ChangesetOperation {
    fn read(op: u8, from: &mut ByteReader<'_>) -> Result<Option<Self>> {
        Ok(Some(match op {
            op::OUTBOX => Self::Outbox(Some(names(from)?)),
            op::OUTBOX_AGAIN => Self::Outbox(None),
            op::ACK => Self::Ack(from.i64()?),
            op::APPLY => {
                let policy = sync::policies(from)?;
                Self::Apply { policy, bytes: from.blob()?.into() }
            }
            _ => return Ok(None),
        }))
    }
}

impl OnTable {
    fn read(op: u8, from: &mut ByteReader<'_>) -> Result<Self> {
        Ok(match op {
            op::INSERT => Self::Insert(from.record()?),
            op::UPSERT => Self::Upsert(from.record()?),
            op::INSERT_MANY => Self::InsertMany,
            op::GET => Self::Get(from.key()?),
            op::UPDATE => Self::Update(from.key()?, from.record()?),
            op::UPDATE_MANY => {
                let count = from.count()?;
                let keys = (0..count).map(|_| from.key()).collect::<Result<_>>()?;
                Self::UpdateMany(keys, from.record()?)
            }
            op::DELETE => Self::Delete(from.key()?),
            op::SELECT => Self::Select(choice(from)?, Ending::All),
            op::SELECT_FIRST => Self::Select(choice(from)?, Ending::First),
            op::SELECT_COUNT => Self::Select(choice(from)?, Ending::Count),
            op::SELECT_WATCH => Self::Select(choice(from)?, Ending::Watch),
            op::SELECT_STREAM => Self::Select(choice(from)?, Ending::Stream),
            op::TABLE_STREAM => Self::Stream,
            op::TRANSFER => {
                let column = from.str()?.to_owned();
                let count = from.count()?;
                let transfer = |from: &mut ByteReader<'_>| -> Result<Transfer> {
                    Ok(Transfer::new(from.key()?, from.key()?, from.value()?))
                };
                let transfers = (0..count).map(|_| transfer(from)).collect::<Result<_>>()?;
                Self::Transfer(column, transfers)
            }
            _ => return Err(malformed()),
        })
    }
}

pub(super) fn begin(from: &mut ByteReader<'_>) -> Result<Begin> {
    match from.u8()? {
        0 => Ok(Begin::Immediate),
        1 => Ok(Begin::Deferred),
        2 => Ok(Begin::Exclusive),
        _ => Err(malformed()),
    }
}

fn statement(from: &mut ByteReader<'_>) -> Result<(String, Params)> {
    Ok((from.str()?.to_owned(), from.params()?))
}

fn names(from: &mut ByteReader<'_>) -> Result<Vec<String>> {
    (0..from.count()?).map(|_| from.str().map(str::to_owned)).collect()
}

fn batch(from: &mut ByteReader<'_>) -> Result<Batch> {
    match from.u8()? {
        0 => Ok(Batch::from(from.str()?)),
        1 => {
            let mut batch = Batch::new();
            for _ in 0..from.count()? {
                let (sql, params) = statement(from)?;
                batch.push(sql, params);
            }
            Ok(batch)
        }
        _ => Err(malformed()),
    }
}

fn choice(from: &mut ByteReader<'_>) -> Result<Choice> {
    let mut choice = Choice::default();
    for _ in 0..from.count()? {
        let compare = from.u8()?;
        let column = from.str()?.to_owned();
        let compare = match compare {
            0 => Compare::Eq,
            1 => Compare::Ne,
            2 => Compare::Lt,
            3 => Compare::Le,
            4 => Compare::Gt,
            5 => Compare::Ge,
            6 => Compare::Like,
            7 => Compare::NotLike,
            8 => {
                choice.filter_in(column, from.list()?);
                continue;
            }
            9 | 10 => {
                let compare = if compare == 9 { Compare::Eq } else { Compare::Ne };
                choice.filter(column, compare, Value::Null);
                continue;
            }
            _ => return Err(malformed()),
        };
        choice.filter(column, compare, from.value()?.to_value());
    }
    for _ in 0..from.count()? {
        let column = from.str()?.to_owned();
        choice.order(column, from.u8()? != 0);
    }
    if from.u8()? != 0 {
        choice.limit(whole(from.f64()?)?);
    }
    choice.offset(whole(from.f64()?)?);
    Ok(choice)
}

/// A number of rows.
fn whole(number: f64) -> Result<u64> {
    if !(number >= 0.0 && number.fract() == 0.0) {
        return Err(crate::error::Error::invalid(
            "a limit or offset must be a non-negative whole number",
        ));
    }
    // Beyond the largest: all rows.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Ok(number as u64)
}

/// Reads the only request of a batch: its head, and what follows.
///
/// # Errors
/// `InvalidArgument` for bytes that are not a request.
pub(super) fn only(request: &[u8]) -> Result<(RequestHead, ByteReader<'_>)> {
    let mut batch = ByteReader::new(request);
    let length = batch.u32()? as usize;
    let mut request = ByteReader::new(batch.bytes(length)?);
    Ok((RequestHead::read(&mut request)?, request))
}
