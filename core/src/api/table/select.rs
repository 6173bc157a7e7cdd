//! Selecting rows of a table.

use std::sync::Arc;

use super::Table;
use crate::api::watch::Watch;
use crate::changes::{RowFilter, Term, TermTest};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::schemas::Schema;
use crate::exec::stream::RowStream;
use crate::exec::target::{Executor, Target};
use crate::live::Watched;
use crate::program::{Access, Fetch, PageSink, Step};
use crate::row::{FromRow, Rows};
use crate::sql::{Params, quote_into};
use crate::value::{IntoValue, RefusedValue, Value};

/// How a column is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// Equal. With `NULL`: `IS NULL`.
    Eq,
    /// Not equal. With `NULL`: `IS NOT NULL`.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Matches the pattern: `%` is any text, `_` any character; the case of
    /// ASCII letters does not matter.
    Like,
    /// Does not match the pattern.
    NotLike,
}

/// A selection of rows by filters, with an order, a limit and an offset; from
/// [`Table::select`]. A row must match all filters.
///
/// # Example
/// ```
/// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
/// use ubiqlite::{Compare, Row};
/// let rows: Vec<Row> = db
///     .table("items")
///     .select()
///     .filter_in("status", ["new", "done"])
///     .filter_with("value", Compare::Ge, 10)
///     .order_by_desc("id")
///     .limit(20)
///     .all()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a selection does nothing until all(), first(), count() or stream()"]
pub struct Select<'a> {
    table: Table<'a>,
    choice: Choice,
}

/// Which rows are wanted, of any table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    filters: Vec<Filter>,
    order: Vec<(String, bool)>,
    limit: Option<u64>,
    offset: u64,
    by_key: bool,
    refused: RefusedValue,
}

impl Choice {
    /// Keeps rows whose column compares with the value as `compare` says.
    pub(crate) fn filter(&mut self, column: String, compare: Compare, value: Value) {
        self.filters.push(Filter::Compare(column, compare, value));
    }

    /// Keeps rows whose column equals one of the values.
    pub(crate) fn filter_in(&mut self, column: String, values: Vec<Value>) {
        self.filters.push(Filter::In(column, values));
    }

    /// Orders by the column, after the columns named before.
    pub(crate) fn order(&mut self, column: String, descending: bool) {
        self.order.push((column, descending));
    }

    /// Selects at most `rows` rows.
    pub(crate) fn limit(&mut self, rows: u64) {
        self.limit = Some(rows);
    }

    /// Skips the first `rows` rows.
    pub(crate) fn offset(&mut self, rows: u64) {
        self.offset = rows;
    }
}

#[derive(Debug, Clone)]
enum Filter {
    Compare(String, Compare, Value),
    In(String, Vec<Value>),
}

/// SQLite's limit on parameters, <https://sqlite.org/limits.html>, less those
/// for limit and offset.
const MOST_PARAMETERS: usize = 32_000;

impl<'a> Select<'a> {
    pub(super) fn new(table: Table<'a>) -> Self {
        Self { table, choice: Choice::default() }
    }

    /// Selects the rows of a choice that was made elsewhere.
    pub(crate) fn of(table: Table<'a>, choice: Choice) -> Self {
        Self { table, choice }
    }

    /// Keeps rows whose column equals the value, or is `NULL` if the value is.
    pub fn filter(self, column: impl Into<String>, value: impl IntoValue) -> Self {
        self.filter_with(column, Compare::Eq, value)
    }

    /// Keeps rows whose column compares with the value as `compare` says.
    pub fn filter_with(
        mut self,
        column: impl Into<String>,
        compare: Compare,
        value: impl IntoValue,
    ) -> Self {
        let value = self.choice.refused.convert(value);
        self.choice.filter(column.into(), compare, value);
        self
    }

    /// Keeps rows whose column equals one of the values. An empty list selects none.
    pub fn filter_in<V: IntoValue>(
        mut self,
        column: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let refused = &mut self.choice.refused;
        let values = values.into_iter().map(|value| refused.convert(value)).collect();
        self.choice.filter_in(column.into(), values);
        self
    }

    /// Keeps rows whose column is `NULL`.
    pub fn filter_null(self, column: impl Into<String>) -> Self {
        self.filter_with(column, Compare::Eq, Value::Null)
    }

    /// Keeps rows whose column is not `NULL`.
    pub fn filter_not_null(self, column: impl Into<String>) -> Self {
        self.filter_with(column, Compare::Ne, Value::Null)
    }

    /// Orders by the column, after the columns named before.
    pub fn order_by(mut self, column: impl Into<String>) -> Self {
        self.choice.order(column.into(), false);
        self
    }

    /// Orders by the column, largest first.
    pub fn order_by_desc(mut self, column: impl Into<String>) -> Self {
        self.choice.order(column.into(), true);
        self
    }

    /// Orders by the key, whatever it is.
    pub(super) fn by_key(mut self) -> Self {
        self.choice.by_key = true;
        self
    }

