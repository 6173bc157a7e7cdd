//! All that one statement has to tell.

use std::sync::Arc;

use crate::backend::Outcome;
use crate::row::{Columns, Row};

/// All that one statement has to tell: what
/// [`run`](crate::Database::run) returns.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// The columns of the result, also where it has no rows; none for a statement that
    /// yields no rows at all.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Rows inserted, updated or deleted by the statement itself (not by its triggers
    /// or foreign key actions).
    pub rows_changed: u64,
    /// The rowid of the last row that the statement inserted; 0 if it inserted none.
    pub last_row_id: i64,
}

/// One column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name, told apart from the others': see [`Columns`].
    pub name: String,
    /// The type that the column's table declares, as it is written there; `None` for
    /// an expression, and for a column without a type.
    /// <https://sqlite.org/c3ref/column_decltype.html>
    pub declared_type: Option<String>,
}

/// What a statement yields, known also where it yields no row.
#[derive(Debug, Clone, Default)]
pub struct Description {
    pub(crate) columns: Arc<Columns>,
    pub(crate) declared: Vec<Option<Box<str>>>,
}

impl Description {
    /// The columns, each with its declared type.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let declared = self.declared.iter().map(Option::as_deref);
        self.columns.iter().zip(declared.chain(std::iter::repeat(None)))
    }
}

impl From<Outcome> for RunResult {
    fn from(outcome: Outcome) -> Self {
        let column = |(name, declared): (&str, Option<&str>)| Column {
            name: name.to_owned(),
            declared_type: declared.map(str::to_owned),
        };
        let description = outcome.description.unwrap_or_default();
        Self {
            columns: description.columns().map(column).collect(),
            rows: outcome.rows.into_iter().collect(),
            rows_changed: outcome.changes,
            last_row_id: outcome.last_row_id,
        }
    }
}
