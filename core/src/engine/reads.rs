//! What a query depends on, and what is to be known of a table to tell how its rows change.

use std::collections::BTreeMap;

use super::Connection;
use super::authorizer::{Admit, Class};
use super::changes::{ROWID, TableFacts};
use super::collect::collect;
use super::key_lookup::{Instruction, Lookup, WantedRows, lookups};
use super::pages::noted;
use super::statement::Statement;
use super::writes::ReadColumn;
use std::sync::Arc;

use crate::changes::{Reads, RowFilter, TableInterest, TableRead, Term};
use crate::error::{Error, ErrorKind, Result};
use crate::program::{Fetch, Step, StepOutcome};
use crate::row::Row;
use crate::sql::Params;

/// Functions in the form of a table that depend on their arguments alone.
const PURE: &[&str] = &["json_each", "json_tree", "generate_series"];

/// Modules whose tables keep all that they return in ordinary tables of their own.
const SHADOWED: &[&str] = &["fts3", "fts4", "fts5", "rtree", "rtree_i32", "geopoly", "vec0"];

/// Modules that keep nothing in memory from one statement to the next.
const UNCACHED: &[&str] = &["rtree", "rtree_i32", "geopoly"];

/// What the authorizer calls the rowid of a table without a name for it.
pub(super) const ROWID_NAME: &str = "ROWID";

/// A column as SQLite lists it.
#[derive(Debug)]
pub(super) struct ListedColumn<'r> {
    pub(super) name: &'r str,
    pub(super) index: i32,
    /// Its place in the primary key, from 1; 0: it is not in there.
    pub(super) key: i64,
    /// Its values are stored, and not generated from others.
    pub(super) stored: bool,
}

impl Connection {
    /// Runs a query, and returns with its rows what it depends on.
    ///
    /// # Errors
    /// `Unsupported` for a statement that is no query of the database file.
    pub(super) fn run_watched(&mut self, step: &Step<'_>) -> Result<StepOutcome> {
        let (nature, readonly) = self.inspect(&step.sql)?;
        if !readonly || nature.class != Class::Plain || nature.asks {
            return Err(refused("this statement does not only read the database"));
        }
        // What SQLite knows about the schema may be older than the file, and it checks that only
        // when a statement runs: the query would be learned of the old one, and run on the new one.
        self.control("SELECT 1 FROM sqlite_schema LIMIT 1")?;
        let tables = self.learn_reads(&step.sql, &step.params)?;
        let mut outcome = self.run_paged(step, &tables.beside)?;
        outcome.reads.get_or_insert_default().tables = Some(tables);
        Ok(outcome)
    }

    /// Runs a query, and returns with its rows which pages it and those beside it read, if they can
    /// be known.
    pub(super) fn run_paged(
        &mut self,
        step: &Step<'_>,
        beside: &[Box<str>],
    ) -> Result<StepOutcome> {
        let cache = self.page_cache();
        let run = || {
            let outcome = self.run_once(&step.sql, &step.params, Fetch::All, None)?;
            for sql in beside {
                self.run_once(sql, &Params::new(), Fetch::All, None)?;
            }
            Ok::<_, Error>(outcome)
        };
        let (outcome, reads) = noted(cache, run);
        Ok(StepOutcome { reads, ..outcome? })
    }

    /// Returns what a query depends on.
    fn learn_reads(&mut self, sql: &str, params: &Params) -> Result<Reads> {
        let (raw, authorizer, admit) = (self.raw, &self.authorizer, self.admits());
        // SAFETY: the connection is open and this thread alone uses it.
        let ((statement, _), columns) =
            authorizer.learn_reads(|| unsafe { Statement::prepare(raw, authorizer, admit, sql) });
        drop(statement?);
        let mut reads = Reads::default();
        let mut tables = BTreeMap::<Box<str>, Option<Vec<Box<str>>>>::new();
        for ReadColumn { database, table, column } in columns {
            if database.as_deref().is_some_and(|name| name != "main") {
                return Err(refused("it reads a temporary or attached table"));
            }
            let known = tables.entry(table).or_insert_with(|| Some(Vec::new()));
            if let Some(known) = known
                && !column.is_empty()
                && !known.contains(&column)
            {
                known.push(column);
            }
        }
        for (table, columns) in tables {
            self.add_table(&mut reads, table, columns)?;
        }
        // What SQLite chooses can depend on the values.
        let program = self.rows_of(&format!("EXPLAIN {sql}"), params)?;
        let program = program.iter().map(Instruction::of).collect::<Result<Vec<_>>>()?;
        let opened: Vec<_> = program.iter().filter_map(Instruction::opens).collect();
        self.add_indexes(&mut reads, &opened)?;
        if let Some(lookups) = lookups(&program, params) {
            reads.filters = self.filters_of(lookups)?.into();
        }
        reads.shrink();
        Ok(reads)
    }

