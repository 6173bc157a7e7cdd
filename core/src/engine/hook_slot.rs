//! The place of SQLite's row hook on a connection. There is one, for which an extension may compete
//! that attaches a session object to the connection; it gets no notice, nor do we.

use std::cell::Cell;

use super::changes::HookContext;
use crate::ffi;

/// What a connection's row hook is to be, and what it was last seen to be.
#[derive(Debug)]
pub(super) struct HookSlot {
    raw: Cell<*mut ffi::sqlite3>,
    /// What SQLite has with the hook, while one is wanted.
    wanted: Cell<Option<*const HookContext>>,
    /// What was set last, which SQLite still has unless an extension has set a hook of its own.
    #[cfg(sqlite_preupdate)]
    last: Cell<Option<*const HookContext>>,
    /// An extension has done so.
    taken: Cell<bool>,
}

impl Default for HookSlot {
    fn default() -> Self {
        Self {
            raw: Cell::new(std::ptr::null_mut()),
            wanted: Cell::default(),
            #[cfg(sqlite_preupdate)]
            last: Cell::default(),
            taken: Cell::default(),
        }
    }
}

impl HookSlot {
    pub(super) fn install(&self, raw: *mut ffi::sqlite3) {
        self.raw.set(raw);
    }

    /// Sets what is told of each row that a statement of this connection changes.
    pub(super) fn set(&self, hook: Option<*const HookContext>) {
        self.wanted.set(hook);
        self.put(hook);
    }

    /// Compiles something without the hook.
    pub(super) fn without<T>(&self, compile: impl FnOnce() -> T) -> T {
        let hook = self.wanted.get();
        if hook.is_some() {
            self.put(None);
        }
        let compiled = compile();
        if hook.is_some() {
            self.put(hook);
        }
        compiled
    }

    /// Sets the hook again, and returns whether somebody else's was there since it was set last:
    /// rows may have changed of which nothing was told.
    pub(super) fn retake(&self) -> bool {
        let hook = self.wanted.get();
        hook.is_some() && self.put(hook)
    }

    /// Sets the hook again, and returns whether somebody else's was ever there since this was asked
    /// last.
    pub(super) fn take_taken(&self) -> bool {
        self.retake();
        self.taken.take()
    }

    #[cfg(sqlite_preupdate)]
    fn put(&self, hook: Option<*const HookContext>) -> bool {
        if self.raw.get().is_null() {
            // A connection that was refused before anything was installed.
            return false;
        }
        // SAFETY: the connection is open. Its recorder, which has the context, takes the hook out
        // before it goes, and is not borrowed while a statement runs.
        let before = unsafe { super::row_hook::set(self.raw.get(), hook) };
        let expected = self.last.replace(hook).unwrap_or(std::ptr::null());
        let taken = before != expected;
        self.taken.set(self.taken.get() || taken);
        taken
    }

    #[cfg(not(sqlite_preupdate))]
    #[allow(clippy::unused_self, reason = "SQLite has no such hook here")]
    fn put(&self, _hook: Option<*const HookContext>) -> bool {
        false
    }
}
