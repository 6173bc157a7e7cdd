//! What a statement reads and writes, as SQLite's authorizer reports while it compiles it.

use std::ffi::CStr;

use crate::ffi;

/// What a statement may change, its triggers and foreign keys included.
#[derive(Debug, Clone, Default)]
pub(super) struct Writes {
    /// The tables.
    pub(super) tables: Vec<Box<str>>,
    /// The tables that rows are deleted from.
    pub(super) deletes: Vec<Box<str>>,
    /// It writes to tables of temporary or attached databases.
    pub(super) elsewhere: bool,
    pub(super) schema: bool,
    /// It acts on the file as a whole.
    pub(super) everything: bool,
    /// It is a `PRAGMA`.
    pub(super) pragma: bool,
    /// The table that it drops.
    pub(super) dropped: Option<Box<str>>,
}

/// A column that a statement reads: of which database, table and name. Without a column, the table
/// is read but none of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadColumn {
    pub(super) database: Option<Box<str>>,
    pub(super) table: Box<str>,
    pub(super) column: Box<str>,
}

impl Writes {
    /// Adds what SQLite's authorizer was asked about.
    /// It counts only in the main database.
    pub(super) fn add(&mut self, action: std::ffi::c_int, first: &CStr, elsewhere: bool) {
        match action {
            ffi::SQLITE_INSERT | ffi::SQLITE_UPDATE | ffi::SQLITE_DELETE if elsewhere => {
                self.elsewhere = true;
                return;
            }
            _ if elsewhere => return,
            ffi::SQLITE_INSERT | ffi::SQLITE_UPDATE | ffi::SQLITE_DELETE => {}
            ffi::SQLITE_ALTER_TABLE
            | ffi::SQLITE_ANALYZE
            | ffi::SQLITE_REINDEX
            | ffi::SQLITE_CREATE_VTABLE
            | ffi::SQLITE_DROP_VTABLE => {
                self.schema = true;
                return;
            }
            ffi::SQLITE_PRAGMA => {
                self.pragma = true;
                return;
            }
            ffi::SQLITE_DROP_TABLE => {
                self.dropped = Some(Box::from(&*first.to_string_lossy()));
                return;
            }
            _ => return,
        }
        let table = first.to_string_lossy();
        if matches!(&*table, "sqlite_master" | "sqlite_schema") {
            self.schema = true;
            return;
        }
        if action == ffi::SQLITE_DELETE {
            self.deletes.push(Box::from(&*table));
        }
        if !self.tables.iter().any(|known| **known == *table) {
            self.tables.push(Box::from(&*table));
        }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty() && !self.schema && !self.everything
    }
}
