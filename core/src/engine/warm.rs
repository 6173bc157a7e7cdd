//! Replaces `disk_wait.rs` where a read can't tell whether it would wait: all of them wait.

use crate::ffi;

/// See `disk_wait.rs`.
///
/// # Safety
/// None needed here.
pub(crate) unsafe fn begin(_: *mut ffi::sqlite3) {}

/// Reports that no read was refused and no statement interrupted.
pub(crate) fn end() -> bool {
    false
}

/// Installs nothing.
pub(crate) fn install() {}
