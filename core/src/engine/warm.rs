//! Replaces `disk_wait.rs` where a read can't tell whether it would wait: all of them wait.

use std::cell::Cell;

use crate::ffi;

thread_local! {
    /// Short work was interrupted; `None` outside of it.
    static GIVEN_UP: Cell<Option<bool>> = const { Cell::new(None) };
}

/// See `disk_wait.rs`.
///
/// # Safety
/// None needed here.
pub(crate) unsafe fn begin(_: *mut ffi::sqlite3) {
    GIVEN_UP.set(Some(false));
}

/// Reports that no read was refused and no statement interrupted.
pub(crate) fn end() -> bool {
    GIVEN_UP.set(None);
    false
}

/// See `disk_wait.rs`.
pub(crate) fn give_up() {
    GIVEN_UP.set(GIVEN_UP.get().map(|_| true));
}

/// See `disk_wait.rs`.
pub(crate) fn has_given_up() -> bool {
    GIVEN_UP.get() == Some(true)
}

/// Installs nothing.
pub(crate) fn install() {}
