//! What is decided where a change meets another one, as data: nobody can be asked in the middle of
//! a transaction that may run on another thread, or for another language.

use std::sync::Arc;

use crate::value::Value;

/// What is decided where a change that is applied meets another one, from
/// [`Database::apply`](crate::Database::apply): for all tables, and for some by name.
///
/// # Example
/// ```
/// use ubiqlite::{Apply, Policy};
/// let apply = Apply::theirs().newest("notes", "updated_at").table("settings", Policy::Ours);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    policy: Policy,
    tables: Vec<(String, Policy)>,
}

/// Whose change is kept where two changes of one row meet.
///
/// Whichever it is, replicas agree in the end that exchange their changes in one order, each
/// sending what waits in its outbox when it has applied all that came before: of what was not taken
/// here, the outbox then has the difference, and the others get it. With `Theirs` the change that
/// was sent first stays, with `Ours` the one that was sent last. Replicas may have different
/// policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// Theirs: the change that is applied.
    Theirs,
    /// Ours: what is in the database. Of an update, what they changed in columns that were not
    /// changed here is still taken.
    Ours,
    /// The one with the greater value in this column, which should say when the row was changed.
    /// If both are equal, the row whose changed values are greater as bytes, so that two sides that
    /// apply each other's changes decide the same.
    Newest(String),
    /// Neither: nothing is applied, and the call fails with `ConstraintViolation`.
    Abort,
}

impl Apply {
    /// Keeps the changes that are applied.
    pub fn theirs() -> Self {
        Self::all(Policy::Theirs)
    }

    /// Keeps what is in the database.
    pub fn ours() -> Self {
        Self::all(Policy::Ours)
    }

    /// Applies nothing if there is any conflict.
    pub fn abort() -> Self {
        Self::all(Policy::Abort)
    }

    /// Decides by this policy.
    pub fn all(policy: Policy) -> Self {
        Self { policy, tables: Vec::new() }
    }

    /// Decides for one table by another policy.
    #[must_use]
    pub fn table(mut self, table: impl Into<String>, policy: Policy) -> Self {
        self.tables.push((table.into(), policy));
        self
    }

    /// Keeps, in one table, the row with the greater value in a column.
    #[must_use]
    pub fn newest(self, table: impl Into<String>, column: impl Into<String>) -> Self {
        self.table(table, Policy::Newest(column.into()))
    }

    /// Returns what is decided for a table.
    pub(crate) fn policy_of(&self, table: &str) -> &Policy {
        let named = |(name, _): &&(String, Policy)| name.eq_ignore_ascii_case(table);
        self.tables.iter().rev().find(named).map_or(&self.policy, |(_, policy)| policy)
    }
}

/// What applying a change set did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Applied {
    pub(crate) conflicts: Vec<Conflict>,
    pub(crate) rebased: bool,
}

impl Applied {
    /// Returns the changes that met others, in the order in which they were applied.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// Whether changes in the outbox were made to stand on what was applied.
    pub fn rebased(&self) -> bool {
        self.rebased
    }
}

/// A change that could not simply be applied, and what was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// The table.
    pub table: String,
    /// What is in the way.
    pub kind: ConflictKind,
    /// What they did to the row.
    pub change: RowChanged,
    /// The primary key of the row: its columns and their values.
    pub key: Vec<(String, Value)>,
    /// The row as it was here, if there was one.
    pub ours: Option<Vec<(String, Value)>>,
    /// The row as they have it, as far as they changed it; of a deletion, as they had it.
    pub theirs: Vec<(String, Value)>,
    /// Whose change was kept.
    pub decision: Decision,
}

/// What is in the way of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictKind {
    /// The row is there, with other values than those that they changed or deleted.
    Data,
    /// The row that they changed is not there.
    NotFound,
    /// A row with the key of the one that they inserted is there.
    Exists,
    /// Another constraint: `UNIQUE` of other columns, `NOT NULL` or `CHECK`. No policy can keep
    /// their change. If the table is recorded, the outbox has what undoes it elsewhere.
    Constraint,
}

/// What a change does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowChanged {
    /// It was inserted.
    Inserted,
    /// It was updated.
    Updated,
    /// It was deleted.
    Deleted,
}

/// Whose change was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Theirs.
    Theirs,
    /// Ours: theirs was left out.
    Ours,
}

/// A change set to apply, as a step of a program.
#[derive(Debug, Clone)]
pub struct ApplyStep {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) apply: Apply,
}
