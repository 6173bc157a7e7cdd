//! What another connection has begun to record: of this database object or another one, in this
//! process or another.
//!
//! Whoever changes what is recorded changes the schema. A connection reads it again when SQLite has
//! seen a commit of another connection, which is asked before each statement of the user's and, for
//! good, when a transaction has begun to write: from then on nobody else can commit. A statement
//! that is a transaction by itself takes the lock while it runs. Then SQLite compiles it anew, and
//! the commit is refused (`commit_hook.rs`).

use std::cell::Cell;
use std::sync::atomic::Ordering;

use super::Connection;
use crate::error::{Error, ErrorKind};
use crate::ffi;

/// Which commits SQLite had seen when something was read.
#[derive(Debug, Default)]
pub(crate) struct SeenCommits {
    version: Cell<u32>,
    /// This connection was about to commit, on top of these.
    committing: Cell<bool>,
}

impl SeenCommits {
    /// Whether SQLite has seen no other connection's commit since.
    ///
    /// # Safety
    /// The connection is open, and this thread alone uses it.
    #[inline]
    pub(crate) unsafe fn is_current(&self, raw: *mut ffi::sqlite3) -> bool {
        // SAFETY: by the contract.
        let now = unsafe { data_version(raw) };
        let version = self.version.get();
        // A commit of its own counts once, if it came about.
        let own = self.committing.take() && now == version.wrapping_add(1);
        if own {
            self.version.set(now);
        }
        own || now == version
    }

    /// Must be called when the connection is about to commit.
    ///
    /// # Safety
    /// As [`is_current`](Self::is_current).
    #[inline]
    pub(crate) unsafe fn note_commit(&self, raw: *mut ffi::sqlite3) {
        // SAFETY: by the contract.
        let current = unsafe { self.is_current(raw) };
        self.committing.set(current);
    }

    /// As [`note_commit`](Self::note_commit), where it is known to be current.
    #[inline]
    pub(crate) fn note_current_commit(&self) {
        self.committing.set(true);
    }

    /// Must be called when a commit has failed.
    pub(crate) fn forget_commit(&self) {
        self.committing.set(false);
    }

    /// Takes what SQLite has seen by now as seen.
    pub(crate) fn set(&self, version: u32) {
        self.version.set(version);
        self.committing.set(false);
    }
}

impl Connection {
    /// Returns a number that changes when SQLite sees a commit.
    #[inline]
    pub(super) fn data_version(&self) -> u32 {
        // SAFETY: the connection is open.
        unsafe { data_version(self.raw) }
    }

    /// Learns what is recorded if another connection may have changed that. `begun`: nothing was
    /// changed yet in the open transaction.
    #[inline]
    pub(in crate::engine) fn confirm_recorded(&mut self, begun: bool) {
        let Some(recorder) = &self.recorder else { return };
        let committing = &recorder.context.committing;
        if committing.locked.get() && !begun && self.in_transaction() {
            return;
        }
        committing.locked.set(false);
        // SAFETY: the connection is open.
        let current = unsafe { committing.seen.is_current(self.raw) };
        if current {
            committing.forget_recompiled();
            if begun {
                // If it writes, it did so before that was asked.
                committing.locked.set(self.is_writing());
            }
        } else {
            self.confirm_slowly(begun);
            if begun {
                self.note_lock();
            }
        }
    }

    /// Notes that nobody else can commit, if that is so and it is known what is recorded.
    fn note_lock(&self) {
        let Some(recorder) = &self.recorder else { return };
        let committing = &recorder.context.committing;
        // SAFETY: the connection is open.
        let current = unsafe { committing.seen.is_current(self.raw) };
        committing.locked.set(current && self.is_writing());
    }

    /// As [`confirm_recorded`](Self::confirm_recorded), and returns whether anything was learned.
    #[inline]
    pub(in crate::engine) fn learns_recorded(&mut self) -> bool {
        let schema = |it: &Self| it.recorder.as_ref().map(|it| it.recorded_schema.get());
        let before = schema(self);
        self.confirm_recorded(false);
        before != schema(self)
    }

    #[cold]
    fn confirm_slowly(&mut self, begun: bool) {
        if self.in_transaction() && !self.has_moment() {
            // Reading now would choose the transaction's moment, and nothing was done in it.
            return;
        }
        self.handlers.shield(true);
        let schema = self.integer("PRAGMA schema_version");
        self.handlers.shield(false);
        let seen = self.data_version();
        let wrote = !begun && self.is_writing();
        let Some(recorder) = &self.recorder else { return };
        match schema {
            Ok(schema) if recorder.recorded_schema.get() == Some(schema) => {
                recorder.context.committing.seen.set(seen);
                recorder.context.committing.forget_recompiled();
            }
            Ok(_) => {
                let before = recorder.context.outbox.borrow().changes;
                self.learn_recorded();
                let Some(recorder) = &self.recorder else { return };
                let mut outbox = recorder.context.outbox.borrow_mut();
                if wrote && outbox.changes != before {
                    outbox.fault.get_or_insert_with(began_meanwhile);
                }
            }
            // What was done so far may have to be recorded.
            Err(error) if wrote => {
                recorder.context.outbox.borrow_mut().fault.get_or_insert(error);
            }
            Err(_) => {}
        }
    }

    /// Whether the open transaction has read or written.
    fn has_moment(&self) -> bool {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_txn_state(self.raw, c"main".as_ptr()) != ffi::SQLITE_TXN_NONE }
    }
}

/// Returns a number that changes when SQLite sees a commit, of this connection or another one.
///
/// # Safety
/// The connection is open, and this thread alone uses it.
#[inline]
pub(crate) unsafe fn data_version(raw: *mut ffi::sqlite3) -> u32 {
    let mut version = 0_u32;
    // SAFETY: by the contract; SQLite writes one integer.
    unsafe {
        ffi::sqlite3_file_control(
            raw,
            // The main database, without a search for its name.
            std::ptr::null(),
            ffi::SQLITE_FCNTL_DATA_VERSION,
            (&raw mut version).cast(),
        );
    }
    version
}

/// Returns the error for a transaction that has changed something of which it was not known that it
/// is to be recorded.
pub(crate) fn began_meanwhile() -> Error {
    Error::new(
        ErrorKind::SchemaChanged,
        "another connection has changed which tables are recorded for the outbox; try again",
    )
}

impl super::super::commit_hook::Committing {
    #[inline]
    pub(super) fn forget_recompiled(&self) {
        if self.recompiled.load(Ordering::Relaxed) {
            self.recompiled.store(false, Ordering::Relaxed);
        }
    }
}
