//! Migrations that others have applied while this database is open: a program that lacks one of them
//! that breaks older programs must not write any more.
//!
//! Whoever applies one changes the schema. A connection that may write notices that as
//! `outbox/foreign.rs` says: before each statement, and once it has the right to write, if SQLite has
//! seen a commit of another connection. A statement that is a transaction by itself is refused its
//! commit (`commit_hook.rs`). Connections that only read don't look, which would cost each of their
//! reads something: they read on until one that may write has noticed.

use super::Connection;
use crate::changes::KnownMigrations;
use crate::error::{Error, ErrorKind, Result};

impl Connection {
    /// Learns which migration breaks older programs, if anybody here has migrations. Must be called
    /// when the schema may be another.
    pub(super) fn learn_breaking(&mut self) {
        let wanted = |it: &super::changes::Recorder| it.observation().migrations().is_wanted();
        if !self.recorder.as_deref().is_some_and(wanted) {
            return;
        }
        let mut breaking = 0;
        self.handlers.shield(true);
        let read = self.own_rows(KnownMigrations::BREAKING, &[], &mut |row| {
            breaking = row.get(0)?;
            Ok(())
        });
        self.handlers.shield(false);
        let known = match read {
            Ok(()) => true,
            Err(error) => error.kind() == ErrorKind::NoSuchTable,
        };
        if let Some(recorder) = self.recorder.as_deref().filter(|_| known) {
            recorder.observation().migrations().set_breaking(breaking);
        }
    }

    /// Must be called before a statement of the user's runs, when it is known what others have done.
    ///
    /// # Errors
    /// `SchemaTooNew` if they have applied a migration that breaks older programs, and this one lacks
    /// it.
    #[inline]
    pub(super) fn refuse_older(&self) -> Result<()> {
        match &self.recorder {
            Some(recorder) if recorder.observation().migrations().are_older() => Err(too_new()),
            _ => Ok(()),
        }
    }

    /// As [`refuse_older`](Self::refuse_older), after a statement that only reads: it may have seen
    /// what others have done since.
    #[inline]
    pub(super) fn refuse_older_read(&mut self) -> Result<()> {
        let recompiled = self.recorder.as_ref().is_some_and(|it| it.has_recompiled());
        if recompiled { self.refuse_after_recompiling() } else { Ok(()) }
    }

    #[cold]
    fn refuse_after_recompiling(&mut self) -> Result<()> {
        self.confirm_recorded(false);
        self.refuse_older()
    }
}

/// Returns the error of a program whose migrations lack one that breaks older programs.
#[cold]
pub(crate) fn too_new() -> Error {
    Error::new(
        ErrorKind::SchemaTooNew,
        "a newer program has applied a migration that breaks older ones; load the newer program",
    )
}
