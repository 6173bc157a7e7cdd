//! Everything that one statement reports.

#[cfg(not(target_family = "wasm"))]
use crate::error::{Error, ErrorKind, Result};
use crate::program::StepOutcome;
use crate::row::Row;
#[cfg(not(target_family = "wasm"))]
use crate::sql::acts_when_compiled;

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

/// What is known of a statement that has not run, as returned by
/// [`describe`](crate::Database::describe).
#[cfg(not(target_family = "wasm"))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The columns of the result; none for a statement that never yields rows.
    pub columns: Vec<DescribedColumn>,
    /// The parameters by their index from 1, each with its name and the sign before it (`:id`,
    /// `?2`); `None` for a `?`, and for an index that the statement leaves out.
    pub parameters: Vec<Option<String>>,
    /// Whether it changes nothing in the database.
    pub reads_only: bool,
}

/// One column of a statement that has not run.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedColumn {
    /// Its name and declared type.
    pub column: Column,
    /// The table and its column that the values come from, if it is one and nothing was done with
    /// it; `None` too where SQLite was compiled without `SQLITE_ENABLE_COLUMN_METADATA`. The values
    /// may still be others than the table allows: NULL from an outer join, or those of another
    /// part of a `UNION`.
    /// <https://sqlite.org/c3ref/column_database_name.html>
    pub origin: Option<(String, String)>,
}

/// Refuses what can't be described without doing it.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn check_description(sql: &str) -> Result<()> {
    if acts_when_compiled(sql) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "a PRAGMA and what begins or ends a transaction can't be described, only run",
        ));
    }
    Ok(())
}

#[cfg(not(target_family = "wasm"))]
impl From<StepOutcome> for Described {
    fn from(outcome: StepOutcome) -> Self {
        let description = outcome.description.unwrap_or_default();
        let compiled = description.compiled.as_deref().cloned().unwrap_or_default();
        let mut origins = compiled.origins.into_iter();
        let columns = description.columns().map(|(name, declared)| DescribedColumn {
            column: Column { name: name.to_owned(), declared_type: declared.map(str::to_owned) },
            origin: origins.next().flatten().map(|(table, column)| (table.into(), column.into())),
        });
        Self {
            columns: columns.collect(),
            parameters: compiled.parameters.into_iter().map(|it| it.map(Into::into)).collect(),
            reads_only: compiled.readonly,
        }
    }
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
