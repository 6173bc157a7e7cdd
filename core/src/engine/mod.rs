//! The synchronous SQLite connection: one source for every platform.

mod brief;
mod cache;
pub(crate) mod context;
mod cursor;
mod handlers;
mod lease;
mod open;
mod read;
mod row_id;
mod run;
mod statement;

use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use crate::ffi;

#[cfg(any(target_family = "wasm", test, feature = "local"))]
pub(crate) use cursor::Cursor;
pub(crate) use handlers::Interrupt;
pub(crate) use open::Role;
pub(crate) use read::{Read, Snapshot};

use crate::error::{Error, Phase, Result, from_sqlite};
use cache::Cache;
use handlers::Handlers;
use lease::{Header, WalIndex};
use row_id::LastRowId;
use statement::Statement;
pub(crate) use statement::Stepped;
#[cfg(not(target_family = "wasm"))]
pub(crate) use statement::{bind_value, column, compile};

/// One open connection. It may move between threads, and one at a time uses it.
#[derive(Debug)]
pub(crate) struct Connection {
    cache: Cache,
    handlers: Arc<Handlers>,
    row_id: LastRowId,
    raw: *mut ffi::sqlite3,
    lease: Option<Lease>,
    leases: bool,
    /// A snapshot's transaction is open: its moment must not be renewed.
    pinned: bool,
    wal_index: Option<WalIndex>,
    /// The schema's version, as read under the lease held.
    schema: Option<i64>,
    /// Whether a statement changed what belongs to this connection alone.
    marked: bool,
    role: Role,
    /// The writer's connection serves as a session's.
    lent: bool,
    wal: bool,
    memory: bool,
    page_size: u32,
    // Closes the connection, so it is the last to be dropped.
    _db: rusqlite::Connection,
}

/// A read transaction kept open, and the wal-index header from before it.
#[derive(Debug)]
struct Lease {
    seen: Header,
}

// SAFETY: the connection was opened without a mutex of SQLite's ("multi-thread"
// mode), which allows any thread to use it as long as no two do at once; `&mut`
// on every method that runs something ensures that.
unsafe impl Send for Connection {}

impl Connection {
    /// Whether the database file is in WAL mode.
    pub(crate) fn is_wal(&self) -> bool {
        self.wal
    }

    /// Whether the database lives in memory.
    pub(crate) fn is_memory(&self) -> bool {
        self.memory
    }

    /// Bytes in a page.
    pub(crate) fn page_size(&self) -> u32 {
        self.page_size
    }

    /// Has the writer's connection take what only a session's takes.
    pub(crate) fn lend(&mut self, lent: bool) {
        self.lent = lent;
    }

