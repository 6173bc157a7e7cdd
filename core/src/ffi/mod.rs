//! SQLite's C interface, as far as the core uses it: declared here once, for every target, and
//! linked by whichever package provides the library.
//!
//! Natively that is `libsqlite3-sys`, in any version of a range: its functions are those of
//! `sqlite3.h`, which are stable, while the Rust that it generates from that header (which names,
//! of which integer types) differs between versions. On wasm32 it is `sqlite-wasm-rs`, named by
//! `bindings-wasm` and not here: cargo allows one package per `links` key for all targets together,
//! so a dependency for wasm32 alone would decide what a native program can depend on alongside this
//! crate.
//!
//! If something is missing, take it from `sqlite3.h`, or from `bindgen_bundled_version.rs` in the
//! sources of `libsqlite3-sys`.

#![allow(dead_code, reason = "families are whole, and some targets use less of them")]
#![allow(non_camel_case_types, reason = "the names are SQLite's")]

mod codes;
mod functions;
mod types;

// Only to link it.
#[cfg(not(target_family = "wasm"))]
use libsqlite3_sys as _;

pub(crate) use codes::*;
pub(crate) use functions::*;
pub(crate) use types::*;

/// What is bound stays where it is until the statement is bound again or finalized.
#[allow(non_snake_case, reason = "the name is SQLite's")]
pub(crate) fn SQLITE_STATIC() -> sqlite3_destructor_type {
    None
}

/// The names of a connection's databases: `main`, `temp`, and those that are attached.
///
/// # Safety
/// `db` is open, and this thread alone uses it, while the iterator and the names are used; the list
/// of its databases stays as it is, since SQLite's names live until that changes.
pub(crate) unsafe fn databases<'n>(db: *mut sqlite3) -> impl Iterator<Item = &'n std::ffi::CStr> {
    // SAFETY: by the contract.
    (0..).map_while(move |index| unsafe {
        let name = sqlite3_db_name(db, index);
        (!name.is_null()).then(|| std::ffi::CStr::from_ptr(name))
    })
}

/// Whether `is_so` holds for any database that the open transaction has written to.
///
/// # Safety
/// `db` is open, and this thread alone uses it; `is_so` does not change the list of its databases.
pub(crate) unsafe fn any_written(
    db: *mut sqlite3,
    is_so: impl Fn(&std::ffi::CStr) -> bool,
) -> bool {
    // SAFETY: by the contract.
    unsafe {
        databases(db)
            .any(|name| sqlite3_txn_state(db, name.as_ptr()) == SQLITE_TXN_WRITE && is_so(name))
    }
}

/// Drops the pages in memory of each database that is in no transaction.
///
/// # Safety
/// `db` is open, and this thread alone uses it.
pub(crate) unsafe fn reset_caches(db: *mut sqlite3) {
    // SAFETY: by the contract; this operation takes no argument.
    unsafe {
        for name in databases(db) {
            sqlite3_file_control(db, name.as_ptr(), SQLITE_FCNTL_RESET_CACHE, std::ptr::null_mut());
        }
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests;
