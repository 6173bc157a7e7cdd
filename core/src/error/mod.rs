//! The one error type.

mod kind;
mod sqlite;

pub use kind::ErrorKind;
#[cfg(not(target_family = "wasm"))]
pub(crate) use sqlite::without_advice;
pub(crate) use sqlite::{Phase, from_sqlite};

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong: a [`kind`](Error::kind) to match on and a message that says
/// what to do about it.
///
/// # Example
/// ```
/// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
/// use ubiqlite::{ErrorKind, record};
/// match db.table("users").insert(record! { "email" => "a@example.org" }).await {
///     Ok(id) => println!("stored as {id}"),
///     Err(error) if error.kind() == ErrorKind::UniqueViolation => {
///         println!("{} is taken", error.columns().join(", "));
///     }
///     Err(error) => return Err(error),
/// }
/// # Ok(()) }
/// ```
pub struct Error(Box<ErrorData>);

#[derive(Clone)]
struct ErrorData {
    kind: ErrorKind,
    code: Option<i32>,
    message: String,
    offset: Option<usize>,
    table: Option<String>,
    columns: Vec<String>,
    path: Option<PathBuf>,
    index: Option<usize>,
}

impl Error {
    /// Creates an error of this kind with this message, for backends outside this crate.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorData {
            kind,
            code: None,
            message: message.into(),
            offset: None,
            table: None,
            columns: Vec::new(),
            path: None,
            index: None,
        }))
    }

    /// Creates the error for SQLite's extended result code and message, for backends
    /// outside this crate.
    pub fn from_code(code: i32, message: &str) -> Self {
        from_sqlite(code, message, None, Phase::Run)
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// SQLite's extended result code, where SQLite reported the error: 2067 for
    /// a unique violation, for example. See <https://sqlite.org/rescode.html>.
    pub fn code(&self) -> Option<i32> {
        self.0.code
    }

    /// What went wrong in words, and what to do about it.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where in the SQL text the error was found, in bytes from its start.
    pub fn offset(&self) -> Option<usize> {
        self.0.offset
    }

    /// The table of a violated constraint, or the one that is missing.
    pub fn table(&self) -> Option<&str> {
        self.0.table.as_deref()
    }

    /// The columns of a violated constraint, or the one that is missing. For
    /// `CHECK` SQLite reports the constraint's name instead, which is in the
    /// message.
    pub fn columns(&self) -> &[String] {
        &self.0.columns
    }

    /// The database file concerned.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// Which item of a batch failed, from 0: the statement of
    /// [`batch`](crate::Database::batch), the row of
    /// [`execute_many`](crate::Database::execute_many) or
    /// [`insert_many`](crate::Table::insert_many), or the transfer.
    pub fn index(&self) -> Option<usize> {
        self.0.index
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    pub(crate) fn closed(what: &str) -> Self {
        Self::new(ErrorKind::Closed, format!("the {what} is closed"))
    }

    /// A file, or its log, is no longer the one with its name.
    pub(crate) fn moved() -> Self {
        from_sqlite(crate::ffi::SQLITE_READONLY_DBMOVED, "", None, Phase::Run)
    }

    pub(crate) fn is_moved(&self) -> bool {
        self.0.code == Some(crate::ffi::SQLITE_READONLY_DBMOVED)
    }

    pub(crate) fn unsupported(capability: &str) -> Self {
        Self::new(
            ErrorKind::Unsupported,
            format!("this storage backend does not support {capability}"),
        )
    }

    pub(crate) fn snapshot_reads_only() -> Self {
        Self::new(
            ErrorKind::ReadOnly,
            "a snapshot is read-only; write through the database or a transaction",
        )
    }

    /// A call was cancelled, and nothing of it happened.
    pub(crate) fn withdrawn() -> Self {
        Self::new(ErrorKind::Cancelled, "the call was cancelled and had no effect")
    }

    /// A statement that may have run before changes something, and was not run again.
    pub(crate) fn changes() -> Self {
        Self::new(
            ErrorKind::OutcomeUnknown,
            "the statement makes changes and may have run already, so it was not run again; check, and repeat it if its changes are missing",
        )
    }

    pub(crate) fn transaction_lost() -> Self {
        Self::new(
            ErrorKind::Cancelled,
            "the transaction was rolled back by an earlier error in it; begin a new one",
        )
    }

    /// A call waited for a transaction that does not end: its holder may be waiting for
    /// this very call.
    pub(crate) fn held_too_long(timeout: Duration) -> Self {
        Self::busy_here(format!(
            "a transaction (or, outside WAL mode, a stream or snapshot) of this database is blocking writes, and has made no progress for the busy timeout, {timeout:?}; if this call was made inside that transaction, make it through the transaction itself"
        ))
    }

    /// As `SQLITE_BUSY`, where this process is in its own way: the message has its own
    /// advice.
    pub(crate) fn busy_here(message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Busy, message.into());
        error.0.code = Some(crate::ffi::SQLITE_BUSY);
        error
    }

    pub(crate) fn snapshot_lost() -> Self {
        Self::new(
            ErrorKind::Cancelled,
            "the snapshot was lost because of an earlier error in it, and its state can no longer be read; take a new one",
        )
    }

    pub(crate) fn stalled(timeout: Duration, limit: u64) -> Self {
        Self::new(
            ErrorKind::Timeout,
            format!(
                "its view of the database was released: it stalled for more than {timeout:?} while the write-ahead log was larger than {limit} bytes; read faster or in shorter pieces, or raise the limit of the write-ahead log"
            ),
        )
    }

    pub(crate) fn no_such_column(table: &str, column: &str) -> Self {
        let mut error =
            Self::new(ErrorKind::NoSuchColumn, format!("table {table:?} has no column {column:?}"));
        error.0.table = Some(table.to_owned());
        error.0.columns = vec![column.to_owned()];
        error
    }

    pub(crate) fn no_such_table(table: &str) -> Self {
        let mut error = Self::new(ErrorKind::NoSuchTable, format!("no table {table:?}"));
        error.0.table = Some(table.to_owned());
        error
    }

    /// Names the table concerned.
    pub(crate) fn of_table(mut self, table: String) -> Self {
        self.0.table = Some(table);
        self
    }

    pub(crate) fn with_path(mut self, path: &Path) -> Self {
        self.0.message = format!("{}: {}", path.display(), self.0.message);
        self.0.path = Some(path.to_owned());
        self
    }

    /// The same error with another name for what its path says, which means nothing to anybody.
    pub(crate) fn without_path(mut self, name: &str) -> Self {
        if let Some(path) = self.0.path.take() {
            self.0.message = self.0.message.replace(&*path.to_string_lossy(), name);
        }
        self
    }

    /// Names the item of a batch that failed, from 0; for backends outside this
    /// crate.
    pub fn with_index(mut self, index: usize) -> Self {
        self.0.index = Some(index);
        self
    }

    /// The same error of something that is not one of several.
    pub(crate) fn without_index(mut self) -> Self {
        self.0.index = None;
        self
    }

    /// Moves the offset, for a statement that begins later in a longer text.
    pub(crate) fn shifted(mut self, by: usize) -> Self {
        self.0.offset = self.0.offset.map(|offset| offset + by);
        self
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind, message: impl Into<String>) -> Self {
        self.0.kind = kind;
        self.0.message = message.into();
        self
    }

    /// Puts the subject before the message.
    pub(crate) fn prefixed(mut self, subject: &str) -> Self {
        self.0.message = format!("{subject}: {}", self.0.message);
        self
    }

    /// Adds the outcome to the message.
    pub(crate) fn followed(mut self, outcome: &str) -> Self {
        self.0.message = format!("{}; {outcome}", self.0.message);
        self
    }

    /// A copy for another job that failed for the same reason.
    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind);
        out.field("message", &self.0.message);
        if let Some(code) = self.0.code {
            out.field("code", &code);
        }
        if let Some(offset) = self.0.offset {
            out.field("offset", &offset);
        }
        if let Some(index) = self.0.index {
            out.field("index", &index);
        }
        out.finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind, self.0.message)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(ErrorKind::DatatypeMismatch, message.to_string())
    }
}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::invalid(message.to_string())
    }
}
