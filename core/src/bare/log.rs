//! What a bare connection's commits wait for.

use std::ffi::{c_char, c_int, c_void};

use crate::ffi;

use super::connection::{Connection, fill};
use super::statement::Statement;
use crate::error::Result;
use crate::value::ValueRef;

/// SQLite's own limit of the log, in pages.
const CHECKPOINT: c_int = 1000;

/// What is known of the log.
#[derive(Debug)]
pub(super) struct Log {
    /// A commit waits for no disk: in memory, or in a log that is not synced.
    pub(super) quick_commits: bool,
    /// The log's checkpoints are this connection's work, not SQLite's.
    checkpoints: bool,
    /// Frames in the log after the last commit, told by SQLite.
    frames: Box<c_int>,
}

impl Log {
    pub(super) fn new(memory: bool) -> Self {
        Self { quick_commits: memory, checkpoints: false, frames: Box::new(0) }
    }

    /// Whether a commit leaves no checkpoint to be made.
    pub(super) fn is_small(&self) -> bool {
        *self.frames < CHECKPOINT
    }
}

impl Connection {
    /// Looks what a `PRAGMA` may have changed that matters here.
    pub(super) fn look(&mut self) -> Result<()> {
        let busy_timeout = self.ask("PRAGMA busy_timeout")?.parse().unwrap_or(0);
        let wal = self.ask("PRAGMA journal_mode")? == "wal";
        let lazy = matches!(self.ask("PRAGMA synchronous")?.as_str(), "0" | "1");
        // Somebody who chose another limit keeps it.
        let own = self.log.checkpoints || self.ask("PRAGMA wal_autocheckpoint")? == "1000";
        self.busy_timeout = busy_timeout;
        // SAFETY: the connection is open; the hook's
        // context lives as long as the connection.
        unsafe {
            self.log.checkpoints = wal && lazy && own;
            if self.log.checkpoints {
                let frames = (&raw mut *self.log.frames).cast::<c_void>();
                ffi::sqlite3_wal_hook(self.raw, Some(on_commit), frames);
            }
            self.log.quick_commits = is_memory(self.raw) || self.log.checkpoints;
        }
        Ok(())
    }

    fn ask(&mut self, sql: &str) -> Result<String> {
        // SAFETY: the connection is open, and the statement is dropped here.
        let (statement, _) = unsafe { Statement::prepare(self.raw, sql, false)? };
        let Some(mut statement) = statement else { return Ok(String::new()) };
        let (page, _) = fill(&mut statement, 1)?;
        Ok(match (page.cells() > 0).then(|| page.cell(0)) {
            Some(ValueRef::Integer(number)) => number.to_string(),
            Some(value) => value.as_str().unwrap_or_default().to_owned(),
            None => String::new(),
        })
    }

    /// Copies the log into the database when it has grown, where SQLite does not.
    pub(super) fn checkpoint(&mut self) {
        if !self.log.checkpoints || self.log.is_small() {
            return;
        }
        *self.log.frames = 0;
        // SAFETY: the connection is open. As SQLite's own, it may be refused: then a
        // later one does its work.
        unsafe {
            ffi::sqlite3_wal_checkpoint_v2(
                self.raw,
                c"main".as_ptr(),
                ffi::SQLITE_CHECKPOINT_PASSIVE,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            );
        }
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
    // SAFETY: `look` gave it a counter that lives as long as the connection, whose one
    // user is inside this call.
    unsafe { *context.cast::<c_int>() = frames };
    ffi::SQLITE_OK
}
