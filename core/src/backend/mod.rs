//! What a storage backend must be able to do, and the available backends.
//!
//! A backend runs [`Program`]s. Everything else is a capability that it may lack, in which case the
//! operations that need it return `Unsupported` with its name.

mod call;
pub(crate) mod call_times;
mod chunks;
mod copy;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod copy_file;
mod counters;
mod group;
mod guarded;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod inbox;
#[cfg(all(feature = "recover", not(target_family = "wasm")))]
mod recover;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod replica;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod replica_files;
pub(crate) mod reply;
pub(crate) mod rules;
#[cfg(any(target_family = "wasm", test, feature = "single-thread"))]
pub(crate) mod single_thread;
mod stats;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod threaded;
mod transaction_state;

pub use chunks::ChunkSink;
pub use copy::{CopyOrder, CopyProgress, CopyTo, RestoreFrom};
pub use reply::Reply;
pub use stats::{Spent, Stats};

#[cfg(all(feature = "recover", not(target_family = "wasm")))]
pub(crate) use recover::recover;

pub(crate) use call::{Completer, PendingCall, Receipt, call, cancelled};
pub(crate) use chunks::{ChunkSource, chunks};
pub(crate) use copy::{check_source, database_file};
pub(crate) use guarded::{Cover, GuardedSession};

pub(crate) use crate::engine::unsupported_changesets;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::changes::Observation;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::platform::{MaybeSend, MaybeSync};
use crate::program::{Begin, Output, PageSink, Program};
use crate::row::Page;
use crate::sql::Params;

/// Opens a database file with this platform's backend.
pub(crate) async fn open(path: &Path, options: Options) -> Result<Box<dyn Backend>> {
    #[cfg(not(target_family = "wasm"))]
    return Ok(Box::new(threaded::Threaded::open(path, options).await?));
    #[cfg(target_family = "wasm")]
    return Ok(Box::new(single_thread::SingleThread::open(path, options)?));
}

/// Opens a database in memory with this content, with this platform's backend.
pub(crate) async fn open_bytes(bytes: &[u8], options: Options) -> Result<Box<dyn Backend>> {
    let (file, options) = crate::vfs::place_bytes(bytes, options)?;
    // The file is there as long as its first connection, once that is open.
    open(Path::new(file.name()), options).await
}

/// Runs programs, and gives sessions to callers that need more.
pub trait Backend: MaybeSend + MaybeSync + 'static {
    /// Returns what this backend can do beyond running programs.
    fn capabilities(&self) -> Capabilities;

    /// Runs a program, whole or not at all, in its own transaction.
    ///
    /// Dropping the reply before it is ready cancels the program, which has then happened whole or
    /// not at all.
    ///
    /// With `sink`, the program is one statement that reads. A backend may pass whole pages of its
    /// rows to `sink` while the statement runs: during this call to `sink` itself, and after it
    /// to what [`PageSink::lasting`] returns. Its output then contains only the remaining rows.
    /// Nothing runs twice. If the call fails, what was passed on does not count.
    fn run(&self, program: Program<'_>, sink: Option<&dyn PageSink>) -> Reply<Output>;

    /// Acquires a session.
    ///
    /// # Errors
    /// `Unsupported` for an intent whose capability is missing.
    fn acquire(&self, intent: Intent) -> Reply<Box<dyn BackendSession>> {
        Reply::err(Error::unsupported(intent.capability()))
    }

    /// Starts a query whose rows are fetched page by page.
    ///
    /// # Errors
    /// `Unsupported` where [`Capabilities::cursors`] is missing.
    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        let _ = (sql, params);
        Reply::err(Error::unsupported("cursors"))
    }

    /// Copies the database. Dropping the reply before it is ready ends the copy and leaves nothing
    /// of it.
    ///
    /// # Errors
    /// `Unsupported` where [`Capabilities::backups`] is missing, or this way to copy.
    fn copy(&self, order: CopyOrder) -> Reply<()> {
        let _ = order;
        Reply::err(Error::unsupported("backups"))
    }

    /// Replaces all that the database contains, in one transaction, by what another contains, which
    /// is checked first. Dropping the reply before it is ready cancels that, or it has happened
    /// whole.
    ///
    /// # Errors
    /// `Unsupported` where [`Capabilities::backups`] is missing.
    fn restore(&self, from: RestoreFrom) -> Reply<()> {
        let _ = from;
        Reply::err(Error::unsupported("backups"))
    }

    /// Begins to keep a replica up to date. The reply is ready once what is committed from then on
    /// will be stored.
    ///
    /// # Errors
    /// `Unsupported` where the backend can't, and without a write-ahead log.
    #[cfg(not(target_family = "wasm"))]
    fn replicate(&self, order: replica::ReplicaOrder) -> Reply<()> {
        let _ = order;
        Reply::err(Error::unsupported("continuous backup"))
    }

    /// Returns where this backend learns what is to be recorded of its commits and reports them, or
    /// `None` if it can't ([`Capabilities::watches`]).
    fn observation(&self) -> Option<&Arc<Observation>> {
        None
    }

    /// Returns what this backend has done and is doing, without waiting for anything under way;
    /// `None` if it does not count. [`Stats::watched_queries`] is counted above it.
    fn stats(&self) -> Option<Stats> {
        None
    }

    /// Returns how long to wait for a session or snapshot if the caller sets no limit.
    fn acquire_timeout(&self) -> Option<Duration> {
        None
    }

    /// Returns how long closing waits for operations whose futures nobody polls.
    fn close_patience(&self) -> Option<Duration> {
        None
    }

    /// Stops every running statement; their calls return `Cancelled`.
    fn interrupt(&self);

    /// Reports that closing was requested. [`close`](Self::close) follows when running operations
    /// of several calls have ended, or after [`close_patience`](Self::close_patience). The
    /// backend's own limit for closing counts from now.
    fn note_closing(&self) {}

    /// Waits for accepted work, then closes. Later calls, including a second close, return at once.
    fn close(&self) -> Reply<()>;
}

