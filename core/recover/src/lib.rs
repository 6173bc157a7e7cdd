//! SQLite's recovery extension (`ext/recover` of SQLite 3.53.4, <https://sqlite.org/recovery.html>),
//! as C functions. Its sources, in `sqlite/`, are unchanged and in the public domain.
//!
//! It reads the pages of the damaged database by the virtual table `sqlite_dbpage`, which SQLite has
//! if it was compiled with `SQLITE_ENABLE_DBPAGE_VTAB`.

#![no_std]
#![allow(non_camel_case_types, reason = "names of C")]

// So that SQLite itself is linked.
extern crate libsqlite3_sys as _;

use core::ffi::{c_char, c_int, c_void};

/// A recovery that is under way.
#[repr(C)]
pub struct sqlite3_recover {
    _private: [u8; 0],
}

/// A table for rows whose own is not known, by its name; without one, they are left out.
pub const SQLITE_RECOVER_LOST_AND_FOUND: c_int = 1;
/// Whether pages that the list of free ones has are read too.
pub const SQLITE_RECOVER_FREELIST_CORRUPT: c_int = 2;
/// Whether rows keep their rowids where those are no `INTEGER PRIMARY KEY`.
pub const SQLITE_RECOVER_ROWIDS: c_int = 3;

unsafe extern "C" {
    /// Begins to recover the schema `database` of a connection into the file `uri`.
    ///
    /// # Safety
    /// `db` is an open connection (of the type `sqlite3`), which stays open until
    /// [`ubiqlite_recover_finish`]; both names are C strings.
    pub fn ubiqlite_recover_init(
        db: *mut c_void,
        database: *const c_char,
        uri: *const c_char,
    ) -> *mut sqlite3_recover;

    /// Sets an option, before the first step.
    ///
    /// # Safety
    /// `recover` is not finished, and `value` is what the option takes: a C string or an `int`.
    pub fn ubiqlite_recover_config(
        recover: *mut sqlite3_recover,
        option: c_int,
        value: *mut c_void,
    ) -> c_int;

    /// Does a part of the work. Returns `SQLITE_OK` if there is more to do, and `SQLITE_DONE` at the
    /// end.
    ///
    /// # Safety
    /// `recover` is not finished.
    pub fn ubiqlite_recover_step(recover: *mut sqlite3_recover) -> c_int;

    /// Returns SQLite's message for the error of a step, or null.
    ///
    /// # Safety
    /// `recover` is not finished; the text lives until it is.
    pub fn ubiqlite_recover_errmsg(recover: *mut sqlite3_recover) -> *const c_char;

    /// Ends it, and frees what it has.
    ///
    /// # Safety
    /// `recover` is not finished. Null is allowed.
    pub fn ubiqlite_recover_finish(recover: *mut sqlite3_recover) -> c_int;
}
