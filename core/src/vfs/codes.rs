//! Maps what went wrong with a file to SQLite's result codes.

use std::ffi::c_int;

use crate::ffi;

use super::FileError;

/// What was done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Opened as a database.
    OpenMain,
    /// Opened as a journal or log.
    OpenOther,
    Read,
    Write,
    Truncate,
    Sync,
    Size,
    Delete,
}

/// The extended result code of a failed act.
pub(super) fn code(act: Act, error: FileError) -> c_int {
    let opening = matches!(act, Act::OpenMain | Act::OpenOther);
    match error {
        FileError::Full => ffi::SQLITE_FULL,
        FileError::Held => ffi::SQLITE_BUSY,
        FileError::Denied if act == Act::OpenMain => ffi::SQLITE_PERM,
        FileError::Directory if opening => ffi::SQLITE_CANTOPEN_ISDIR,
        FileError::Unavailable if opening => ffi::SQLITE_NOLFS,
        _ if opening => ffi::SQLITE_CANTOPEN,
        FileError::Denied if matches!(act, Act::Write | Act::Truncate | Act::Sync) => {
            ffi::SQLITE_READONLY
        }
        _ => match act {
            Act::Write => ffi::SQLITE_IOERR_WRITE,
            Act::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Act::Sync => ffi::SQLITE_IOERR_FSYNC,
            Act::Size => ffi::SQLITE_IOERR_FSTAT,
            Act::Delete => ffi::SQLITE_IOERR_DELETE,
            Act::Read | Act::OpenMain | Act::OpenOther => ffi::SQLITE_IOERR_READ,
        },
    }
}
