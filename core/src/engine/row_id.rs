//! The rowid of the last insertion: SQLite's, and what it shows about a statement.
//!
//! SQLite keeps one number per connection, which statements that insert nothing leave unchanged: an
//! upsert that updates, `INSERT OR IGNORE`, a table `WITHOUT ROWID`. To detect whether a statement
//! has inserted, a number that is no rowid takes its place while the statement runs. In SQL,
//! `last_insert_rowid()` still returns the right one.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::ffi;

/// No rowid that SQLite would choose, and unlikely to be anybody else's.
const NONE: i64 = i64::MIN + 0x5eed_c0de_7a11;

/// The rowid from before the running statement.
#[derive(Debug, Clone, Default)]
pub(super) struct LastRowId(Arc<AtomicI64>);

impl LastRowId {
    /// Makes SQL's `last_insert_rowid()` look here.
    ///
    /// # Safety
    /// `raw` is open, and `self` outlives its statements.
    pub(super) unsafe fn install(&self, raw: *mut ffi::sqlite3) -> Result<()> {
        // Like SQLite's own: the schema may use it, and it changes within a statement.
        let flags = ffi::SQLITE_UTF8 | ffi::SQLITE_INNOCUOUS;
        // SAFETY: by this function's contract; the name is a C string.
        let code = unsafe {
            ffi::sqlite3_create_function_v2(
                raw,
                c"last_insert_rowid".as_ptr(),
                0,
                flags,
                Arc::as_ptr(&self.0).cast_mut().cast(),
                Some(last_insert_rowid),
                None,
                None,
                None,
            )
        };
        if code == ffi::SQLITE_OK {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Internal, "SQLite refused a function"))
    }

    /// Must be called before a statement that may insert.
    ///
    /// # Safety
    /// `raw` is open, and [`end`](Self::end) follows.
    #[inline]
    pub(super) unsafe fn begin(&self, raw: *mut ffi::sqlite3) {
        // SAFETY: by this function's contract.
        unsafe {
            self.0.store(ffi::sqlite3_last_insert_rowid(raw), Ordering::Relaxed);
            ffi::sqlite3_set_last_insert_rowid(raw, NONE);
        }
    }

    /// Returns the rowid of the statement's last inserted row, or 0 if it inserted none.
    ///
    /// # Safety
    /// `raw` is open.
    #[inline]
    pub(super) unsafe fn end(&self, raw: *mut ffi::sqlite3) -> i64 {
        // SAFETY: by this function's contract.
        unsafe {
            let last = ffi::sqlite3_last_insert_rowid(raw);
            if last != NONE {
                return last;
            }
            ffi::sqlite3_set_last_insert_rowid(raw, self.0.load(Ordering::Relaxed));
        }
        0
    }
}

unsafe extern "C" fn last_insert_rowid(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    _values: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: SQLite passes the context of a call on an open connection, whose user data
    // `install` set to what outlives its statements.
    unsafe {
        let last = ffi::sqlite3_last_insert_rowid(ffi::sqlite3_context_db_handle(context));
        let before = &*ffi::sqlite3_user_data(context).cast::<AtomicI64>();
        let last = if last == NONE { before.load(Ordering::Relaxed) } else { last };
        ffi::sqlite3_result_int64(context, last);
    }
}
