//! The synchronous SQLite connection: one source for every platform.

mod apply;
mod authorizer;
mod before_run;
pub(crate) mod budget;
mod cache;
mod changegroup;
mod changes;
mod collect;
mod commit_hook;
mod configure;
pub(crate) mod context;
mod copy;
mod counters;
mod cursor;
#[cfg_attr(not(unix), path = "warm.rs")]
pub(crate) mod disk_wait;
mod followed;
mod functions;
mod handle;
mod handlers;
mod hook_slot;
mod inline;
mod key_lookup;
mod lease;
mod ledger;
#[cfg(not(target_family = "wasm"))]
mod log;
#[cfg(not(target_family = "wasm"))]
mod math;
mod moved_files;
mod name;
mod opcodes;
mod open;
#[cfg_attr(not(sqlite_session), allow(dead_code, reason = "it only records and applies with one"))]
mod outbox;
mod own_changes;
mod pages;
mod pragma;
mod prepare;
mod prepared;
mod read;
mod reads;
mod recording;
#[cfg(all(feature = "recover", not(target_family = "wasm")))]
mod recover;
mod restore;
#[cfg(sqlite_preupdate)]
mod row_hook;
mod row_id;
mod run;
mod script;
mod statement;
mod tries;
mod virtual_tables;
mod writes;

use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use crate::ffi;
use crate::program::Interrupt;

pub(crate) use authorizer::{Class, Nature, Verb};
pub(crate) use copy::{ChunkCopy, CopyNumber, CopyStep, CopyTarget};
pub(crate) use counters::ConnectionCounters;
#[cfg(any(target_family = "wasm", test, feature = "single-thread"))]
pub(crate) use cursor::Cursor;
pub(crate) use handle::{DatabaseHandle, OpenFailure};
#[cfg(not(target_family = "wasm"))]
pub(crate) use inline::{InlineEnd, LONGEST_VALUE, bound, unbound};
pub(crate) use ledger::too_new;
#[cfg(not(target_family = "wasm"))]
pub(crate) use log::{LogEnd, LogPages, LogRead};
pub(crate) use open::Role;
pub(crate) use outbox::{HAS_CHANGESETS, unsupported as unsupported_changesets};
#[cfg(not(target_family = "wasm"))]
pub(crate) use outbox::{SeenCommits, began_meanwhile, data_version};
#[cfg(not(target_family = "wasm"))]
pub(crate) use prepare::LONGEST_INLINE_SQL;
pub(crate) use read::{ReadOutcome, SnapshotMark};
#[cfg(all(feature = "recover", not(target_family = "wasm")))]
pub(crate) use recover::recover;
pub(crate) use restore::RestoreSource;

use crate::error::{Error, Phase, Result};
use authorizer::Authorizer;
pub(crate) use cache::StatementCache;
pub(crate) use changes::HAS_ROWS;
use changes::Recorder;
use handlers::Handlers;
use lease::{Header, WalIndex};
use own_changes::OwnChanges;
use pages::PageReads;
pub(crate) use prepared::Stepped;
#[cfg(not(target_family = "wasm"))]
pub(crate) use prepared::{Prepared, Wording};
use row_id::LastRowId;
use statement::{Statement, WithAdvice};

/// One open connection. It may move between threads, and only one at a time uses it.
#[derive(Debug)]
pub(crate) struct Connection {
    cache: StatementCache<Statement>,
    /// This library's own statements, which its user can't name.
    controls: StatementCache<Statement>,
    // SQLite has its address.
    authorizer: Box<Authorizer>,
    others: Option<Box<dyn OtherConnections>>,
    /// A statement ran that may have changed the journal mode or acted on the file as a whole.
    ran_alone: bool,
    /// A script is running, which may do what a session may.
    scripting: bool,
    /// What `PRAGMA busy_timeout` returns.
    busy_timeout: Duration,
    /// The most bytes of a text or blob.
    length_limit: std::ffi::c_int,
    handlers: Arc<Handlers>,
    counters: Arc<ConnectionCounters>,
    row_id: LastRowId,
    own_changes: OwnChanges,
    virtual_tables: virtual_tables::VirtualTables,
    /// Records what is committed, for live queries.
    recorder: Option<Box<Recorder>>,
    raw: *mut ffi::sqlite3,
    lease: Option<Lease>,
    leases: bool,
    /// A snapshot's transaction is open: its moment must not be renewed.
    pinned: bool,
    wal_index: Option<WalIndex>,
    /// How many more of a holder's reads go straight to a thread, since the disk is slow.
    reads_off_inline: u8,
    /// The schema's version, as read under the lease held.
    schema: Option<i64>,
    /// Whether a statement changed what belongs to this connection alone.
    marked: bool,
    role: Role,
    wal: bool,
    page_size: u32,
    /// Its commits are refused once a file has moved.
    watched: bool,
    /// Whether the pages that statements read can be known.
    page_reads: PageReads,
    /// Its files are kept by a host, behind a VFS of this library.
    hosted: bool,
    /// Copies of its database that are under way.
    copies: Vec<copy::Copying>,
    // Closes the connection, so it is the last to be dropped.
    _db: DatabaseHandle,
}

/// Clears the other connections of a database out of the way of a statement that acts on the file
/// as a whole. They may come back when the returned value is dropped.
pub(crate) trait OtherConnections: crate::platform::MaybeSend + std::fmt::Debug {
    /// With `all`, closes the other connections, for a change of the journal mode. Otherwise only
    /// ends what they hold between two statements.
    fn clear(&self, all: bool) -> Box<dyn std::any::Any>;
}

