//! For targets where SQLite's files are not this machine's, or its locks belong to handles as on
//! Windows: nothing must be done for another SQLite in the process.

use crate::ffi;

/// Whether `PRAGMA fullfsync` has an effect here.
pub(crate) const FULL_FSYNC: bool = false;

/// The file that a name refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId;

/// See the Unix module.
pub(crate) fn install() {}

/// Whether another copy of SQLite in this process may use the file as well.
pub(crate) unsafe fn coexists(_db: *mut ffi::sqlite3) -> bool {
    cfg!(windows)
}

/// Returns the identity of the main database's file, where it is known.
pub(crate) unsafe fn identity(_db: *mut ffi::sqlite3) -> Option<FileId> {
    None
}

/// Whether an open log of this database is no longer the one of its name.
pub(crate) fn has_lost_log(_database: FileId) -> bool {
    false
}

/// Whether a file that this transaction wrote to is no longer the one of its name.
pub(crate) unsafe fn has_moved(_db: *mut ffi::sqlite3) -> bool {
    false
}

/// Whether the main database, or its log, is no longer the one of its name.
pub(crate) unsafe fn is_astray(_db: *mut ffi::sqlite3) -> bool {
    false
}

/// Not known here: no file is taken to be so.
pub(crate) fn is_unwritable(_path: &std::path::Path) -> bool {
    false
}

/// A guard that keeps anybody else from having the database open.
#[derive(Debug)]
pub(crate) struct Alone;

impl Alone {
    pub(crate) unsafe fn take(_db: *mut ffi::sqlite3) -> Option<Self> {
        None
    }
}
