//! Which tables are virtual: what is written to them is no short work.
//!
//! A virtual table keeps its content in ordinary tables, by statements of its own, and does not
//! check each step of theirs. FTS5, for one, writes NULL where a part of its index is longer than
//! `SQLITE_LIMIT_LENGTH`, which short work lowers. So none of the bounds of short work may be in
//! force while one is written to.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::Connection;
use super::writes::Writes;
use crate::error::Result;

/// How many names are remembered.
const MOST: usize = 1024;

/// What is known of tables by their names.
#[derive(Debug, Default)]
pub(super) struct VirtualTables {
    /// The version of the schema that it is true for.
    schema: Option<i64>,
    known: HashMap<Box<str>, bool, RandomState>,
}

impl Connection {
    /// Whether a statement writes to a virtual table of the main database, or may do so.
    pub(super) fn writes_virtual(&mut self, writes: &Writes) -> bool {
        if writes.tables.is_empty() {
            return false;
        }
        self.handlers.shield(true);
        // What can't be found out is taken for one.
        let found = self.finds_virtual(&writes.tables).unwrap_or(true);
        self.handlers.shield(false);
        found
    }

    fn finds_virtual(&mut self, tables: &[Box<str>]) -> Result<bool> {
        let schema = self.integer("PRAGMA schema_version")?;
        if self.virtual_tables.schema != Some(schema) || self.virtual_tables.known.len() > MOST {
            self.virtual_tables = VirtualTables::default();
        }
        let mut any = false;
        for table in tables {
            any |= match self.virtual_tables.known.get(table) {
                Some(known) => *known,
                None => {
                    // It has no page of its own.
                    let sql = "SELECT 1 FROM main.sqlite_schema
                         WHERE type = 'table' AND rootpage = 0 AND name = ?1 COLLATE NOCASE";
                    let known = !self.rows(sql, &[table])?.is_empty();
                    self.virtual_tables.known.insert(table.clone(), known);
                    known
                }
            };
        }
        self.virtual_tables.schema = Some(schema);
        Ok(any)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::engine::Role;
    use crate::options::Options;
    use crate::program::{Fetch, Program, Step};

    fn program(sql: &str) -> Program<'_> {
        Program::one(Step::new(sql, (), Fetch::All))
    }

    fn run(connection: &mut Connection, sql: &str) {
        connection.run_whole(&program(sql)).unwrap();
    }

    #[test]
    fn what_a_virtual_table_writes_may_be_long_whatever_the_statement_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut writer = Connection::open(&path, &Options::default(), Role::Writer).unwrap();
        run(&mut writer, "CREATE VIRTUAL TABLE notes USING fts5 (body)");
        run(&mut writer, "CREATE TABLE plain (body TEXT)");
        let trigger = "CREATE TRIGGER copies AFTER INSERT ON plain BEGIN
             INSERT INTO notes (body) VALUES (upper(new.body)); END";
        for round in 0..60 {
            if round == 30 {
                run(&mut writer, trigger);
            }
            let long = format!("{round:04}x").repeat(3_000);
            run(&mut writer, &format!("INSERT INTO notes (body) VALUES ('{long}')"));
            let table = if round < 30 { "notes" } else { "plain" };
            let short = format!("INSERT INTO {table} (body) VALUES (upper('short {round}'))");
            assert!(writer.write_inline(&program(&short)).is_none(), "it is taken for short work");
            assert!(!writer.in_transaction());
            run(&mut writer, &short);
            run(&mut writer, "INSERT INTO notes (notes, rank) VALUES ('integrity-check', 1)");
        }
    }

    #[test]
    fn a_table_that_is_made_anew_is_what_it_is_now_whoever_has_made_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut writer = Connection::open(&path, &Options::default(), Role::Writer).unwrap();
        writer.record_commits(std::sync::Arc::default());
        let mut other = Connection::open(&path, &Options::default(), Role::Writer).unwrap();
        let insert = "INSERT INTO notes (body) VALUES ('text')";
        run(&mut writer, "CREATE TABLE notes (body TEXT)");
        for others in [false, true] {
            run(&mut writer, insert);
            writer.write_inline(&program(insert)).expect("it is short").unwrap();
            let maker = if others { &mut other } else { &mut writer };
            run(maker, "DROP TABLE notes");
            run(maker, "CREATE VIRTUAL TABLE notes USING fts5 (body)");
            for _ in 0..3 {
                assert!(writer.write_inline(&program(insert)).is_none(), "by another: {others}");
                run(&mut writer, insert);
            }
            run(&mut writer, "DROP TABLE notes");
            run(&mut writer, "CREATE TABLE notes (body TEXT)");
        }
    }
}
