//! What a write waits for when the database is not in WAL mode.

use std::sync::Arc;

use super::Shared;
use super::slot::{LongHolder, Slot};
use crate::engine::Connection;
use crate::error::{Error, ErrorKind};

impl Shared {
    /// Explains what a write that met a lock waited for, if known. Outside WAL mode a commit waits
    /// for those reads of this database that last longer than one call. `own` is the slot that the
    /// write ran on.
    pub(super) fn explain_busy(
        &self,
        own: &Arc<Slot>,
        connection: &mut Connection,
        error: Error,
    ) -> Error {
        if error.kind() != ErrorKind::Busy || connection.is_wal() {
            return error;
        }
        let Some(reader) = self.who_reads(own) else { return error };
        if !may_write(connection) {
            return error;
        }
        error.with_kind(
            ErrorKind::Busy,
            format!(
                "{reader} of this database is open, and outside WAL mode a write waits for readers; end it before writing, or set the journal mode to \"wal\""
            ),
        )
    }

    fn who_reads(&self, own: &Arc<Slot>) -> Option<&'static str> {
        let readers = self.readers.slots().iter().map(|slot| (slot, "a snapshot"));
        let sessions = self.dedicated.slots().iter().map(|slot| (slot, "a session's transaction"));
        readers.chain(sessions).filter(|(slot, _)| !Arc::ptr_eq(slot, own)).find_map(
            |(slot, since)| match slot.holder()? {
                LongHolder::Stream(_) => Some("a stream"),
                // One whose connection is in use is reading right now.
                LongHolder::Session(_) => slot
                    .try_connection()
                    .is_none_or(|it| it.as_ref().is_some_and(Connection::is_reading))
                    .then_some(since),
            },
        )
    }
}

/// Whether no other process writes, so that the wait was for readers.
fn may_write(connection: &mut Connection) -> bool {
    if connection.in_transaction() {
        return connection.is_writing();
    }
    let began = connection.run_inline(|connection| connection.control("BEGIN IMMEDIATE"));
    let may = matches!(began, Some(Ok(())));
    connection.rollback();
    may
}
