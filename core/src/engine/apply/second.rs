//! What is applied after the rest: the columns of an update that nobody has changed here. SQLite
//! leaves out an update as a whole if one of its columns meets another change.

use std::ffi::{c_int, c_void};

use super::Connection;
use super::conflicts::Applying;
use super::linked::apply_bytes;
use crate::error::{Phase, Result};
use crate::ffi::{self, session, sqlite3_changeset_iter};

/// Leaves out what meets anything: what is in its way has won.
unsafe extern "C" fn leave_out(
    context: *mut c_void,
    kind: c_int,
    _raw: *mut sqlite3_changeset_iter,
) -> c_int {
    // SAFETY: `take_columns` passed it, and uses it only when SQLite has returned.
    let orphans = unsafe { &mut *context.cast::<bool>() };
    *orphans |= kind == session::SQLITE_CHANGESET_FOREIGN_KEY;
    session::SQLITE_CHANGESET_OMIT
}

impl Connection {
    /// Takes what of their updates met nothing, though another column of theirs did.
    pub(super) fn take_columns(&mut self, applying: &mut Applying) -> Result<()> {
        let takes = std::mem::take(&mut applying.takes);
        if takes.is_empty() {
            return Ok(());
        }
        let orphans = (&raw mut applying.orphans).cast();
        // SAFETY: the connection is open, and the context is what `leave_out` expects.
        let code = unsafe { apply_bytes(self.raw, &takes, leave_out, orphans)? };
        if code != ffi::SQLITE_OK {
            // SAFETY: the connection is open and its last call failed.
            return Err(unsafe { crate::engine::failure(self.raw, code, Phase::Run) });
        }
        Ok(())
    }
}
