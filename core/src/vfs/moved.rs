//! Checks whether a host's files are still the ones at their names.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use crate::ffi;

/// Whether the open transaction has written to a file that is no longer the one at its name, or
/// whose log or journal is not.
///
/// # Safety
/// `db` is open, and this thread alone uses it.
pub(crate) unsafe fn has_moved(db: *mut ffi::sqlite3) -> bool {
    // SAFETY: by the contract.
    unsafe { ffi::any_written(db, |schema| files_have_moved(db, schema)) }
}

/// Whether the main database, or its log or journal, is no longer the one at its name.
///
/// # Safety
/// As [`has_moved`].
pub(crate) unsafe fn is_astray(db: *mut ffi::sqlite3) -> bool {
    // SAFETY: by the contract.
    unsafe { files_have_moved(db, c"main") }
}

/// # Safety
/// As [`has_moved`].
unsafe fn files_have_moved(db: *mut ffi::sqlite3, schema: &CStr) -> bool {
    let ask = |file: c_int| {
        let mut found: *mut ffi::sqlite3_file = ptr::null_mut();
        // SAFETY: by the contract; the file control writes a file's address.
        let code = unsafe {
            ffi::sqlite3_file_control(db, schema.as_ptr(), file, (&raw mut found).cast())
        };
        if code != ffi::SQLITE_OK || found.is_null() {
            return false;
        }
        let mut moved: c_int = 0;
        // SAFETY: a file that is not open has no methods; this operation writes an integer.
        unsafe {
            let Some(control) = (*found).pMethods.as_ref().and_then(|it| it.xFileControl) else {
                return false;
            };
            let moved_at = (&raw mut moved).cast::<c_void>();
            control(found, ffi::SQLITE_FCNTL_HAS_MOVED, moved_at) == ffi::SQLITE_OK && moved != 0
        }
    };
    ask(ffi::SQLITE_FCNTL_FILE_POINTER) || ask(ffi::SQLITE_FCNTL_JOURNAL_POINTER)
}
