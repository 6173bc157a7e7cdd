//! What SQL's `changes()` and `total_changes()` return: the changes of the connection's user, without
//! those that this library makes for it just before a commit.

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::ffi;

/// The rows that this library has changed on a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnChanges(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// All of them.
    own: AtomicI64,
    /// What the user's last change counted, while SQLite's number is of a change of this library's.
    last: AtomicI64,
    hidden: AtomicBool,
}

impl OwnChanges {
    /// Makes SQL's functions look here.
    ///
    /// # Safety
    /// `raw` is open, and `self` outlives its statements.
    pub(super) unsafe fn install(&self, raw: *mut ffi::sqlite3) -> Result<()> {
        // Like SQLite's own: the schema may use them, and they change within a statement.
        let flags = ffi::SQLITE_UTF8 | ffi::SQLITE_INNOCUOUS;
        for (name, function) in
            [(c"changes", changes as Function), (c"total_changes", total_changes as Function)]
        {
            let counts = Arc::as_ptr(&self.0).cast_mut().cast::<c_void>();
            // SAFETY: by this function's contract; the name is a C string.
            let code = unsafe {
                ffi::sqlite3_create_function_v2(
                    raw,
                    name.as_ptr(),
                    0,
                    flags,
                    counts,
                    Some(function),
                    None,
                    None,
                    None,
                )
            };
            if code != ffi::SQLITE_OK {
                return Err(Error::new(ErrorKind::Internal, "SQLite refused a function"));
            }
        }
        Ok(())
    }

    /// Runs what changes rows that are not the user's.
    ///
    /// # Safety
    /// `raw` is open, and this thread alone uses it.
    pub(super) unsafe fn hide<T>(&self, raw: *mut ffi::sqlite3, change: impl FnOnce() -> T) -> T {
        let Counts { own, last, hidden } = &*self.0;
        // SAFETY: by this function's contract, for both numbers.
        let total = || unsafe { ffi::sqlite3_total_changes64(raw) };
        let before = total();
        if !hidden.swap(true, Ordering::Relaxed) {
            // SAFETY: as above.
            last.store(unsafe { ffi::sqlite3_changes64(raw) }, Ordering::Relaxed);
        }
        let changed = change();
        own.fetch_add(total() - before, Ordering::Relaxed);
        changed
    }

    /// Must be called before a change of the user's.
    #[inline]
    pub(super) fn begin(&self) {
        self.0.hidden.store(false, Ordering::Relaxed);
    }
}

type Function =
    unsafe extern "C" fn(*mut ffi::sqlite3_context, c_int, *mut *mut ffi::sqlite3_value);

unsafe extern "C" fn changes(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    _values: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes the context of a call on an open connection, whose user data
    // `install` set to what outlives its statements.
    unsafe {
        let counts = &*ffi::sqlite3_user_data(context).cast::<Counts>();
        let changes = match counts.hidden.load(Ordering::Relaxed) {
            true => counts.last.load(Ordering::Relaxed),
            false => ffi::sqlite3_changes64(ffi::sqlite3_context_db_handle(context)),
        };
        ffi::sqlite3_result_int64(context, changes);
    }
}

unsafe extern "C" fn total_changes(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    _values: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: as in `changes`.
    unsafe {
        let counts = &*ffi::sqlite3_user_data(context).cast::<Counts>();
        let total = ffi::sqlite3_total_changes64(ffi::sqlite3_context_db_handle(context));
        ffi::sqlite3_result_int64(context, total - counts.own.load(Ordering::Relaxed));
    }
}