/// A read transaction kept open, and the wal-index header from before it.
#[derive(Debug)]
struct Lease {
    seen: Header,
}

// SAFETY: the connection was opened without a mutex in SQLite ("multi-thread" mode), which allows
// any thread to use it as long as no two do at once; `&mut` on every method that runs something
// ensures that.
unsafe impl Send for Connection {}

impl Connection {
    /// Whether the database file is in WAL mode.
    pub(crate) fn is_wal(&self) -> bool {
        self.wal
    }

    /// Returns the number of bytes in a page.
    pub(crate) fn page_size(&self) -> u32 {
        self.page_size
    }

    /// Whether a transaction begun by a statement is open.
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

    /// Whether the open transaction violates a deferred foreign key.
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

    /// Makes the following statements stop when `interrupt` is set.
    pub(crate) fn set_interrupt(&mut self, interrupt: Option<Arc<Interrupt>>) {
        self.handlers.set_interrupt(interrupt);
    }

    /// Sets how long a statement waits for another connection's lock, as the connection's user
    /// chose.
    fn set_busy_timeout(&mut self, timeout: Duration) {
        self.busy_timeout = timeout;
        self.handlers.set_busy_timeout(timeout);
    }

    /// Sets how long the following statements wait for a lock, regardless of the setting.
    pub(crate) fn wait_for_locks(&mut self, timeout: Duration) {
        self.handlers.set_busy_timeout(timeout);
    }

    /// Sets what clears other connections out of the way.
    pub(crate) fn set_others(&mut self, others: Box<dyn OtherConnections>) {
        self.others = Some(others);
    }

    fn clear_others(&mut self, nature: &Nature) -> Option<Box<dyn std::any::Any>> {
        if nature.class != Class::Alone || self.in_transaction() {
            return None;
        }
        self.ran_alone = true;
        self.others.as_ref().map(|others| others.clear(nature.journal_mode))
    }

    /// Whether a statement that may have changed the journal mode ran since the last call.
    pub(crate) fn take_ran_alone(&mut self) -> bool {
        std::mem::take(&mut self.ran_alone)
    }

    /// Whether a statement changed what belongs to this connection alone, so that it can't be lent
    /// to somebody else.
    pub(crate) fn is_marked(&self) -> bool {
        self.marked
    }

    /// Runs one of this library's own statements: `BEGIN`, `COMMIT`, a `PRAGMA`.
    pub(crate) fn control(&mut self, sql: &str) -> Result<()> {
        self.before_own_control(sql)?;
        let handlers = Arc::clone(&self.handlers);
        let statement = self.own_statement(sql)?;
        handlers.shield(true);
        let stepped = statement.step_to_end();
        statement.reset();
        handlers.shield(false);
        match stepped {
            Ok(()) => {
                self.after_control(sql);
                Ok(())
            }
            Err(error) => {
                let error = self.explain_refusal(error);
                self.after_failure(&error);
                // A commit that failed and was rolled back, or that has happened all the same.
                self.report_commit(true);
                Err(error)
            }
        }
    }

    /// Rolls back whatever is open. Does nothing if SQLite itself ended the transaction.
    pub(crate) fn rollback(&mut self) {
        if self.in_transaction() {
            // It fails only if nothing is left to roll back.
            let _ = self.control("ROLLBACK");
        }
    }

    /// Returns the first column of the first row as an integer.
    pub(crate) fn integer(&mut self, sql: &str) -> Result<i64> {
        let statement = self.own_statement(sql)?;
        let value = statement.step().and_then(|stepped| match stepped {
            Stepped::Row => {
                let mut page = statement.page();
                statement.write_row(&mut page)?;
                Ok(page.finish())
            }
            Stepped::Done => Err(Error::invalid(format!("{sql} returned nothing"))),
        });
        statement.reset();
        match value?.cell(0) {
            crate::value::ValueRef::Integer(value) => Ok(value),
            other => Err(Error::invalid(format!("{sql} returned {}", other.type_name()))),
        }
    }

    /// Runs a checkpoint. Returns the frames left in the write-ahead log, and those copied into the
    /// database.
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
        self.note_page_cache();
        self.copies.clear();
        self.cache.clear();
        self.controls.clear();
        self.empty_moved_log();
        self.authorizer.rows.set(None);
        // SAFETY: the connection is open. The recorder may be gone after this.
        unsafe {
            ffi::sqlite3_wal_hook(self.raw, None, std::ptr::null_mut());
            ffi::sqlite3_commit_hook(self.raw, None, std::ptr::null_mut());
        }
        // SAFETY: the connection is open. The handlers may be gone after this.
        unsafe {
            ffi::sqlite3_set_authorizer(self.raw, None, std::ptr::null_mut());
            ffi::sqlite3_progress_handler(self.raw, 0, None, std::ptr::null_mut());
            ffi::sqlite3_busy_handler(self.raw, None, std::ptr::null_mut());
        }
    }
}

/// Returns the error of the connection's last call.
///
/// # Safety
/// `db` is open, used by this thread alone, and its last call returned `code`.
#[cold]
unsafe fn failure(db: *mut ffi::sqlite3, code: i32, phase: Phase) -> Error {
    // SAFETY: by the contract.
    unsafe { prepared::failure::<WithAdvice>(db, code, phase) }
}

/// Returns the extended code and the message of the connection's last call.
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
