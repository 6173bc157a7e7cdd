//! A database file, or its log, that was deleted, renamed or replaced while open: what is written
//! goes into files that nobody can find by their names any more.
//!
//! SQLite calls a hook before every commit, however the commit was requested. The move is noticed
//! there: the commit is refused and its transaction rolled back.

use std::ffi::{c_int, c_void};
use std::time::Duration;

use super::{Connection, Role};
use crate::error::{Error, Result};
use crate::ffi;
use crate::options::{Options, Synchronous};
use crate::platform::files::{self, Alone, FileId};
use crate::vfs;

/// How long the final copy of a log waits for readers in this process.
const PATIENCE: Duration = Duration::from_millis(100);

impl Connection {
    /// Makes SQLite check before every commit, however it comes about, whether the files are still
    /// there.
    pub(super) fn watch(&mut self, options: &Options) {
        self.watched = self.role != Role::Reader && !options.read_only;
        self.hosted = options.vfs.is_some();
        if !self.watched {
            return;
        }
        let hook = if self.hosted { on_hosted_commit } else { on_commit };
        // SAFETY: the connection is open, and its hook goes with it.
        unsafe { ffi::sqlite3_commit_hook(self.raw, Some(hook), self.raw.cast::<c_void>()) };
    }

    /// Refuses a file that is not the expected one, and one whose log is gone: this connection
    /// would create another log next to the one that the others have open.
    pub(super) fn check_same(&self, same: Option<FileId>) -> Result<()> {
        match same {
            Some(same) if self.file() != Some(same) || files::has_lost_log(same) => {
                Err(Error::moved())
            }
            _ => Ok(()),
        }
    }

    /// Returns the identity of the main database's file.
    pub(crate) fn file(&self) -> Option<FileId> {
        // SAFETY: the connection is open and this thread alone uses it.
        unsafe { files::identity(self.raw) }
    }

    /// Whether another copy of SQLite in this process may use the file as well.
    pub(crate) fn coexists(&self) -> bool {
        // SAFETY: the connection is open, has read, and this thread alone uses it.
        unsafe { files::coexists(self.raw) }
    }

    /// Makes commits wait for the disk itself where the system's `fsync` does not.
    pub(super) fn promise_durability(&mut self, options: &Options) -> Result<()> {
        if !files::FULL_FSYNC || options.synchronous == Synchronous::Off {
            return Ok(());
        }
        if options.synchronous != Synchronous::Normal {
            self.control("PRAGMA fullfsync = ON")?;
        }
        self.control("PRAGMA checkpoint_fullfsync = ON")
    }

    /// Must be called after a statement of this library's own failed.
    #[cold]
    pub(super) fn after_failure(&mut self, error: &Error) {
        if error.is_moved() {
            self.empty_moved_log();
        }
    }

    /// Whether the database's file, or its log, is no longer the one of its name.
    pub(super) fn is_astray(&self) -> bool {
        // SAFETY: the connection is open and this thread alone uses it.
        unsafe { if self.hosted { vfs::is_astray(self.raw) } else { files::is_astray(self.raw) } }
    }

    /// Copies the log into the file it belongs to, and empties it: otherwise opening the file that
    /// now has the name would take it for the new file's log. Done only if nobody else uses either.
    pub(crate) fn empty_moved_log(&mut self) {
        if !self.watched || !self.wal || self.in_transaction() {
            return;
        }
        if !self.is_astray() {
            return;
        }
        // SAFETY: the connection is open and this thread alone uses it.
        unsafe {
            // Files that a host keeps are exclusively its own.
            let alone = if self.hosted { None } else { Alone::take(self.raw) };
            if alone.is_none() && !self.hosted {
                return;
            }
            let before = self.handlers.replace_busy_timeout(PATIENCE);
            // What it can't do now is retried at closing.
            let _ = self.checkpoint(true);
            self.handlers.set_busy_timeout(before);
            drop(alone);
        }
    }
}

/// Whether one of the files of a connection that is committing has moved.
///
/// # Safety
/// `raw` is open, and this thread alone uses it.
pub(super) unsafe fn has_moved(raw: *mut ffi::sqlite3, hosted: bool) -> bool {
    // SAFETY: by the contract.
    unsafe { if hosted { vfs::has_moved(raw) } else { files::has_moved(raw) } }
}

fn refuses(moved: bool) -> c_int {
    c_int::from(moved || super::disk_wait::has_given_up())
}

unsafe extern "C" fn on_commit(raw: *mut c_void) -> c_int {
    // SAFETY: the hook receives the connection that is committing.
    refuses(unsafe { has_moved(raw.cast(), false) })
}

unsafe extern "C" fn on_hosted_commit(raw: *mut c_void) -> c_int {
    // SAFETY: the hook receives the connection that is committing.
    refuses(unsafe { has_moved(raw.cast(), true) })
}
