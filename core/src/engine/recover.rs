//! What can be saved of a damaged database, by SQLite's recovery extension.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;

use ubiqlite_recover as sys;

use super::copy::open_plain;
use super::handle::DatabaseHandle;
use crate::error::{Error, ErrorKind, Phase, Result, from_sqlite};
use crate::ffi;
use crate::platform;

/// The table that gets the rows whose own table is not known, as long as the recovery lasts: no
/// program has a table of this name, so it can be told from theirs.
const LOST_AND_FOUND: &CStr = c"ubiqlite_lost_and_found";

/// A recovery that is under way, which is ended when this is dropped.
struct Recovery(*mut sys::sqlite3_recover);

impl Drop for Recovery {
    fn drop(&mut self) {
        // SAFETY: it is not finished, and nobody uses it after this.
        unsafe { sys::ubiqlite_recover_finish(self.0) };
    }
}

/// Writes what can be read of the database `from` into the new database `to`, unless `stops` says
/// that nobody wants it any more. The log stays as it is. Returns the name of the table that has the
/// rows whose own table is not known, if there are some.
///
/// # Errors
/// Those of SQLite; `Unsupported` if it was compiled without what the recovery needs; `Cancelled`.
pub(crate) fn recover(from: &Path, to: &Path, stops: &dyn Fn() -> bool) -> Result<Option<String>> {
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
            ffi::SQLITE_DONE => break,
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
    drop(recovery);
    named(to)
}

/// Whether a table, index, view or trigger has this name, which needs no quotes.
fn has_object(db: &DatabaseHandle, name: &str) -> Result<bool> {
    unsafe extern "C" fn found(
        found: *mut c_void,
        _: c_int,
        _: *mut *mut c_char,
        _: *mut *mut c_char,
    ) -> c_int {
        // SAFETY: it is the `bool` that was given to the call below, which lives until that returns.
        unsafe { *found.cast::<bool>() = true };
        ffi::SQLITE_OK
    }
    let sql = format!("SELECT 1 FROM sqlite_schema WHERE name = '{name}' COLLATE NOCASE");
    let sql = CString::new(sql).map_err(|error| Error::invalid(error.to_string()))?;
    let mut is_there = false;
    // SAFETY: the connection is open and this thread's alone; `found` gets what it expects.
    unsafe {
        let argument = (&raw mut is_there).cast::<c_void>();
        match ffi::sqlite3_exec(db.raw(), sql.as_ptr(), Some(found), argument, ptr::null_mut()) {
            ffi::SQLITE_OK => Ok(is_there),
            code => Err(super::failure(db.raw(), code, Phase::Run)),
        }
    }
}

/// Gives the table of the lost rows, if there is one, the first name of `lost_and_found`,
/// `lost_and_found_0` and so on that the program has no table for. Returns it.
fn named(path: &Path) -> Result<Option<String>> {
    let db = open_plain(path, ffi::SQLITE_OPEN_READWRITE, None)?;
    let has = |name: &str| has_object(&db, name);
    let own = LOST_AND_FOUND.to_string_lossy();
    if !has(&own)? {
        return Ok(None);
    }
    let mut name = "lost_and_found".to_owned();
    let mut number = 0;
    while has(&name)? {
        name = format!("lost_and_found_{number}");
        number += 1;
    }
    // Views and triggers that are damaged, or need what is lost, are left as they are.
    let sql = format!(
        "PRAGMA legacy_alter_table = ON; PRAGMA writable_schema = ON; ALTER TABLE {own} RENAME TO {name}"
    );
    let sql = CString::new(sql).map_err(|error| Error::invalid(error.to_string()))?;
    db.execute(&sql)?;
    Ok(Some(name))
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
