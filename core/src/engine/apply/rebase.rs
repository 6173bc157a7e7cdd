//! What waits in the outbox, made to stand on what was applied.
//!
//! What waits is the difference between what the others have, once they have got all that was
//! applied here, and what is here. It stays so whatever a policy has decided, and whatever could
//! not be applied: of each row that both sides have changed, or that could not be taken, it is
//! known how the others have it now, and the difference to the row here is what they are sent.
//! When nothing waits anywhere, all have the same.

use std::collections::HashMap;

use super::Connection;
use super::conflicts::Applying;
use crate::engine::outbox::{Start, TableShape, key_of, keys_of, push_net, select};
use crate::error::Result;
use crate::sync::{Change, Item, Operation, Reader, encode_header};
use crate::value::ValueRef;

/// A row whose difference is sent.
struct Waiting<'b> {
    /// How the others have it, as far as that is known to differ from here.
    there: Start<'b>,
    key: Vec<ValueRef<'b>>,
    /// Its entry, if it waits already.
    entry: Option<&'b [u8]>,
    /// What was applied has changed it.
    met: bool,
}

/// The rows of one table, in the order of their entries.
#[derive(Default)]
struct Table<'b> {
    keys: &'b [u8],
    order: Vec<Vec<u8>>,
    rows: HashMap<Vec<u8>, Waiting<'b>>,
}

impl Connection {
    /// Makes what waits in the outbox stand on a change set that was applied. Returns whether it is
    /// another than before.
    pub(super) fn rebase_outbox(&mut self, applied: &[u8], applying: &Applying) -> Result<bool> {
        let (pending, single) = self.pending()?.unwrap_or_else(|| (Vec::new(), true));
        let blocked = applying.blocked.iter().any(|it| self.is_recorded(&it.table));
        if pending.is_empty() && single && !blocked {
            return Ok(false);
        }
        let mut waiting = read(&pending)?;
        for (name, table) in waiting.iter_mut() {
            // Another row may be gone for theirs than the one of the same key.
            if applying.conflicts.iter().any(|it| it.table == *name) {
                table.rows.values_mut().for_each(|row| row.met = true);
            }
        }
        self.meet(&mut waiting, applied, applying)?;
        let met = waiting.iter().any(|(_, table)| table.rows.values().any(|row| row.met));
        // Of several, one may change a row and the next undo that: neither stands on a change of
        // theirs, and both together need not.
        if !met && single {
            return Ok(false);
        }
        let mut after = Vec::new();
        for (name, table) in &waiting {
            self.push_table(&mut after, name, table)?;
        }
        if single && after == pending {
            return Ok(false);
        }
        self.replace_pending(&after)?;
        Ok(true)
    }

    /// Notes how the others have the rows that were applied.
    fn meet<'b>(
        &self,
        waiting: &mut Vec<(&'b str, Table<'b>)>,
        applied: &'b [u8],
        applying: &Applying,
    ) -> Result<()> {
        let mut reader = Reader::new(applied);
        let (mut at, mut keys, mut name) = (None, &[][..], "");
        let mut blocked = HashMap::new();
        while let Some(item) = reader.next()? {
            let change = match item {
                Item::Table(header) => {
                    (keys, name) = (header.keys, header.name);
                    at = waiting.iter().position(|(it, _)| *it == name);
                    blocked.clear();
                    if self.is_recorded(name) {
                        let of_table = applying.blocked.iter().filter(|it| *it.table == *name);
                        blocked.extend(of_table.map(|it| (&it.key[..], it.inserted)));
                    }
                    continue;
                }
                Item::Change(change) => change,
            };
            if at.is_none() && blocked.is_empty() {
                continue;
            }
            let key = key_of(keys, &change);
            if let Some(inserted) = blocked.get(&key[..]) {
                let at = *at.get_or_insert_with(|| {
                    waiting.push((name, Table { keys, ..Table::default() }));
                    waiting.len() - 1
                });
                let Table { order, rows, .. } = &mut waiting[at].1;
                rows.entry(key.clone()).or_insert_with(|| {
                    order.push(key.clone());
                    let there = match inserted {
                        true => Start::Absent,
                        false => Start::Present(change.old.to_vec()),
                    };
                    Waiting { there, key: keys_of(keys, &change), entry: None, met: true }
                });
            }
            let Some(at) = at else { continue };
            let Table { keys, rows, .. } = &mut waiting[at].1;
            if let Some(row) = rows.get_mut(&key) {
                row.there.follow(&change, keys.len());
                row.met = true;
            }
        }
        Ok(())
    }

    /// Writes the part of the change set of one table.
    fn push_table(&mut self, into: &mut Vec<u8>, name: &str, table: &Table<'_>) -> Result<()> {
        let start = into.len();
        encode_header(into, name, table.keys);
        let empty = into.len();
        let mut found: Option<(TableShape, String)> = None;
        for key in &table.order {
            let Some(row) = table.rows.get(key) else { continue };
            if let (Some(entry), false) = (row.entry, row.met) {
                into.extend_from_slice(entry);
                continue;
            }
            if found.is_none() {
                let shape = self.shape_of(name)?;
                let sql = select(name, &shape)?;
                found = Some((shape, sql));
            }
            let Some((shape, sql)) = &found else { continue };
            let here = self.row_of(shape, sql, &row.key)?;
            push_net(into, table.keys, &row.there, here.as_ref());
        }
        if into.len() == empty {
            into.truncate(start);
        }
        Ok(())
    }

    fn is_recorded(&self, table: &str) -> bool {
        self.recorder.as_ref().is_some_and(|it| it.context.outbox.borrow().records(table))
    }
}

/// Reads what waits. Each row is in it once.
fn read(pending: &[u8]) -> Result<Vec<(&str, Table<'_>)>> {
    let mut tables: Vec<(&str, Table<'_>)> = Vec::new();
    let mut reader = Reader::new(pending);
    loop {
        let start = reader.at();
        let Some(item) = reader.next()? else { return Ok(tables) };
        let change = match item {
            Item::Table(header) => {
                tables.push((header.name, Table { keys: header.keys, ..Table::default() }));
                continue;
            }
            Item::Change(change) => change,
        };
        let Some((_, table)) = tables.last_mut() else { continue };
        let key = key_of(table.keys, &change);
        let there = match change.operation {
            Operation::Insert => Start::Absent,
            _ => Start::Present(change.old.to_vec()),
        };
        let values = keys_of(table.keys, &change);
        let entry = Some(&pending[start..reader.at()]);
        table.order.push(key.clone());
        table.rows.insert(key, Waiting { there, key: values, entry, met: false });
    }
}

impl<'b> Start<'b> {
    /// Follows a change that the others have made.
    fn follow(&mut self, change: &Change<'b>, columns: usize) {
        match change.operation {
            Operation::Delete => *self = Self::Absent,
            Operation::Insert => {
                let mut values = change.new.to_vec();
                // Columns that they don't have.
                values.resize(columns, None);
                *self = Self::Present(values);
            }
            Operation::Update => {
                // One that they changed without having it is not known.
                let Self::Present(values) = self else { return };
                for (value, new) in values.iter_mut().zip(&change.new) {
                    *value = new.or(*value);
                }
            }
        }
    }
}
