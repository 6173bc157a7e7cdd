//! A commit as those are told of it who follow commits.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::changes::{Commit, RowChange, RowChangeKind, TableChange};
use crate::row::fingerprint;
use crate::value::Value;

/// The most changes of one table's rows that are kept for a reader that does not ask.
const MOST_ROWS: usize = 1024;

/// What a commit has changed, from [`Database::commits`](crate::Database::commits).
///
/// Writes that share a commit are one event. So are the last commits of many that came while the
/// reader did not ask: then it has what all of them have changed.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct CommitEvent {
    /// The number of commits of this database so far, counted since its first feed or watch.
    /// Each event has a larger one. A result of a watch with the same
    /// [`moment`](crate::Update::moment), or a larger one, contains the commit.
    pub moment: u64,
    /// The tables that are known to have changed. A virtual table stands for the tables that keep
    /// its content. Those of SQLite itself, temporary and attached ones are never among them.
    pub tables: Vec<ChangedTable>,
    /// Anything may have changed, also what is not among `tables`: after a commit of others, a
    /// change of the schema, a statement that acts on the file as a whole, and for what was under
    /// way when this feed, or another or a watch, began.
    pub everything: bool,
    /// The schema may have changed.
    pub schema: bool,
    /// Others have committed, or may have: another process, or another database object on the file.
    /// What they changed is not known.
    pub external: bool,
}

/// A table that a commit has changed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ChangedTable {
    /// Its name, as spelled in the schema.
    pub name: String,
    /// The rows that have changed, each once. `None`: any of them may have. So it is if there are
    /// more than 1024 of them, after a `DELETE` of all rows, or any `DELETE` in a script, for a
    /// virtual table, and where SQLite does not report rows (see
    /// [`Capabilities`](crate::Capabilities)).
    pub rows: Option<Vec<ChangedRow>>,
}

/// A row that a commit has changed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ChangedRow {
    /// What happened to it. A row whose key has changed is one that is gone and one that is new.
    pub kind: RowChangeKind,
    /// The values of its primary key in their order, or its rowid if the table has no such key: what
    /// [`Table::get`](crate::Table::get) takes.
    pub key: Vec<Value>,
}

impl CommitEvent {
    /// What a commit has changed in the tables that are followed.
    pub(super) fn of(commit: &Commit, moment: u64) -> Self {
        let Commit { everything, schema, external, .. } = *commit;
        let mut event = Self { moment, tables: Vec::new(), everything, schema, external };
        for change in &commit.tables {
            let Some(interest) = commit.interest.tables().get(change.table) else { continue };
            let name = interest.owner.as_ref().unwrap_or(&interest.name);
            let known = !change.whole && interest.owner.is_none() && !interest.key.is_empty();
            let rows = known.then(|| rows_of(change, &interest.key));
            event.add(ChangedTable { name: name.to_string(), rows });
        }
        event
    }

    /// The same without all but these tables; `None`: nothing is left.
    pub(super) fn only(&self, tables: Option<&[Box<str>]>) -> Option<Self> {
        let wanted = |table: &&ChangedTable| match tables {
            None => true,
            Some(names) => names.iter().any(|name| name.eq_ignore_ascii_case(&table.name)),
        };
        let tables: Vec<_> = self.tables.iter().filter(wanted).cloned().collect();
        let something = self.everything || self.schema || !tables.is_empty();
        something.then_some(Self { tables, ..*self })
    }

    /// Adds what a later commit has changed.
    pub(super) fn join(&mut self, later: Self) {
        self.moment = later.moment;
        self.everything |= later.everything;
        self.schema |= later.schema;
        self.external |= later.external;
        later.tables.into_iter().for_each(|table| self.add(table));
    }

    fn add(&mut self, table: ChangedTable) {
        let Some(known) = self.tables.iter_mut().find(|known| known.name == table.name) else {
            return self.tables.push(table);
        };
        known.rows = match (known.rows.take(), table.rows) {
            // One row that changes all the time is one row.
            (Some(rows), Some(more)) if more.len() == 1 && rows.last() == more.first() => {
                Some(rows)
            }
            // A table made anew may have another key.
            (Some(mut rows), Some(more))
                if rows.len() + more.len() <= MOST_ROWS && width(&rows) == width(&more) =>
            {
                rows.extend(more);
                Some(rows)
            }
            _ => None,
        };
    }

