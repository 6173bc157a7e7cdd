//! What a DB-API connection's commits wait for.

use std::ffi::{c_char, c_int, c_void};

use crate::ffi;

use super::connection::{DbapiInner, fill};
use super::statement::DbapiStatement;
use crate::error::Result;
use crate::value::ValueRef;

/// What is known about the log.
#[derive(Debug)]
pub(super) struct LogState {
    /// A commit waits for no disk: in memory, or in a log that is not synced.
    pub(super) quick_commits: bool,
    /// There is a log.
    wal: bool,
    /// After how many frames SQLite copies the log into the database, with a commit; not positive:
    /// it does not.
    limit: c_int,
    /// Frames in the log after the last commit within a call, as SQLite reported; unknown, and 0,
    /// after other commits.
    frames: Box<c_int>,
}

impl LogState {
    pub(super) fn new(memory: bool) -> Self {
        Self { quick_commits: memory, wal: false, limit: 1000, frames: Box::new(0) }
    }

    /// Whether a commit leaves no checkpoint to be made.
    pub(super) fn is_small(&self) -> bool {
        self.limit <= 0 || *self.frames < self.limit
    }

    /// Forgets the frames: the work is now done outside calls, where SQLite makes the checkpoints.
    pub(super) fn forget(&mut self) {
        *self.frames = 0;
    }
}

impl DbapiInner {
    /// Checks what a `PRAGMA` may have changed that matters to work within calls. There is no such
    /// work if statements may call code that is not this library's.
    pub(super) fn look(&mut self) {
        if self.observed {
            return;
        }
        if self.look_at_settings().is_err() {
            // The statement succeeded all the same.
            self.log.quick_commits = false;
        }
    }

    fn look_at_settings(&mut self) -> Result<()> {
        self.busy_timeout = self.ask("PRAGMA busy_timeout")?.parse().unwrap_or(0);
        self.log.wal = self.ask("PRAGMA journal_mode")? == "wal";
        self.log.limit = self.ask("PRAGMA wal_autocheckpoint")?.parse().unwrap_or(0);
        let lazy = matches!(self.ask("PRAGMA synchronous")?.as_str(), "0" | "1");
        // SAFETY: the connection is open.
        let memory = unsafe { is_memory(self.raw) };
        self.log.quick_commits = memory || (self.log.wal && lazy);
        Ok(())
    }

    /// Runs a change without waiting for locks, and without a checkpoint: SQLite's own would wait
    /// for the disk. One that is due is made with the next commit outside a call.
    pub(super) fn lightly<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        if !self.log.wal {
            return self.impatient(work);
        }
        let frames = (&raw mut *self.log.frames).cast::<c_void>();
        // SAFETY: the connection is open; the hook is removed before its counter goes.
        unsafe { ffi::sqlite3_wal_hook(self.raw, Some(on_commit), frames) };
        let result = self.impatient(work);
        // SAFETY: the connection is open. This is SQLite's own hook, as it was.
        unsafe { ffi::sqlite3_wal_autocheckpoint(self.raw, self.log.limit) };
        result
    }

    fn ask(&mut self, sql: &str) -> Result<String> {
        // SAFETY: the connection is open, and the statement is dropped here.
        let (statement, _) = unsafe { DbapiStatement::prepare(self.raw, sql, false)? };
        let Some(mut statement) = statement else { return Ok(String::new()) };
        let (page, _) = fill(&mut statement, 1)?;
        Ok(match (page.cells() > 0).then(|| page.cell(0)) {
            Some(ValueRef::Integer(number)) => number.to_string(),
            Some(value) => value.as_str().unwrap_or_default().to_owned(),
            None => String::new(),
        })
    }
}

/// Whether the main database is in memory, or a temporary file.
///
/// # Safety
/// `raw` is open.
pub(super) unsafe fn is_memory(raw: *mut ffi::sqlite3) -> bool {
    // SAFETY: by the contract; the name is SQLite's C string.
    unsafe {
        let name = ffi::sqlite3_db_filename(raw, c"main".as_ptr());
        name.is_null() || *name == 0
    }
}

unsafe extern "C" fn on_commit(
    context: *mut c_void,
    _db: *mut ffi::sqlite3,
    _name: *const c_char,
    frames: c_int,
) -> c_int {
    // SAFETY: `lightly` gave it a counter that lives as long as the connection, whose one
    // user is inside this call.
    unsafe { *context.cast::<c_int>() = frames };
    ffi::SQLITE_OK
}
