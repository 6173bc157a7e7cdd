//! What can be saved of a damaged database, by SQLite's recovery extension.

use std::ffi::{CStr, CString, c_int, c_void};
use std::path::Path;
use std::ptr;

use ubiqlite_recover as sys;

use super::copy::open_plain;
use crate::error::{Error, ErrorKind, Phase, Result, from_sqlite};
use crate::ffi;
use crate::platform;

/// The table that gets the rows whose own table is not known.
const LOST_AND_FOUND: &CStr = c"lost_and_found";

/// A recovery that is under way, which is ended when this is dropped.
struct Recovery(*mut sys::sqlite3_recover);

impl Drop for Recovery {
    fn drop(&mut self) {
        // SAFETY: it is not finished, and nobody uses it after this.
        unsafe { sys::ubiqlite_recover_finish(self.0) };
    }
}

/// Writes what can be read of the database `from` into the new database `to`, unless `stops` says
/// that nobody wants it any more. The log stays as it is.
///
/// # Errors
/// Those of SQLite; `Unsupported` if it was compiled without what the recovery needs; `Cancelled`.
pub(crate) fn recover(from: &Path, to: &Path, stops: &dyn Fn() -> bool) -> Result<()> {
    let db = open_plain(from, ffi::SQLITE_OPEN_READWRITE, None)
        .or_else(|_| open_plain(from, ffi::SQLITE_OPEN_READONLY, None))
        .map_err(|error| error.with_path(from))?;
    // SAFETY: the connection is open; the option takes an `int` and a pointer, which may be null.
    unsafe {
        ffi::sqlite3_db_config(
            db.raw(),
            ffi::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
            1 as c_int,
            ptr::null_mut::<c_int>(),
        );
    }
    let uri = platform::file_name(to)
        .and_then(|name| CString::new(name).ok())
        .ok_or_else(|| Error::invalid("the path can't be a file name").with_path(to))?;
    // SAFETY: the connection is open until after the recovery's end, and the names are C strings.
    let recovery = Recovery(unsafe {
        sys::ubiqlite_recover_init(db.raw().cast::<c_void>(), c"main".as_ptr(), uri.as_ptr())
    });
    if recovery.0.is_null() {
        return Err(Error::new(ErrorKind::OutOfMemory, "there is no memory for the recovery"));
    }
    let yes: c_int = 1;
    // SAFETY: no step was made, the first option takes a C string and the others an `int`, and both
    // are copied.
    unsafe {
        let lost = LOST_AND_FOUND.as_ptr().cast_mut().cast::<c_void>();
        sys::ubiqlite_recover_config(recovery.0, sys::SQLITE_RECOVER_LOST_AND_FOUND, lost);
        for option in [sys::SQLITE_RECOVER_ROWIDS, sys::SQLITE_RECOVER_FREELIST_CORRUPT] {
            let value = ptr::from_ref(&yes).cast_mut().cast::<c_void>();
            sys::ubiqlite_recover_config(recovery.0, option, value);
        }
    }
    loop {
        if stops() {
            return Err(Error::new(ErrorKind::Cancelled, "the recovery was given up"));
        }
        // SAFETY: it is not finished.
        match unsafe { sys::ubiqlite_recover_step(recovery.0) } {
            ffi::SQLITE_OK => {}
            ffi::SQLITE_DONE => return Ok(()),
            code => {
                // SAFETY: as above; the text is copied.
                let message = unsafe {
                    let text = sys::ubiqlite_recover_errmsg(recovery.0);
                    match text.is_null() {
                        true => String::new(),
                        false => CStr::from_ptr(text).to_string_lossy().into_owned(),
                    }
                };
                return Err(refused(code, &message));
            }
        }
    }
}

#[cold]
fn refused(code: c_int, message: &str) -> Error {
    if message.contains("sqlite_dbpage") {
        return Error::new(
            ErrorKind::Unsupported,
            "the linked SQLite can't read single pages; compile it with SQLITE_ENABLE_DBPAGE_VTAB",
        );
    }
    from_sqlite(code, message, None, Phase::Run)
}
