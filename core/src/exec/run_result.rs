//! Everything that one statement reports.

use crate::program::StepOutcome;
use crate::row::Row;

/// Everything that one statement reports, as returned by
/// [`run`](crate::Database::run).
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// The columns of the result, even if it has no rows; none for a statement that
    /// never yields rows.
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
    /// The name, made unique: see [`Columns`](crate::Columns).
    pub name: String,
    /// The type that the column's table declares, as written there; `None` for an
    /// expression or a column without a type.
    /// <https://sqlite.org/c3ref/column_decltype.html>
    pub declared_type: Option<String>,
}

impl From<StepOutcome> for RunResult {
    fn from(outcome: StepOutcome) -> Self {
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
