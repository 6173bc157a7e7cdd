//! The same operations on plain rusqlite, as one would write them.

use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use ubiqlite::{Error, ErrorKind, Executed, Value};

use crate::operations::{OnTable, Operation, Statement};

/// What an operation returns, on either side.
pub(crate) type Answer = Result<Done, Failure>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Done {
    /// The number of changed rows, and the rowid if a single row was inserted.
    Changed(u64, Option<i64>),
    Rows(Vec<Vec<Value>>),
    /// The number of rows that each statement of a batch changed.
    Each(Vec<u64>),
    Nothing,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// SQLite's extended code, or the library's kind if SQLite was not called.
    pub(crate) what: Result<i32, ErrorKind>,
    pub(crate) index: Option<usize>,
}

/// The failure of any call after SQLite has ended the transaction by itself.
const GONE: Failure = Failure { what: Err(ErrorKind::Cancelled), index: None };

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { what: error.code().ok_or(error.kind()), index: error.index() }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error().unwrap_or_else(|| panic!("{error}")).extended_code;
        Self { what: Ok(code), index: None }
    }
}

impl Done {
    /// Makes the result of one statement: a rowid only means something for a single inserted row.
    pub(crate) fn of(statement: &Statement, done: Executed) -> Self {
        let alone = statement.inserts && done.rows_changed == 1;
        Self::Changed(done.rows_changed, alone.then_some(done.last_row_id))
    }
}

pub(crate) struct Plain(pub(crate) Connection);

impl Plain {
    pub(crate) fn open(path: &std::path::Path, schema: &str) -> Self {
        let db = Connection::open(path).unwrap();
        db.pragma_update(None, "journal_mode", "wal").unwrap();
        db.pragma_update(None, "synchronous", "off").unwrap();
        db.pragma_update(None, "foreign_keys", "on").unwrap();
        db.execute_batch(schema).unwrap();
        Self(db)
    }

    /// All rows of all tables.
    pub(crate) fn dump(&self, queries: &[&'static str]) -> Vec<Vec<Vec<Value>>> {
        let rows = |sql: &&'static str| match self.one(&Statement::reading(sql, [])).unwrap() {
            Done::Rows(rows) => rows,
            other => panic!("{other:?}"),
        };
        queries.iter().map(rows).collect()
    }

    fn one(&self, statement: &Statement) -> Answer {
        let before = self.0.total_changes();
        let mut prepared = self.0.prepare(statement.sql)?;
        let columns = prepared.column_count();
        let cells = statement.params.iter().map(to_cell);
        let mut found = prepared.query(rusqlite::params_from_iter(cells))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            rows.push((0..columns).map(|i| to_value(row.get_unwrap(i))).collect());
        }
        if statement.reads {
            return Ok(Done::Rows(rows));
        }
        let changed = if self.0.total_changes() == before { 0 } else { self.0.changes() };
        let last_row_id = self.0.last_insert_rowid();
        Ok(Done::of(statement, Executed { rows_changed: changed, last_row_id }))
    }

    /// Runs an operation atomically, inside a transaction or not.
    pub(crate) fn run(&self, operation: &Operation, inside: bool) -> Answer {
        if matches!(operation, Operation::Many(_, rows) if rows.is_empty()) {
            return Ok(Done::Changed(0, None));
        }
        if inside && self.0.is_autocommit() {
            return Err(GONE);
        }
        match operation {
            // A failed statement leaves nothing, even one with `OR FAIL`.
            Operation::One(statement) => self.whole(inside, || self.one(statement)),
            Operation::Table(operation, statement) => {
                let done = self.whole(inside, || self.one(statement))?;
                let stores = matches!(operation, OnTable::Insert(..) | OnTable::Upsert(..));
                if stores && matches!(done, Done::Changed(0, _)) {
                    // A trigger skipped the row: there is no key to return.
                    return Err(Failure { what: Err(ErrorKind::NotFound), index: None });
                }
                Ok(done)
            }
            Operation::Batch(statements) => self.whole(inside, || {
                let mut each = Vec::new();
                for (index, statement) in statements.iter().enumerate() {
                    let done = self.one(&Statement { reads: false, ..statement.clone() });
                    if let Done::Changed(rows, _) = done.map_err(|failure| failure.at(index))? {
                        each.push(rows);
                    }
                }
                Ok(Done::Each(each))
            }),
            Operation::Many(sql, rows) => self.whole(inside, || {
                let mut sum = 0;
                for (index, row) in rows.iter().enumerate() {
                    let done = self.one(&Statement::writing(sql, row.clone()));
                    if let Done::Changed(rows, _) = done.map_err(|failure| failure.at(index))? {
                        sum += rows;
                    }
                }
                Ok(Done::Changed(sum, None))
            }),
            Operation::Transfer(transfers) => self.whole(inside, || {
                for (index, &(from, to, amount)) in transfers.iter().enumerate() {
                    for (key, change) in [(from, -amount), (to, amount)] {
                        let sql = "UPDATE accounts SET balance = balance + ?1 WHERE id = ?2";
                        let params = [Value::from(change), Value::from(key)];
                        let done = self.one(&Statement::writing(sql, params));
                        if done.map_err(|failure| failure.at(index))? == Done::Changed(0, None) {
                            let what = Err(ErrorKind::NotFound);
                            return Err(Failure { what, index: Some(index) });
                        }
                    }
                }
                Ok(Done::Nothing)
            }),
        }
    }

    fn whole(&self, inside: bool, work: impl FnOnce() -> Answer) -> Answer {
        let (begin, end) = if inside {
            ("SAVEPOINT whole", "RELEASE whole")
        } else {
            ("BEGIN IMMEDIATE", "COMMIT")
        };
        self.0.execute_batch(begin)?;
        let done = work().and_then(|done| {
            self.0.execute_batch(end)?;
            Ok(done)
        });
        if done.is_err() && !self.0.is_autocommit() {
            let undo = if inside { "ROLLBACK TO whole; RELEASE whole" } else { "ROLLBACK" };
            self.0.execute_batch(undo)?;
        }
        done
    }

    /// Runs `BEGIN`, `COMMIT`, `SAVEPOINT` and the like.
    pub(crate) fn control(&self, sql: &str) -> Result<(), Failure> {
        if !sql.starts_with("BEGIN") && self.0.is_autocommit() {
            // The requested rollback has happened already.
            return if sql == "ROLLBACK" { Ok(()) } else { Err(GONE) };
        }
        let done = self.0.execute_batch(sql);
        if sql == "COMMIT" && done.is_err() {
            self.0.execute_batch("ROLLBACK")?;
        }
        Ok(done?)
    }
}

impl Failure {
    fn at(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }
}

fn to_cell(value: &Value) -> Cell {
    match value.clone() {
        Value::Null => Cell::Null,
        Value::Integer(value) => Cell::Integer(value),
        Value::Real(value) => Cell::Real(value),
        Value::Text(value) => Cell::Text(value),
        Value::Blob(value) => Cell::Blob(value),
    }
}

fn to_value(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(value) => Value::Integer(value),
        Cell::Real(value) => Value::Real(value),
        Cell::Text(value) => Value::Text(value),
        Cell::Blob(value) => Value::Blob(value),
    }
}