    /// Selects at most `rows` rows.
    pub fn limit(mut self, rows: u64) -> Self {
        self.choice.limit(rows);
        self
    }

    /// Skips the first `rows` rows.
    pub fn offset(mut self, rows: u64) -> Self {
        self.choice.offset(rows);
        self
    }

    /// Returns all selected rows.
    ///
    /// # Errors
    /// `NoSuchTable`, `NoSuchColumn`; `InvalidArgument` for a comparison with
    /// `NULL` other than equality; `DatatypeMismatch` if a row is not a `T`.
    pub async fn all<T: FromRow>(self) -> Result<Vec<T>> {
        self.rows(Fetch::All, None).await?.into_iter().map(T::from_row).collect()
    }

    /// Returns the first selected row.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn first<T: FromRow>(self) -> Result<Option<T>> {
        self.rows(Fetch::First, None).await?.into_first().map(T::from_row).transpose()
    }

    /// Returns the number of selected rows.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn count(self) -> Result<u64> {
        let table = self.table;
        let make = |schema: &Schema| {
            let (inner, params) = self.choice.sql("1", schema)?;
            let sql = format!("SELECT count(*) FROM ({inner})");
            Ok(vec![Step::new(sql, params, Fetch::First)])
        };
        let (mut output, ..) = table.run(Access::Read, None, make).await?;
        let rows = output.steps.pop().map(|outcome| outcome.rows).unwrap_or_default();
        rows.into_first().map_or(Ok(0), |row| row.get(0))
    }

    /// Streams the selected rows. A backend without cursors reads them all first.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn stream(self) -> Result<RowStream<'a>> {
        let (_entered, target) = self.table.target.enter()?;
        if let Executor::Backend(backend) = target.executor
            && !backend.capabilities().cursors
        {
            return Ok(RowStream::loaded(self.rows(Fetch::All, None).await?.into_iter()));
        }
        if self.choice.by_key {
            return self.stream_by_key(target).await;
        }
        let (_, sql, params) = self.written(target).await?;
        Ok(target.stream(&sql, params))
    }

    /// Returns the selection's statement, by the remembered schema if that has all columns.
    async fn written(&self, target: Target<'a>) -> Result<(Arc<Schema>, String, Params)> {
        let schema = Schema::of(target, self.table.name, false).await?;
        if let Ok((sql, params)) = self.choice.sql("*", &schema) {
            return Ok((schema, sql, params));
        }
        let schema = Schema::of(target, self.table.name, true).await?;
        let (sql, params) = self.choice.sql("*", &schema)?;
        Ok((schema, sql, params))
    }

    /// Watches the selected rows: see [`Database::watch`](crate::Database::watch). Rows are told
    /// apart by the table's key. A change of rows that meet none of the conditions of equality,
    /// before and after it, does not run the query again.
    ///
    /// # Errors
    /// As [`all`](Self::all). `Unsupported` inside a transaction, session or snapshot, since a
    /// watch shows what is committed.
    ///
    /// # Example
    /// ```
    /// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
    /// let mut live = db.table("items").select().filter("status", "new").watch().await?;
    /// while let Some(now) = live.try_next().await? {
    ///     println!("{} new items: {:?}", now.len(), now.diff());
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn watch(self) -> Result<Watch> {
        let Some(database) = self.table.target.database else {
            return Err(uncommitted());
        };
        let (_entered, target) = self.table.target.enter()?;
        let (schema, sql, params) = self.written(target).await?;
        let filter = RowFilter {
            table: schema.table.as_str().into(),
            terms: self.choice.filters.iter().filter_map(|it| it.term(&schema)).collect(),
        };
        let watched = Watched { sql: sql.into(), params: params.checked()?, filter: Some(filter) };
        let mut live = Watch::new(database, Ok(watched));
        for column in schema.key.iter().filter(|key| schema.columns.contains(key)) {
            live = live.key(column);
        }
        Ok(live)
    }

    /// Streams in the order of the key that the table has when its rows are read.
    /// The first rows are read before this returns.
    async fn stream_by_key(self, target: Target<'a>) -> Result<RowStream<'a>> {
        let mut schema = Schema::of(target, self.table.name, false).await?;
        for _ in 1..super::TRIES {
            let (sql, params) = self.choice.sql("*", &schema)?;
            let mut rows = target.stream(&sql, params);
            let Err(error) = rows.primed().await else { return Ok(rows) };
            let fresh = Schema::of(target, self.table.name, true).await?;
            if fresh.version == schema.version {
                return Err(error);
            }
            schema = fresh;
        }
        Err(Error::new(ErrorKind::SchemaChanged, "the schema kept changing"))
    }

    /// Returns the rows that were not given to `sink` while the statement ran.
    pub(crate) async fn rows(self, keep: Fetch, sink: Option<&dyn PageSink>) -> Result<Rows> {
        let table = self.table;
        let make = |schema: &Schema| {
            let (sql, params) = self.choice.sql("*", schema)?;
            Ok(vec![Step::new(sql, params, keep)])
        };
        let (mut output, ..) = table.run(Access::Read, sink, make).await?;
        Ok(output.steps.pop().map(|outcome| outcome.rows).unwrap_or_default())
    }
}