/// A connection reserved for one holder. Dropping it rolls back what is open before anybody else
/// gets the connection.
pub trait BackendSession: MaybeSend + MaybeSync {
    /// Runs a program whole or not at all inside whatever transaction is open. `sink` works as in
    /// [`Backend::run`].
    fn run(&self, program: Program<'_>, sink: Option<&dyn PageSink>) -> Reply<Output>;

    /// Begins, ends or nests the session's transaction.
    ///
    /// Requests take effect in the order in which they are made, starting with this call and not
    /// with the first poll of the reply.
    fn control(&self, control: Control) -> Reply<()>;

    /// Starts a query whose rows are fetched page by page.
    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>>;

    /// Stops the statement now running in this session, if any.
    fn interrupt(&self);

    /// Whether the last call may have changed something.
    fn wrote(&self) -> bool {
        false
    }

    /// Reports that the caller has cancelled a call that has completed by now. It may have changed
    /// something, inside `savepoints` savepoints: its transaction or savepoint can only be rolled
    /// back.
    fn mark_rollback_only(&self, savepoints: usize) {
        let _ = savepoints;
    }
}

/// The pages of a running query.
pub trait Pages: MaybeSend {
    /// Returns the next page, or `None` after the last. Dropping this stops the query.
    fn poll_next(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<Option<Page>>>;

    /// Takes back a page whose rows are all gone, to reuse its memory.
    fn recycle(&mut self, page: Page) {
        drop(page);
    }
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Several reads of one point in time, which may run concurrently.
    Snapshot,
    /// A transaction that has already begun.
    Transaction(Begin),
    /// A connection of its own, for anything.
    Dedicated,
}

/// Begins, ends or nests a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Begins a transaction.
    Begin(Begin),
    /// Commits it.
    Commit,
    /// Rolls it back.
    Rollback,
    /// Begins the savepoint of this depth, counted from 1. Only one per depth is open at a time.
    Savepoint(u32),
    /// Keeps what the savepoint did.
    Release(u32),
    /// Undoes what the savepoint did, and ends it.
    RollbackTo(u32),
}

/// What a backend can do beyond running programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Transactions that wait for the caller between two statements.
    pub transactions: bool,
    /// Queries whose rows are fetched page by page.
    pub cursors: bool,
    /// Several reads of one point in time, across several calls.
    pub snapshots: bool,
    /// Separate connections, with `ATTACH`, temporary tables and `PRAGMA`s.
    pub sessions: bool,
    /// Another copy of SQLite in the same process (Python's `sqlite3`, another library's driver)
    /// may read and write the file at the same time, as other processes may. True on Linux if the
    /// file system has locks on open file descriptions. Otherwise no other SQLite in this process
    /// may open the file: closing it there would drop the locks held here.
    pub coexistence: bool,
    /// Live queries: [`Database::watch`](crate::Database::watch).
    pub watches: bool,
    /// Live queries are told which rows and columns a commit changed, so that a change of others of
    /// the table does not run them again. Otherwise only tables are told apart. False where the
    /// linked SQLite was compiled without `SQLITE_ENABLE_PREUPDATE_HOOK`.
    pub row_changes: bool,
    /// Change sets: [`Database::outbox`](crate::Database::outbox) and
    /// [`Database::apply`](crate::Database::apply). False where the linked SQLite was compiled
    /// without `SQLITE_ENABLE_PREUPDATE_HOOK` and `SQLITE_ENABLE_SESSION`.
    pub changesets: bool,
    /// Copies of the whole database, and replacing it by one:
    /// [`Database::backup`](crate::Database::backup) and
    /// [`Database::restore`](crate::Database::restore).
    pub backups: bool,
    /// Continuous backup of a database with a write-ahead log:
    /// [`Database::replicate`](crate::Database::replicate).
    pub replicas: bool,
}

impl Intent {
    /// Returns the name of the capability that the intent needs, for messages.
    pub fn capability(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshots that span several calls",
            Self::Transaction(_) => "interactive transactions",
            Self::Dedicated => "dedicated sessions",
        }
    }
}

impl Control {
    /// Returns the SQL for this control.
    pub fn sql(self) -> Cow<'static, str> {
        match self {
            Self::Begin(begin) => begin.sql().into(),
            Self::Commit => "COMMIT".into(),
            Self::Rollback => "ROLLBACK".into(),
            Self::Savepoint(depth) => format!("SAVEPOINT ubiqlite_{depth}").into(),
            Self::Release(depth) => format!("RELEASE ubiqlite_{depth}").into(),
            Self::RollbackTo(depth) => format!("ROLLBACK TO ubiqlite_{depth}").into(),
        }
    }
}

impl Begin {
    /// Returns the SQL that begins such a transaction.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Immediate => "BEGIN IMMEDIATE",
            Self::Deferred => "BEGIN",
            Self::Exclusive => "BEGIN EXCLUSIVE",
        }
    }
}