    /// Whether a transaction is open that was begun by a statement.
    #[inline]
    pub(crate) fn in_transaction(&self) -> bool {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_get_autocommit(self.raw) == 0 }
    }

    /// Whether the open transaction holds the write lock.
    pub(crate) fn is_writing(&self) -> bool {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_txn_state(self.raw, c"main".as_ptr()) == ffi::SQLITE_TXN_WRITE }
    }

    /// Whether a deferred foreign key is violated by the open transaction.
    pub(crate) fn owes_foreign_keys(&mut self) -> bool {
        let (mut current, mut highest) = (0, 0);
        // SAFETY: the connection is open; SQLite writes the two integers.
        unsafe {
            ffi::sqlite3_db_status(
                self.raw,
                ffi::SQLITE_DBSTATUS_DEFERRED_FKS,
                &raw mut current,
                &raw mut highest,
                0,
            );
        }
        current != 0
    }

    /// The statements that follow stop when this is set.
    pub(crate) fn set_interrupt(&mut self, interrupt: Option<Arc<Interrupt>>) {
        self.handlers.set_interrupt(interrupt);
    }

    /// How long a statement waits for a lock of another connection.
    pub(crate) fn set_busy_timeout(&mut self, timeout: Duration) {
        self.handlers.set_busy_timeout(timeout);
    }

    /// Whether a statement changed what belongs to this connection alone, so
    /// that it can't be lent to somebody else.
    pub(crate) fn is_marked(&self) -> bool {
        self.marked
    }

    /// Runs one of this library's own statements: `BEGIN`, `COMMIT`, a `PRAGMA`.
    pub(crate) fn control(&mut self, sql: &str) -> Result<()> {
        // SAFETY: the connection is open and this thread alone uses it.
        let statement = unsafe { self.cache.prepare(self.raw, sql)? };
        self.handlers.shield(true);
        let stepped = loop {
            match statement.step() {
                Ok(Stepped::Row) => {}
                Ok(Stepped::Done) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        statement.reset();
        self.handlers.shield(false);
        stepped
    }

    /// Rolls back whatever is open. A transaction that SQLite ended itself
    /// leaves nothing to do.
    pub(crate) fn rollback(&mut self) {
        if self.in_transaction() {
            // It fails only where nothing is left to roll back.
            let _ = self.control("ROLLBACK");
        }
    }

    /// The first column of the first row as an integer.
    pub(crate) fn integer(&mut self, sql: &str) -> Result<i64> {
        // SAFETY: the connection is open and this thread alone uses it.
        let statement = unsafe { self.cache.prepare(self.raw, sql)? };
        let value = statement.step().and_then(|stepped| match stepped {
            Stepped::Row => {
                let mut page = statement.page();
                statement.write_row(&mut page)?;
                Ok(page.finish())
            }
            Stepped::Done => Err(Error::invalid(format!("{sql} answered nothing"))),
        });
        statement.reset();
        match value?.cell(0) {
            crate::ValueRef::Integer(value) => Ok(value),
            other => Err(Error::invalid(format!("{sql} answered {}", other.type_name()))),
        }
    }

    /// Frames in the write-ahead log, and those copied into the database:
    /// what a checkpoint of this mode left.
    pub(crate) fn checkpoint(&mut self, restart: bool) -> Result<(u32, u32)> {
        let mode =
            if restart { ffi::SQLITE_CHECKPOINT_TRUNCATE } else { ffi::SQLITE_CHECKPOINT_PASSIVE };
        let (mut frames, mut copied) = (0, 0);
        // SAFETY: the connection is open; SQLite writes the two integers.
        let code = unsafe {
            ffi::sqlite3_wal_checkpoint_v2(
                self.raw,
                c"main".as_ptr(),
                mode,
                &raw mut frames,
                &raw mut copied,
            )
        };
        let count = |value| u32::try_from(value).unwrap_or(0);
        match code {
            ffi::SQLITE_OK | ffi::SQLITE_BUSY => Ok((count(frames), count(copied))),
            // SAFETY: the connection is open and its last call failed.
            code => Err(unsafe { failure(self.raw, code, Phase::Run) }),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.cache.clear();
        // SAFETY: the connection is open. The handlers may be gone after this.
        unsafe {
            ffi::sqlite3_progress_handler(self.raw, 0, None, std::ptr::null_mut());
            ffi::sqlite3_busy_handler(self.raw, None, std::ptr::null_mut());
        }
    }
}

/// The error of the connection's last call.
///
/// # Safety
/// `db` is open, used by this thread alone, and its last call answered `code`.
#[cold]
unsafe fn failure(db: *mut ffi::sqlite3, code: i32, phase: Phase) -> Error {
    // SAFETY: by the contract.
    unsafe {
        let (code, message) = last_error(db, code);
        let offset = usize::try_from(ffi::sqlite3_error_offset(db)).ok();
        from_sqlite(code, &message, offset, phase)
    }
}

/// The extended code and the message of the connection's last call.
///
/// # Safety
/// As [`failure`]; the message is used before the next call.
#[cold]
pub(crate) unsafe fn last_error<'a>(
    db: *mut ffi::sqlite3,
    code: i32,
) -> (i32, std::borrow::Cow<'a, str>) {
    // SAFETY: by the contract. SQLite's message is a C string of its own.
    unsafe {
        let extended = ffi::sqlite3_extended_errcode(db);
        // A misuse is not recorded in the connection.
        let code = if extended & 0xff == code & 0xff { extended } else { code };
        (code, CStr::from_ptr(ffi::sqlite3_errmsg(db)).to_string_lossy())
    }
}
