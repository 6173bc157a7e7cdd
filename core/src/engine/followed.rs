//! The tables whose rows are followed, as a connection finds them in the schema.

use std::sync::Arc;

use super::Connection;
use super::changes::TableFacts;
use super::reads::{ListedColumn, ROWID_NAME};
use crate::changes::{Followed, Interest, TableInterest};
use crate::error::Result;
use crate::row::Row;

/// The tables of the main database, without views, and the columns of the ordinary ones; with the
/// virtual table that it is, or whose content it keeps: its name then begins with that of the other.
const COLUMNS: &str = "SELECT l.name, l.wr, x.name, x.cid, x.pk, x.hidden,
            CASE l.type WHEN 'virtual' THEN l.name WHEN 'shadow' THEN ifnull((
                SELECT v.name FROM pragma_table_list AS v
                 WHERE v.schema = 'main' AND v.type = 'virtual'
                   AND lower(substr(l.name, 1, length(v.name) + 1)) = lower(v.name || '_')
                 ORDER BY length(v.name) DESC), l.name) END
       FROM pragma_table_list AS l
       LEFT JOIN pragma_table_xinfo(iif(l.type = 'table', l.name, NULL), 'main') AS x
      WHERE l.schema = 'main' AND l.type <> 'view' AND substr(l.name, 1, 7) <> 'sqlite_'
      ORDER BY l.name, x.cid";

impl Connection {
    /// Returns what is wanted with the tables that are followed, and what is to be known of each
    /// table.
    pub(super) fn facts_of_all(
        &mut self,
        asked: Arc<Interest>,
    ) -> (Arc<Interest>, Vec<TableFacts>) {
        let listed = if asked.followed == Followed::None {
            Vec::new()
        } else {
            self.handlers.shield(true);
            let rows = self.rows(COLUMNS, &[]);
            self.handlers.shield(false);
            // Without them, a change of any table may be one of all.
            rows.unwrap_or_default()
        };
        let mut tables = asked.tables().to_vec();
        let mut found = Vec::new();
        for rows in listed.chunk_by(|row, next| row.get::<&str>(0).ok() == next.get(0).ok()) {
            if let Ok(Some(table)) = Listed::of(rows)
                && asked.followed.has(table.owner.unwrap_or(table.name))
            {
                let facts = table.add_to(&mut tables);
                found.push(facts);
            }
        }
        let facts = |(position, table)| {
            let known = found.iter_mut().find(|(place, _)| *place == position);
            known.map_or_else(|| self.facts_of(table), |(_, facts)| std::mem::take(facts))
        };
        let facts = tables.iter().enumerate().map(facts).collect();
        let interest =
            if found.is_empty() { asked } else { Arc::new(Interest::following(asked, tables)) };
        (interest, facts)
    }
}

/// A table as SQLite lists it.
struct Listed<'r> {
    name: &'r str,
    without_rowid: bool,
    /// The virtual table whose content it keeps, or that it is.
    owner: Option<&'r str>,
    columns: Vec<ListedColumn<'r>>,
}

impl<'r> Listed<'r> {
    /// Reads the rows of one table.
    fn of(rows: &'r [Row]) -> Result<Option<Self>> {
        let Some(first) = rows.first() else { return Ok(None) };
        let owner = first.get::<Option<&str>>(6)?;
        let mut columns = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|_| owner.is_none()) {
            columns.push(ListedColumn {
                name: row.get(2)?,
                index: row.get(3)?,
                key: row.get(4)?,
                stored: row.get::<i64>(5)? == 0,
            });
        }
        Ok(Some(Self { name: first.get(0)?, without_rowid: first.get(1)?, owner, columns }))
    }

    /// Adds what is wanted of it. Returns its position, and what is to be known of it.
    fn add_to(self, tables: &mut Vec<TableInterest>) -> (usize, TableFacts) {
        let known = tables.iter().position(|table| *table.name == *self.name);
        let position = known.unwrap_or_else(|| {
            tables.push(TableInterest { name: self.name.into(), ..TableInterest::default() });
            tables.len() - 1
        });
        let table = &mut tables[position];
        if self.owner.is_some() {
            table.owner = self.owner.map(Box::from);
            return (position, TableFacts { is_virtual: true, ..TableFacts::default() });
        }
        table.every_column = true;
        let ranked = |rank| self.columns.iter().find(|column| column.key == rank);
        let mut names: Vec<_> = (1..).map_while(ranked).map(|column| column.name).collect();
        // A column of that name hides the rowid: such a table's rows have no key.
        if names.is_empty() && self.columns.iter().all(|column| column.name != ROWID_NAME) {
            names.push(ROWID_NAME);
        }
        for name in names {
            let column = place(&mut table.columns, |it| **it == *name, || name.into());
            let value = place(&mut table.values, |it| *it == column, || column);
            table.key.push(value);
        }
        let facts = TableFacts::of(table, self.without_rowid, &self.columns);
        (position, facts)
    }
}

/// Returns the position of an item, which is added if there is none yet.
fn place<T>(items: &mut Vec<T>, same: impl FnMut(&T) -> bool, new: impl FnOnce() -> T) -> usize {
    items.iter().position(same).unwrap_or_else(|| {
        items.push(new());
        items.len() - 1
    })
}