    /// Leaves each row once, with what happened to it in all.
    pub(super) fn settle(&mut self) {
        for rows in self.tables.iter_mut().filter_map(|table| table.rows.as_mut()) {
            if rows.len() > 1 {
                settle(rows);
            }
        }
    }
}

/// Returns how many values the keys of these rows have.
fn width(rows: &[ChangedRow]) -> Option<usize> {
    rows.first().map(|row| row.key.len())
}

/// Returns the rows that changed, in the order of the changes.
fn rows_of(change: &TableChange, key: &[usize]) -> Vec<ChangedRow> {
    let mut rows = Vec::with_capacity(change.rows.len());
    for RowChange { kind, old, new, .. } in &change.rows {
        let keys = [old, new].map(|values| -> Vec<Value> {
            key.iter().filter_map(|at| values.get(*at).cloned()).collect()
        });
        let moved = *kind == RowChangeKind::Update && keys[0] != keys[1];
        for (key, alone) in keys.into_iter().zip([RowChangeKind::Delete, RowChangeKind::Insert]) {
            if moved || *kind == alone {
                rows.push(ChangedRow { kind: alone, key });
            } else if *kind == RowChangeKind::Update && alone == RowChangeKind::Insert {
                rows.push(ChangedRow { kind: *kind, key });
            }
        }
    }
    rows
}

fn settle(rows: &mut Vec<ChangedRow>) {
    let mut places = HashMap::<Vec<u8>, Vec<usize>, RandomState>::default();
    let mut settled: Vec<ChangedRow> = Vec::with_capacity(rows.len());
    for row in rows.drain(..) {
        let place = places.entry(fingerprint(row.key.iter().map(Value::as_ref))).or_default();
        match place.first() {
            Some(place) => settled[*place].kind = after(settled[*place].kind, row.kind),
            None => {
                place.push(settled.len());
                settled.push(row);
            }
        }
    }
    *rows = settled;
}

/// What happened to a row to which first one thing happened and then another. One that came and
/// went is gone.
fn after(first: RowChangeKind, then: RowChangeKind) -> RowChangeKind {
    use RowChangeKind::{Delete, Insert, Update};
    match (first, then) {
        (Insert, Update | Insert) => Insert,
        (_, Delete) => Delete,
        (Update | Delete, Insert | Update) => Update,
    }
}

#[cfg(test)]
mod tests {
    use super::RowChangeKind::{Delete, Insert, Update};
    use super::*;

    fn table(name: &str, rows: &[(RowChangeKind, i64)]) -> ChangedTable {
        let row = |(kind, key): &(_, i64)| ChangedRow { kind: *kind, key: vec![(*key).into()] };
        ChangedTable { name: name.into(), rows: Some(rows.iter().map(row).collect()) }
    }

    fn event(moment: u64, tables: Vec<ChangedTable>) -> CommitEvent {
        CommitEvent { moment, tables, ..CommitEvent::default() }
    }

    #[test]
    fn commits_together_are_what_happened_to_each_row_in_all() {
        for (first, then, all) in [
            (Insert, Update, Insert),
            (Insert, Delete, Delete),
            (Update, Update, Update),
            (Update, Delete, Delete),
            (Delete, Insert, Update),
        ] {
            let mut both = event(1, vec![table("t", &[(first, 1), (Update, 2)])]);
            both.join(event(2, vec![table("t", &[(then, 1)]), table("u", &[(Insert, 1)])]));
            both.settle();
            let tables = vec![table("t", &[(all, 1), (Update, 2)]), table("u", &[(Insert, 1)])];
            assert_eq!(both, event(2, tables), "{first:?}, {then:?}");
        }
    }

    #[test]
    fn of_too_many_rows_the_table_is_left() {
        let mut all = event(0, Vec::new());
        for key in 0..1024 {
            all.join(event(1, vec![table("t", &[(Update, key)])]));
            assert!(all.tables[0].rows.is_some(), "{key}");
        }
        // The same row again is no more.
        all.join(event(2, vec![table("t", &[(Update, 1023)])]));
        assert_eq!(all.tables[0].rows.as_ref().unwrap().len(), 1024);
        all.join(event(3, vec![table("t", &[(Update, 0)]), table("u", &[(Update, 0)])]));
        assert_eq!(all.tables[0].rows, None);
        all.join(event(4, vec![table("t", &[(Update, 5)])]));
        assert_eq!(all.tables[0].rows, None, "it stays so");
        assert_eq!(all.tables[1].rows.as_ref().unwrap().len(), 1);
    }
}
