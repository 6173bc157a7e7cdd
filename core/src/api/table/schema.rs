//! What a table looks like, read from the database and remembered.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::exec::schemas::Schema;
use crate::exec::target::Target;
use crate::program::{Access, Fetch, Program, Step, StepOutcome};
use crate::sql::quote_into;

impl Schema {
    /// Returns the schema of a table, as remembered if it is known; `fresh` reads it again.
    ///
    /// # Errors
    /// `NoSuchTable` if there is no such table or view.
    pub(super) async fn of(target: Target<'_>, table: &str, fresh: bool) -> Result<Arc<Self>> {
        if !fresh && let Some(schema) = target.schemas.get(table) {
            return Ok(schema);
        }
        let schema = Arc::new(Self::read(target, table).await?);
        target.schemas.put(table, &schema);
        Ok(schema)
    }

    async fn read(target: Target<'_>, table: &str) -> Result<Self> {
        let mut quoted = String::new();
        quote_into(&mut quoted, table)?;
        let program = Program {
            steps: smallvec::smallvec![
                Step::new("PRAGMA schema_version", (), Fetch::First),
                Step::new(
                    "SELECT name, pk, upper(type) FROM pragma_table_xinfo(?1)",
                    [table],
                    Fetch::All
                ),
                // A key that is not an alias of the rowid has an index.
                Step::new(
                    "SELECT (SELECT wr FROM pragma_table_list(?1)), (SELECT type FROM pragma_table_list(?1)) IS 'view', EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk'), (SELECT type FROM pragma_table_list(?1)) IS 'virtual'",
                    [table],
                    Fetch::First
                ),
            ],
            access: Access::Read,
            schema: None,
        };
        let output = target.run(program, None).await?;
        let mut steps = output.steps.into_iter().map(|outcome: StepOutcome| outcome.rows);
        let mut next = || steps.next().unwrap_or_default();
        let version = next().into_first().map_or(Ok(0), |row| row.get(0))?;
        let mut columns = Vec::new();
        let mut key: Vec<(i64, String, String)> = Vec::new();
        for row in next() {
            let name: String = row.get(0)?;
            if row.get::<i64>(1)? > 0 {
                key.push((row.get(1)?, name.clone(), row.get(2)?));
            }
            columns.push(name);
        }
        if columns.is_empty() {
            return Err(Error::no_such_table(table));
        }
        let (without_rowid, view, indexed, foreign) = match next().into_first() {
            Some(row) => (
                row.get::<Option<bool>>(0)?.unwrap_or(false),
                row.get::<bool>(1)?,
                row.get::<bool>(2)?,
                row.get::<bool>(3)?,
            ),
            None => (false, false, false, false),
        };
        key.sort_by_key(|(position, ..)| *position);
        let alias = matches!(key.as_slice(), [(_, _, kind)] if kind == "INTEGER")
            && !without_rowid
            && !indexed;
        let declared = !key.is_empty();
        let mut key: Vec<String> = key.into_iter().map(|(_, name, _)| name).collect();
        // The rows of a view have no identifier of their own.
        if !declared && !view {
            let taken = |name: &str| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
            let free = ["rowid", "_rowid_", "oid"].into_iter().find(|name| !taken(name));
            key.extend(free.map(str::to_owned));
        }
        let mut schema = Self {
            version,
            table: table.to_owned(),
            quoted,
            columns,
            key,
            rowid: alias || !declared,
            declared,
            view,
            foreign,
            get: String::new(),
            delete: String::new(),
        };
        let by_key = schema.by_key(1)?;
        schema.get = format!("SELECT * FROM {} WHERE {by_key}", schema.quoted);
        schema.delete = format!("DELETE FROM {} WHERE {by_key}", schema.quoted);
        Ok(schema)
    }

    /// Returns the name as the table spells it.
    ///
    /// # Errors
    /// `NoSuchColumn` if the table has no column of this name.
    pub(super) fn column(&self, name: &str) -> Result<&str> {
        // A name that can't be quoted can't be written in SQL, so no table has it.
        quote_into(&mut String::new(), name)?;
        self.columns
            .iter()
            .chain(&self.key)
            .find(|column| column.eq_ignore_ascii_case(name))
            .map(String::as_str)
            .ok_or_else(|| Error::no_such_column(&self.table, name))
    }

    /// `"a" = ?1 AND "b" = ?2`, with parameters numbered from `first`.
    pub(super) fn by_key(&self, first: usize) -> Result<String> {
        let mut sql = String::new();
        for (index, column) in self.key.iter().enumerate() {
            if index > 0 {
                sql.push_str(" AND ");
            }
            quote_into(&mut sql, column)?;
            sql.push_str(&format!(" = ?{}", first + index));
        }
        Ok(sql)
    }

    /// Checks that a key has a value for each of its columns.
    ///
    /// # Errors
    /// `InvalidArgument` if it has more or fewer, or one that can't be stored.
    pub(super) fn check_key(&self, key: &super::Key) -> Result<()> {
        key.check()?;
        if self.key.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("the rows of {:?} have no key; use SQL", self.table),
            ));
        }
        if key.values().len() == self.key.len() {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "the key of {:?} has {} columns ({}), but {} values were given",
            self.table,
            self.key.len(),
            self.key.join(", "),
            key.values().len()
        )))
    }
}