    fn add_table(
        &mut self,
        reads: &mut Reads,
        name: Box<str>,
        columns: Option<Vec<Box<str>>>,
    ) -> Result<()> {
        if name.starts_with("sqlite_") {
            // What SQLite writes there calls no hook. The schema is told by its version, and the
            // other tables by their pages.
            reads.anything = true;
            return Ok(());
        }
        let found = self.rows(
            "SELECT l.type, s.sql FROM pragma_table_list(?1) AS l
               LEFT JOIN sqlite_schema AS s ON s.name = l.name AND s.type = 'table'
              WHERE l.schema = 'main'",
            &[&name],
        )?;
        let Some(row) = found.first() else {
            // A table-valued function, or a name inside the query itself.
            let reads_more = self.is_module(&name)? && !PURE.contains(&&*name);
            reads.anything |= reads_more;
            reads.is_virtual |= reads_more;
            return Ok(());
        };
        let kind = row.get::<&str>(0)?;
        match kind {
            "view" => {}
            "virtual" => {
                let sql = row.get::<Option<&str>>(1)?.unwrap_or_default().to_ascii_lowercase();
                let module = sql.split("using").nth(1).unwrap_or_default().trim_start();
                let end = module.find(|it: char| !it.is_alphanumeric() && it != '_');
                let module = &module[..end.unwrap_or(module.len())];
                // With `content=`, FTS reads the rows of another table.
                let content = sql.contains("content");
                reads.anything |= !SHADOWED.contains(&module) || content;
                match module {
                    "fts5" if !content => reads.beside.extend(kept_by_fts5(&name)?),
                    _ if UNCACHED.contains(&module) => {}
                    _ => reads.is_virtual = true,
                }
                let shadows = self.rows(
                    "SELECT name FROM pragma_table_list WHERE type = 'shadow' AND schema = 'main'
                        AND substr(name, 1, length(?1) + 1) = ?1 || '_'",
                    &[&name],
                )?;
                for shadow in shadows {
                    let name = shadow.get::<&str>(0)?.into();
                    reads.tables.push(TableRead { name, columns: None });
                }
                reads.tables.push(TableRead { name, columns: None });
            }
            _ => reads.tables.push(TableRead { name, columns }),
        }
        Ok(())
    }