/// Returns the error for a watch where uncommitted data, or older data, can be seen.
pub(crate) fn uncommitted() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "a watch shows what is committed; begin it on the database, not in a transaction, session or snapshot",
    )
}

impl Choice {
    fn sql(&self, what: &str, schema: &Schema) -> Result<(String, Params)> {
        self.refused.check()?;
        let mut sql = format!("SELECT {what} FROM {}", schema.quoted);
        let mut params = Params::new();
        for (index, filter) in self.filters.iter().enumerate() {
            sql.push_str(if index == 0 { " WHERE " } else { " AND " });
            filter.write(&mut sql, &mut params, schema)?;
        }
        if self.by_key {
            // Overflows if the schema is a different one by now. This is checked in the
            // very transaction that reads the rows.
            sql.push_str(if self.filters.is_empty() { " WHERE " } else { " AND " });
            sql.push_str(
                "iif((SELECT schema_version FROM pragma_schema_version) = ?, TRUE, \
                 abs(-9223372036854775807 - 1))",
            );
            params.push(schema.version);
        }
        for (index, (column, descending)) in self.order.iter().enumerate() {
            sql.push_str(if index == 0 { " ORDER BY " } else { ", " });
            quote_into(&mut sql, schema.column(column)?)?;
            if *descending {
                sql.push_str(" DESC");
            }
        }
        if self.by_key {
            for (index, column) in schema.key.iter().enumerate() {
                sql.push_str(if index == 0 { " ORDER BY " } else { ", " });
                quote_into(&mut sql, column)?;
            }
        }
        if self.limit.is_some() || self.offset > 0 {
            sql.push_str(" LIMIT ? OFFSET ?");
            // More rows than SQLite can count are all rows.
            params.push(self.limit.map_or(-1, |rows| i64::try_from(rows).unwrap_or(-1)));
            params.push(i64::try_from(self.offset).unwrap_or(i64::MAX));
        }
        if params.len() > MOST_PARAMETERS {
            return Err(Error::invalid(format!(
                "a selection takes at most {MOST_PARAMETERS} comparisons; pass the values for one column as a single list"
            )));
        }
        Ok((sql, params))
    }
}

impl Filter {
    /// Returns what must hold of a stored value for its row to be selected, if that is simple
    /// enough to be decided without SQLite.
    fn term(&self, schema: &Schema) -> Option<Term> {
        let (column, test) = match self {
            Self::Compare(column, Compare::Eq, Value::Null) => (column, TermTest::Null),
            Self::Compare(column, Compare::Ne, Value::Null) => (column, TermTest::NotNull),
            Self::Compare(column, Compare::Eq, value) => {
                (column, TermTest::In(vec![value.clone()]))
            }
            Self::In(column, values) => (column, TermTest::In(values.clone())),
            Self::Compare(column, compare, Value::Integer(value)) => {
                let range = match compare {
                    Compare::Lt | Compare::Le => i64::MIN..=*value,
                    Compare::Gt | Compare::Ge => *value..=i64::MAX,
                    _ => return None,
                };
                (column, TermTest::Between(range))
            }
            Self::Compare(..) => return None,
        };
        Some(Term { column: schema.column(column).ok()?.into(), test })
    }

    fn write(&self, sql: &mut String, params: &mut Params, schema: &Schema) -> Result<()> {
        match self {
            Self::Compare(column, compare, value) => {
                quote_into(sql, schema.column(column)?)?;
                let operator = match (compare, value.is_null()) {
                    (Compare::Eq, true) => " IS NULL",
                    (Compare::Ne, true) => " IS NOT NULL",
                    (_, true) => {
                        return Err(Error::invalid(format!(
                            "column {column:?} is compared with NULL, which is not less than, greater than or like anything; only equal and not equal work with NULL"
                        )));
                    }
                    (Compare::Eq, _) => " = ?",
                    (Compare::Ne, _) => " <> ?",
                    (Compare::Lt, _) => " < ?",
                    (Compare::Le, _) => " <= ?",
                    (Compare::Gt, _) => " > ?",
                    (Compare::Ge, _) => " >= ?",
                    (Compare::Like, _) => " LIKE ?",
                    (Compare::NotLike, _) => " NOT LIKE ?",
                };
                sql.push_str(operator);
                if !value.is_null() {
                    params.push(value);
                }
            }
            Self::In(column, values) => {
                let mut name = String::new();
                quote_into(&mut name, schema.column(column)?)?;
                sql.push('(');
                super::among::write(sql, params, &name, values);
                sql.push(')');
            }
        }
        Ok(())
    }
}
