//! One commit, as far as somebody is interested in it.

use std::sync::Arc;

use super::WrittenPages;
use super::interest::{ColumnSet, Interest};
use crate::value::Value;

/// What one commit changed. A group commit is one.
///
/// A commit of nothing that somebody is interested in has only `pages`. It never reports less than
/// what has changed. It may report more: a change that was rolled back,
/// or a row of which nothing is different.
#[derive(Debug, Clone)]
pub struct Commit {
    /// By what the commit was recorded: the positions of tables and columns are those in here.
    pub interest: Arc<Interest>,
    /// The tables that changed, of those in `interest`.
    pub tables: Vec<TableChange>,
    /// Something changed in a table that `interest` does not list.
    pub others: bool,
    /// The schema may have changed.
    pub schema: bool,
    /// Anything may have changed, on these `pages` if they are known.
    pub everything: bool,
    /// The pages that were written, if they are known.
    pub pages: Option<WrittenPages>,
    /// Somebody else has committed, or may have: another process, or another connection to the
    /// file that is not this database's. What that changed is not among `tables`.
    pub external: bool,
}

/// What changed in one table.
#[derive(Debug, Clone, Default)]
pub struct TableChange {
    /// The table's position in [`Interest::tables`].
    pub table: usize,
    /// Which rows changed is not known.
    pub whole: bool,
    /// The columns in which rows differ, of those that somebody reads.
    pub columns: ColumnSet,
    /// The rows that changed, if the values of some of their columns are wanted. With `whole`, not
    /// all of them.
    pub rows: Vec<RowChange>,
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowChangeKind {
    /// It is new.
    Insert,
    /// It has other values.
    Update,
    /// It is gone.
    Delete,
}

/// One row that changed.
#[derive(Debug, Clone)]
pub struct RowChange {
    /// What happened to it.
    pub kind: RowChangeKind,
    /// The columns in which it differs: all, if it is new or gone, or has another rowid.
    pub columns: ColumnSet,
    /// What the columns of [`TableInterest::values`](super::TableInterest::values) held before;
    /// empty for a new row.
    pub old: Box<[Value]>,
    /// What they hold now; empty for a row that is gone.
    pub new: Box<[Value]>,
}

impl Commit {
    /// A commit of others, about which nothing is known.
    pub fn unknown(interest: Arc<Interest>) -> Self {
        Self {
            interest,
            tables: Vec::new(),
            others: true,
            schema: true,
            everything: true,
            pages: None,
            external: true,
        }
    }

    /// Commits of others: what they changed is on these pages, and in the schema only if it says
    /// so.
    pub(crate) fn on_pages(interest: Arc<Interest>, pages: WrittenPages, schema: bool) -> Self {
        Self { schema, pages: Some(pages), ..Self::unknown(interest) }
    }
}
