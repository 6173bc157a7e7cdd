//! Where SQLite's files are not this machine's, or its locks belong to handles as
//! Windows' do: nothing is to be done for another SQLite in the process.

use crate::ffi;

/// `PRAGMA fullfsync` does something here.
pub(crate) const FULL_FSYNC: bool = false;

/// Which file a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId;

/// See the module for Unix.
pub(crate) fn install() {}

/// Whether another copy of SQLite in this process may use the file as well.
pub(crate) unsafe fn coexists(_db: *mut ffi::sqlite3) -> bool {
    cfg!(windows)
}

/// The file that the main database is, where that can be told.
pub(crate) unsafe fn identity(_db: *mut ffi::sqlite3) -> Option<FileId> {
    None
}

/// Whether a log of this database that is open is no longer the one of its name.
pub(crate) fn has_lost_log(_database: FileId) -> bool {
    false
}

/// Whether a file of what this transaction wrote is no longer the one of its name.
pub(crate) unsafe fn has_moved(_db: *mut ffi::sqlite3) -> bool {
    false
}

/// Whether the main database, or its log, is no longer the one of its name.
pub(crate) unsafe fn is_astray(_db: *mut ffi::sqlite3) -> bool {
    false
}

/// Nobody could write it anyway.
pub(crate) fn is_unwritable(_path: &std::path::Path) -> bool {
    false
}

/// Nobody else has the database open while this lives.
#[derive(Debug)]
pub(crate) struct Alone;

impl Alone {
    pub(crate) unsafe fn take(_db: *mut ffi::sqlite3) -> Option<Self> {
        None
    }
}
