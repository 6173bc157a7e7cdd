//! What a query returns, in a form that is quick to compare; and what is true.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use rusqlite::Connection;
use ubiqlite::{Update, ValueRef};

use crate::schema::Watched;
use crate::writer::PATIENCE;

/// What a query returns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum QueryResult {
    /// How many rows, and a hash of them.
    Rows(u64, u64),
    /// An error: a table or a column is gone.
    Error,
}

/// Takes rows one by one.
struct Digest {
    ordered: bool,
    rows: u64,
    sum: u64,
}

impl Digest {
    fn new(ordered: bool) -> Self {
        Self { ordered, rows: 0, sum: 0 }
    }

    fn row<'v>(&mut self, cells: impl Iterator<Item = ValueRef<'v>>) {
        let mut hasher = DefaultHasher::new();
        for cell in cells {
            match cell {
                ValueRef::Null => 0_u8.hash(&mut hasher),
                ValueRef::Integer(value) => (1_u8, value).hash(&mut hasher),
                ValueRef::Real(value) => (2_u8, value.to_bits()).hash(&mut hasher),
                ValueRef::Text(value) => (3_u8, value).hash(&mut hasher),
                ValueRef::Blob(value) => (4_u8, value).hash(&mut hasher),
            }
        }
        if self.ordered {
            self.sum.hash(&mut hasher);
            self.sum = hasher.finish();
        } else {
            self.sum = self.sum.wrapping_add(hasher.finish());
        }
        self.rows += 1;
    }

    fn result(self) -> QueryResult {
        QueryResult::Rows(self.rows, self.sum)
    }
}

impl QueryResult {
    pub(crate) fn of(watched: &Watched, update: &Update) -> Self {
        let mut digest = Digest::new(watched.ordered);
        for row in update.iter() {
            digest.row(row.iter().map(|(_, value)| value));
        }
        digest.result()
    }
}

/// A connection that knows nothing of the library, and tells what is true.
pub(crate) struct Truth(Connection);

impl Truth {
    pub(crate) fn of(path: &Path) -> Self {
        let db = Connection::open(path).unwrap();
        db.busy_timeout(PATIENCE).unwrap();
        Self(db)
    }

    /// Runs all queries in one read.
    pub(crate) fn results<'w>(&self, all: impl Iterator<Item = &'w Watched>) -> Vec<QueryResult> {
        self.0.execute_batch("BEGIN").unwrap();
        let results = all.map(|it| self.result(it).unwrap_or(QueryResult::Error)).collect();
        self.0.execute_batch("COMMIT").unwrap();
        results
    }

    fn result(&self, watched: &Watched) -> rusqlite::Result<QueryResult> {
        let mut statement = self.0.prepare(&watched.sql)?;
        let mut rows = statement.query(())?;
        let mut digest = Digest::new(watched.ordered);
        while let Some(row) = rows.next()? {
            let columns = row.as_ref().column_count();
            digest.row((0..columns).map(|column| match row.get_ref(column).unwrap() {
                rusqlite::types::ValueRef::Null => ValueRef::Null,
                rusqlite::types::ValueRef::Integer(value) => ValueRef::Integer(value),
                rusqlite::types::ValueRef::Real(value) => ValueRef::Real(value),
                rusqlite::types::ValueRef::Text(value) => ValueRef::Text(value),
                rusqlite::types::ValueRef::Blob(value) => ValueRef::Blob(value),
            }));
        }
        Ok(digest.result())
    }

    /// Returns what is wrong with the file, or "ok".
    pub(crate) fn integrity(&self) -> String {
        self.0.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap()
    }

    /// Returns a number that is another one after a commit of any other connection.
    pub(crate) fn version(&self) -> i64 {
        self.0.query_row("PRAGMA data_version", (), |row| row.get(0)).unwrap()
    }
}
