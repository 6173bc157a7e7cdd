//! What a storage backend has to be able to do, and the backends there are.
//!
//! A backend runs [`Program`]s. Everything else is a capability that it may
//! lack: then the operations that need it answer `Unsupported` by its name.

mod call;
mod course;
mod group;
mod guarded;
#[cfg(any(target_family = "wasm", test, feature = "local"))]
pub(crate) mod local;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod native;
pub(crate) mod reply;
pub(crate) mod rules;

pub use reply::Reply;

pub(crate) use call::{Call, Completer, Receipt, call, cancelled};
pub(crate) use guarded::{Cover, Guarded};

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::options::Options;
use crate::platform::{MaybeSend, MaybeSync};
use crate::program::{Begin, Early, Output, Program};
use crate::row::Page;
use crate::sql::Params;

/// Opens a database file with the backend of this platform.
pub(crate) async fn open(path: &Path, options: Options) -> Result<Box<dyn Backend>> {
    #[cfg(not(target_family = "wasm"))]
    return Ok(Box::new(native::Native::open(path, options).await?));
    #[cfg(target_family = "wasm")]
    return Ok(Box::new(local::Local::open(path, options)?));
}

/// Runs programs, and lends sessions to those who need more.
pub trait Backend: MaybeSend + MaybeSync + 'static {
    /// What this backend can do beyond running programs.
    fn capabilities(&self) -> Capabilities;

    /// Runs a program, whole or not at all, in a transaction of its own.
    ///
    /// Dropping the reply before it is ready gives the program up: it has then
    /// happened whole or not at all.
    ///
    /// With `early`, the program is one statement that reads. A backend may give whole
    /// pages of its rows to `early` while the statement runs, within this very call, and
    /// after it to what [`Early::lasting`] returns. It has only the others in its output
    /// then. Nothing runs twice; of a call that fails, what was given counts for nothing.
    fn run(&self, program: Program<'_>, early: Option<&dyn Early>) -> Reply<Output>;

    /// Lends a session.
    ///
    /// # Errors
    /// `Unsupported` for an intent whose capability is missing.
    fn acquire(&self, intent: Intent) -> Reply<Box<dyn Session>> {
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

    /// How long a session or snapshot is waited for, where the caller sets no
    /// limit of its own.
    fn acquire_timeout(&self) -> Option<Duration> {
        None
    }

    /// How long closing waits for operations whose futures nobody polls.
    fn close_patience(&self) -> Option<Duration> {
        None
    }

    /// Stops every statement that runs now; their calls answer `Cancelled`.
    fn interrupt(&self);

    /// Closing was asked for: [`close`](Self::close) follows when the operations of
    /// several calls that are under way have ended, or after
    /// [`close_patience`](Self::close_patience). A limit of the backend's own for
    /// closing counts from now.
    fn note_closing(&self) {}

    /// Waits for what was accepted, then closes. Calls after this, and a second
    /// close too, answer at once.
    fn close(&self) -> Reply<()>;
}

/// A connection lent to one holder. Dropping it rolls back what is open before
/// anybody else gets the connection.
pub trait Session: MaybeSend + MaybeSync {
    /// Runs a program whole or not at all inside whatever transaction is open; `early` is
    /// as for [`Backend::run`].
    fn run(&self, program: Program<'_>, early: Option<&dyn Early>) -> Reply<Output>;

    /// Begins, ends or nests the session's transaction.
    ///
    /// What is asked takes place in the order of asking, from the moment of this
    /// call on, not when the reply is first polled.
    fn control(&self, control: Control) -> Reply<()>;

    /// Starts a query whose rows are fetched page by page.
    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>>;

    /// Stops the statement that runs now in this session, if any.
    fn interrupt(&self);

    /// Whether the last call may have changed something.
    fn wrote(&self) -> bool {
        false
    }

    /// The caller has given up a call that may have changed something, inside so
    /// many savepoints, and was done meanwhile: its transaction, or its savepoint,
    /// can only be rolled back.
    fn give_up(&self, savepoints: usize) {
        let _ = savepoints;
    }
}

/// The pages of a running query.
pub trait Pages: MaybeSend {
    /// The next page; `None` after the last. Dropping this stops the query.
    fn poll_next(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<Option<Page>>>;

    /// Takes back a page whose rows are all gone, to use its memory again.
    fn recycle(&mut self, page: Page) {
        drop(page);
    }
}

/// What a session is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Several reads of one moment, which may run side by side.
    Snapshot,
    /// A transaction that has begun.
    Transaction(Begin),
    /// A connection of one's own, for anything.
    Own,
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
    /// Begins the savepoint of this depth, from 1: of one depth, one at a time is open.
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
    /// Several reads of one moment over several calls.
    pub snapshots: bool,
    /// Connections of one's own, with `ATTACH`, temporary tables and `PRAGMA`s.
    pub sessions: bool,
    /// Another copy of SQLite in the same process (Python's `sqlite3`, a driver of
    /// another library) may read and write the file at the same time, as other
    /// processes may. On Linux, where the file system has locks of open file
    /// descriptions. Otherwise no other SQLite of this process may open the file: closing
    /// it there would drop the locks that are held here.
    pub coexistence: bool,
}

impl Intent {
    /// The name of the capability that the intent needs, for messages.
    pub fn capability(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshots over several calls",
            Self::Transaction(_) => "interactive transactions",
            Self::Own => "sessions of one's own",
        }
    }
}

impl Control {
    /// The SQL that does it.
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
    /// The SQL that begins such a transaction.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Immediate => "BEGIN IMMEDIATE",
            Self::Deferred => "BEGIN",
            Self::Exclusive => "BEGIN EXCLUSIVE",
        }
    }
}