    /// Adds the columns of the indexes that the query goes through: without `ORDER BY`, they decide
    /// in which order its rows come.
    fn add_indexes(&mut self, reads: &mut Reads, opened: &[i64]) -> Result<()> {
        let used = self.rows(
            &format!(
                "SELECT s.tbl_name, s.name, (SELECT l.partial FROM pragma_index_list(s.tbl_name, 'main') AS l
                          WHERE l.name = s.name)
                   FROM sqlite_schema AS s WHERE s.type = 'index' AND s.rootpage IN ({})",
                listed(opened)
            ),
            &[],
        )?;
        for row in used {
            let (table, index) = (row.get::<&str>(0)?, row.get::<&str>(1)?);
            let Some(read) = reads.tables.iter_mut().find(|it| *it.name == *table) else {
                continue;
            };
            let partial = row.get::<Option<bool>>(2)?.unwrap_or(true);
            let parts =
                self.rows("SELECT cid, name FROM pragma_index_xinfo(?1, 'main')", &[index])?;
            for part in parts {
                let column = part.get::<Option<&str>>(1)?;
                match (&mut read.columns, column) {
                    // The rowid, which tells by itself when it changes.
                    _ if part.get::<i64>(0)? == -1 => {}
                    (Some(known), Some(column)) if !partial => {
                        if !known.iter().any(|it| **it == *column) {
                            known.push(column.into());
                        }
                    }
                    // An expression, or a condition that other columns decide.
                    (columns, _) => *columns = None,
                }
            }
        }
        Ok(())
    }

    /// Returns which rows a query can read of the tables in which it looks rows up once.
    fn filters_of(&mut self, lookups: Vec<Lookup>) -> Result<Vec<Arc<RowFilter>>> {
        let mut by_table = BTreeMap::<Box<str>, Vec<(Row, Option<WantedRows>)>>::new();
        for Lookup { root, rows } in lookups {
            let used =
                format!("SELECT type, name, tbl_name FROM sqlite_schema WHERE rootpage = {root}");
            // SQLite's own table, which no row of this stands for, has no filter.
            let Some(used) = self.rows(&used, &[])?.into_iter().next() else { continue };
            by_table.entry(used.get::<&str>(2)?.into()).or_default().push((used, rows));
        }
        let mut filters = Vec::new();
        for (table, mut lookups) in by_table {
            let only = lookups.pop().filter(|_| lookups.is_empty());
            if let Some((used, Some(rows))) = only {
                filters.extend(self.filter_of(table, &used, rows)?.map(Arc::new));
            }
        }
        Ok(filters)
    }

    /// Returns which rows of a table a query can read: those with one value of one column.
    fn filter_of(
        &mut self,
        table: Box<str>,
        used: &Row,
        rows: WantedRows,
    ) -> Result<Option<RowFilter>> {
        let WantedRows { by_rowid, wanted } = rows;
        let (kind, name) = (used.get::<&str>(0)?, used.get::<&str>(1)?);
        let column = match (kind, by_rowid) {
            ("table", true) => {
                // One that is called so would be taken for the rowid.
                let named = "SELECT name FROM pragma_table_xinfo(?1) WHERE lower(name) = 'rowid'";
                let named = self.name_in(named, name)?;
                named.is_none().then(|| ROWID_NAME.into())
            }
            ("table", false) => {
                self.name_in("SELECT name FROM pragma_table_info(?1) WHERE pk = 1", name)?
            }
            _ => {
                let first =
                    "SELECT name FROM pragma_index_xinfo(?1, 'main') WHERE seqno = 0 AND cid >= 0";
                self.name_in(first, name)?
            }
        };
        Ok(column.map(|column| RowFilter { table, terms: vec![Term { column, test: wanted }] }))
    }

    fn name_in(&mut self, sql: &str, name: &str) -> Result<Option<Box<str>>> {
        let rows = self.rows(sql, &[name])?;
        let text = rows.first().map(|row| row.get::<Option<&str>>(0)).transpose()?.flatten();
        Ok(text.map(Into::into))
    }

    fn is_module(&mut self, name: &str) -> Result<bool> {
        let found = self.rows("SELECT 1 FROM pragma_module_list WHERE name = ?1", &[name])?;
        Ok(!found.is_empty() || name.starts_with("pragma_"))
    }

    /// Returns what is to be known of a table to tell how its rows change.
    pub(super) fn facts_of(&mut self, table: &TableInterest) -> TableFacts {
        self.handlers.shield(true);
        let facts = self.read_facts(table);
        self.handlers.shield(false);
        // Without them, any change of the table counts for all of it.
        facts.unwrap_or_else(|_| TableFacts { is_virtual: true, ..TableFacts::default() })
    }

    fn read_facts(&mut self, table: &TableInterest) -> Result<TableFacts> {
        let list = "SELECT type = 'virtual', wr FROM pragma_table_list(?1) WHERE schema = 'main'";
        let kind = self.rows(list, &[&table.name])?;
        let (is_virtual, without_rowid) = match kind.first() {
            Some(row) => (row.get(0)?, row.get::<bool>(1)?),
            None => (true, false),
        };
        let columns = self.rows(
            "SELECT name, cid, pk, hidden FROM pragma_table_xinfo(?1, 'main') ORDER BY cid",
            &[&table.name],
        )?;
        let mut listed = Vec::with_capacity(columns.len());
        for column in &columns {
            listed.push(ListedColumn {
                name: column.get(0)?,
                index: column.get(1)?,
                key: column.get(2)?,
                stored: column.get::<i64>(3)? == 0,
            });
        }
        Ok(TableFacts { is_virtual, ..TableFacts::of(table, without_rowid, &listed) })
    }

    /// Returns the rows of a query of this library's own.
    pub(super) fn rows(&mut self, sql: &str, texts: &[&str]) -> Result<Vec<Row>> {
        let mut params = Params::new();
        for text in texts {
            params.push(*text);
        }
        self.rows_of(sql, &params)
    }

    fn rows_of(&mut self, sql: &str, params: &Params) -> Result<Vec<Row>> {
        // SAFETY: the connection is open and this thread alone uses it.
        let (statement, _) =
            unsafe { Statement::prepare(self.raw, &self.authorizer, Admit::Everything, sql) };
        let mut statement = statement?;
        // SAFETY: the parameters outlive the statement's run.
        let rows = unsafe { statement.bind(params) }
            .and_then(|()| collect(&mut statement, Fetch::All, None));
        statement.reset();
        Ok(rows?.into_iter().collect())
    }
}

impl TableFacts {
    /// What is to be known of an ordinary table with these columns.
    pub(super) fn of(
        table: &TableInterest,
        without_rowid: bool,
        columns: &[ListedColumn<'_>],
    ) -> Self {
        let mut facts =
            Self { count: i32::try_from(columns.len()).unwrap_or(0), ..Self::default() };
        facts.columns =
            table.columns.iter().map(|it| (**it == *ROWID_NAME).then_some(ROWID)).collect();
        for column in columns {
            if without_rowid && column.key > 0 {
                facts.keys.push(column.index);
            }
            // A generated column, whose value is not stored, differs with any other.
            let stored = column.stored.then_some(column.index);
            match table.columns.iter().position(|it| **it == *column.name) {
                Some(position) => facts.columns[position] = stored,
                None if table.every_column => facts.rest.extend(stored),
                None => {}
            }
        }
        facts
    }
}

/// Returns queries of what FTS5 keeps in memory between statements: where the parts of its index are
/// (the record 10), the totals (1) and the configuration. Each change of its index writes the first.
/// <https://sqlite.org/fts5.html#the_structure_record_format>
fn kept_by_fts5(table: &str) -> Result<[Box<str>; 2]> {
    let named = |suffix: &str| {
        let mut name = String::new();
        crate::sql::quote_into(&mut name, &format!("{table}{suffix}"))?;
        Ok::<_, Error>(name)
    };
    Ok([
        format!("SELECT block FROM {} WHERE id IN (1, 10)", named("_data")?).into(),
        format!("SELECT * FROM {}", named("_config")?).into(),
    ])
}

fn listed(roots: &[i64]) -> String {
    roots.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("it can't be watched: {why}"))
}
