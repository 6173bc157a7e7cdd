//! From SQLite's pointers to Rust and back.

use std::ffi::{CStr, c_char, c_int};
use std::sync::Arc;

use rusqlite::ffi;

use super::lock::Owner;
use super::node::Node;
use super::temp::Temp;

/// What SQLite allocates for an open file: its own part first.
#[repr(C)]
pub(super) struct Handle {
    pub(super) base: ffi::sqlite3_file,
    /// Made by `xOpen`, freed by `xClose`.
    pub(super) open: *mut Open,
}

/// A connection's open file.
pub(super) struct Open {
    pub(super) kind: Kind,
    /// The lock that this connection holds.
    pub(super) lock: c_int,
}

pub(super) enum Kind {
    Named(Arc<Node>),
    Temp(Temp),
}

impl Open {
    /// The name of this connection among those to the file.
    pub(super) fn owner(&self) -> Owner {
        std::ptr::from_ref(self) as Owner
    }
}

/// The open file behind SQLite's pointer.
///
/// # Safety
/// `file` was opened by this VFS and is not closed, and nothing else uses it
/// until the answer is dropped: SQLite uses a file from one call at a time.
pub(super) unsafe fn open<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Open {
    // SAFETY: by the contract; `xOpen` has set the pointer.
    unsafe { &mut *(*file.cast::<Handle>()).open }
}

/// A name as SQLite gives it.
///
/// # Safety
/// `name` is null or a C string that lives as long as the answer.
pub(super) unsafe fn name<'a>(name: *const c_char) -> Option<&'a str> {
    if name.is_null() {
        return None;
    }
    // SAFETY: by the contract.
    unsafe { CStr::from_ptr(name) }.to_str().ok()
}

/// SQLite's code of an outcome.
pub(super) fn code(done: Result<(), c_int>) -> c_int {
    done.err().unwrap_or(ffi::SQLITE_OK)
}
