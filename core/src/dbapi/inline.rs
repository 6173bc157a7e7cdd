//! Work that is done within the call that requests it: short, and waiting for nothing.

use std::ffi::{c_int, c_void};
use std::time::Duration;

use super::connection::DbapiInner;
use super::statement::DbapiStatement;
use crate::engine::budget::{Budget, STEPS_BETWEEN_QUESTIONS as STEPS};
use crate::engine::{InlineEnd, LONGEST_INLINE_SQL, LONGEST_VALUE, bound, unbound};
use crate::ffi;

/// A change that took longer than this is not done within a call the next time.
pub(super) const QUICK: Duration = Duration::from_micros(200);

impl DbapiInner {
    /// Whether SQL may be compiled within a call: it is short, the schema was read, and compiling
    /// has no effect of its own, as it may for a `PRAGMA`.
    pub(super) fn may_compile(&self, sql: &str) -> bool {
        self.used && sql.len() <= LONGEST_INLINE_SQL && !DbapiStatement::is_pragma(sql)
    }

    /// Whether a statement may be run within a call: a read that has not been found
    /// too long, or a change that waits for no disk and was short the last time.
    pub(super) fn is_quick(
        &self,
        statement: &mut DbapiStatement,
        begin: Option<&'static str>,
    ) -> bool {
        if !statement.plain || statement.pragma {
            return false;
        }
        let within = self.in_transaction() || begin.is_some();
        let commits = self.log.quick_commits && self.log.is_small();
        // What stops a read would stop the rows of other cursors too.
        let allowed = (statement.readonly && !self.has_open_cursors())
            || (statement.changes && (within || commits));
        allowed && statement.may_try()
    }

    /// Runs work without waiting for locks.
    pub(super) fn impatient<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_busy_timeout(self.raw, 0) };
        let result = work(self);
        // SAFETY: as above.
        unsafe { ffi::sqlite3_busy_timeout(self.raw, self.busy_timeout) };
        result
    }

    /// Runs a read without waiting for locks. It ends after some steps, or where it would wait for
    /// the disk. No other statement of the connection runs.
    pub(super) fn inline<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, InlineEnd) {
        let budget = Budget::default();
        let context = (&raw const budget).cast::<c_void>().cast_mut();
        // SAFETY: the connection is open, and everything is undone before its context goes. There
        // is no handler of anyone else's: with one, nothing is done within a call.
        let longest = unsafe {
            ffi::sqlite3_progress_handler(self.raw, STEPS, Some(on_progress), context);
            // A negative value only queries.
            let longest = ffi::sqlite3_limit(self.raw, ffi::SQLITE_LIMIT_LENGTH, -1);
            bound(self.raw, self.in_transaction(), longest.min(LONGEST_VALUE));
            longest
        };
        let result = self.impatient(work);
        // SAFETY: as above.
        let ended = unsafe {
            ffi::sqlite3_progress_handler(self.raw, 0, None, std::ptr::null_mut());
            unbound(self.raw, longest)
        };
        (result, ended)
    }
}

unsafe extern "C" fn on_progress(context: *mut c_void) -> c_int {
    // SAFETY: `inline` gave it a budget that outlives the handler.
    let budget = unsafe { &*context.cast::<Budget>() };
    c_int::from(budget.is_spent())
}
