//! What `cold.rs` is where a read can't be asked whether it would wait: all wait.

use crate::ffi;

/// See `cold.rs`.
///
/// # Safety
/// None needed here.
pub(crate) unsafe fn begin(_: *mut ffi::sqlite3) {}

/// No read was refused, and no statement interrupted.
pub(crate) fn end() -> bool {
    false
}

/// Nothing is installed.
pub(crate) fn install() {}
