//! What is reported of migrations.

use std::time::Duration;

use crate::migrations::Action;

/// One step of what is to be done, or was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStep {
    /// The migration's number.
    pub number: u64,
    /// Its file's name, without the ending: `0001_items`.
    pub name: String,
    /// What is done.
    pub action: MigrationAction,
    /// It has the header `-- alone`.
    pub alone: bool,
    /// How long its statements have run. `None` if none did: it is only planned, it was only noted,
    /// or it runs alone and this is a dry run.
    pub took: Option<Duration>,
}

/// What is done with a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationAction {
    /// It is applied.
    Apply,
    /// It is undone.
    Revert,
    /// It is noted as done: what it replaces is done, or another tool's ledger has it.
    Note,
    /// Its file was changed, and counts as applied as it is now.
    AcceptEdit,
}

/// A migration that a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedMigration {
    /// Its number.
    pub number: u64,
    /// The name that its file had when it was applied, without the ending.
    pub name: String,
    /// When: UTC, as in `2026-01-31T12:00:00.000Z`. `None` if it runs alone, was begun, and it is not
    /// known whether it was done; the next run does it again.
    pub applied_at: Option<String>,
    /// How long its statements ran. `None` if it was noted as done.
    pub took: Option<Duration>,
    /// It says `-- breaks: older`.
    pub breaks_older: bool,
    /// It can be undone: its `.down.sql` is in the ledger.
    pub reversible: bool,
    /// It is among this program's files.
    pub known: bool,
}

impl MigrationStep {
    pub(super) fn planned(action: Action<'_>) -> Self {
        let migration = action.migration();
        Self {
            number: migration.number,
            name: migration.name.clone(),
            action: match action {
                Action::Apply(_) => MigrationAction::Apply,
                Action::Note(_) => MigrationAction::Note,
                Action::AcceptEdit(_) => MigrationAction::AcceptEdit,
            },
            alone: migration.headers.alone,
            took: None,
        }
    }
}
