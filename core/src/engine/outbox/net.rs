//! What a transaction has changed in all, after a part of it was undone.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{Connection, RecordedTable, TableShape};
use crate::error::Result;
use crate::row::Row;
use crate::sql::quote_into;
use crate::sync::{Change, Reader, RowOperation, encode_header, encode_known, encode_value};
use crate::value::ValueRef;

/// How a row was when the transaction began, as far as its entries tell.
pub(in crate::engine) enum RowStart<'l> {
    /// It was not there.
    Absent,
    /// It was there, with these values; the others were never changed.
    Present(Vec<Option<ValueRef<'l>>>),
}

/// Rows by their keys, as bytes: each key has one at most. It is the type of what live queries look rows up in
/// (`live/diff.rs`), so that its code is there once.
pub(in crate::engine) type Positions = HashMap<Vec<u8>, Vec<usize>, RandomState>;

/// Notes where the row of a key is.
#[inline(never)]
pub(in crate::engine) fn note_position(positions: &mut Positions, key: Vec<u8>, at: usize) {
    positions.entry(key).or_default().push(at);
}

/// A row of which a change set is to tell what has become of it.
pub(in crate::engine) struct NetRow<'l> {
    pub(in crate::engine) start: RowStart<'l>,
    key: Vec<ValueRef<'l>>,
    /// Its entry, if that stays as it is.
    pub(in crate::engine) entry: Option<&'l [u8]>,
}

/// Such rows of one table, each once, in the order of their first entries.
#[derive(Default)]
pub(in crate::engine) struct NetTable<'l> {
    keys: &'l [u8],
    pub(in crate::engine) rows: Vec<NetRow<'l>>,
    positions: Positions,
}

impl<'l> NetTable<'l> {
    pub(in crate::engine) fn new(keys: &'l [u8]) -> Self {
        Self { keys, ..Self::default() }
    }

    pub(in crate::engine) fn row_mut(&mut self, key: &[u8]) -> Option<&mut NetRow<'l>> {
        let at = *self.positions.get_mut(key)?.first()?;
        self.rows.get_mut(at)
    }

    /// Adds the row of a change, which is not there yet.
    pub(in crate::engine) fn add(
        &mut self,
        key: Vec<u8>,
        change: &Change<'l>,
        entry: Option<&'l [u8]>,
    ) {
        let start = match change.operation {
            RowOperation::Insert => RowStart::Absent,
            _ => RowStart::Present(change.before().to_vec()),
        };
        note_position(&mut self.positions, key, self.rows.len());
        self.rows.push(NetRow { start, key: keys_of(self.keys, change), entry });
    }
}

impl Connection {
    /// Writes the part of the change set of a table whose log is doubted: how each of its rows was,
    /// and how it is now.
    pub(super) fn net_section(&mut self, into: &mut Vec<u8>, table: &RecordedTable) -> Result<()> {
        let keys = &table.shape.keys;
        let mut net = NetTable::new(keys);
        let mut reader = Reader::within(table.entries(), keys);
        while reader.next()?.is_some() {
            let change = reader.change();
            let key = key_of(keys, change);
            match net.row_mut(&key) {
                None => net.add(key, change, None),
                Some(row) => {
                    let RowStart::Present(values) = &mut row.start else { continue };
                    for (value, old) in values.iter_mut().zip(change.before()) {
                        *value = value.or(*old);
                    }
                }
            }
        }
        self.push_net(into, &table.name, &net)
    }

    /// Writes the part of a change set of one table: how its rows were, and how they are now.
    pub(in crate::engine) fn push_net(
        &mut self,
        into: &mut Vec<u8>,
        name: &str,
        table: &NetTable<'_>,
    ) -> Result<()> {
        let start = into.len();
        encode_header(into, name, table.keys);
        let empty = into.len();
        let mut found: Option<(TableShape, String)> = None;
        for row in &table.rows {
            if let Some(entry) = row.entry {
                into.extend_from_slice(entry);
                continue;
            }
            if found.is_none() {
                let shape = self.shape_of(name)?;
                let sql = select(name, &shape)?;
                found = Some((shape, sql));
            }
            let Some((shape, sql)) = &found else { continue };
            let now = self.row_of(shape, sql, &row.key)?;
            push_difference(into, table.keys, &row.start, now.as_ref())?;
        }
        if into.len() == empty {
            into.truncate(start);
        }
        Ok(())
    }

    /// Returns the row of exactly this key, by the query that [`select`] returns.
    fn row_of(
        &mut self,
        shape: &TableShape,
        select: &str,
        key: &[ValueRef<'_>],
    ) -> Result<Option<Row>> {
        let mut found = None;
        self.own_rows(select, key, &mut |row| {
            // By the collation of the table, another key may be equal to this one.
            let mut wanted = key.iter();
            for (column, place) in shape.keys.iter().enumerate() {
                if *place != 0
                    && let Some(wanted) = wanted.next()
                    && !row.value(column)?.is_same(*wanted)
                {
                    return Ok(());
                }
            }
            found = Some(row.clone());
            Ok(())
        })?;
        Ok(found)
    }
}

/// Writes the difference between how a row was and how it is. The table may have more columns now.
fn push_difference(
    bytes: &mut Vec<u8>,
    keys: &[u8],
    start: &RowStart<'_>,
    now: Option<&Row>,
) -> Result<()> {
    let operation = match (start, now) {
        (RowStart::Absent, None) => return Ok(()),
        (RowStart::Absent, Some(_)) => RowOperation::Insert,
        (RowStart::Present(_), None) => RowOperation::Delete,
        (RowStart::Present(_), Some(_)) => RowOperation::Update,
    };
    let begin = bytes.len();
    bytes.extend_from_slice(&[operation.byte(), 0]);
    let is_update = operation == RowOperation::Update;
    let mut any = !is_update;
    let mut news = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let mut old = match start {
            RowStart::Present(old) => old.get(at).copied().flatten(),
            RowStart::Absent => None,
        };
        let new = now.map(|row| row.value(at)).transpose()?;
        if is_update {
            let changed = *key == 0 && old.zip(new).is_some_and(|(old, new)| !old.is_same(new));
            any |= changed;
            if *key == 0 && !changed {
                old = None;
            }
            encode_known(&mut news, new.filter(|_| changed));
        } else {
            // An entry of its deletion has told all of them.
            old = Some(old.or(new).unwrap_or(ValueRef::Null));
        }
        encode_known(bytes, old);
    }
    bytes.extend_from_slice(&news);
    if !any {
        bytes.truncate(begin);
    }
    Ok(())
}

/// Returns the values of a row's key.
fn keys_of<'l>(keys: &[u8], change: &Change<'l>) -> Vec<ValueRef<'l>> {
    let mut values = Vec::new();
    for (value, key) in change.row().iter().zip(keys) {
        if let (Some(value), true) = (value, *key != 0) {
            values.push(*value);
        }
    }
    values
}

/// Returns the key as bytes, which are equal only for the same key.
pub(in crate::engine) fn key_of(keys: &[u8], change: &Change<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (value, key) in change.row().iter().zip(keys) {
        if *key != 0 {
            encode_value(&mut bytes, value.unwrap_or(ValueRef::Null));
        }
    }
    bytes
}

/// Returns the query for a row by its key.
fn select(table: &str, shape: &TableShape) -> Result<String> {
    let mut sql = String::from("SELECT ");
    for (index, name) in shape.names.iter().enumerate() {
        sql.push_str(if index == 0 { "" } else { ", " });
        quote_into(&mut sql, name)?;
    }
    sql.push_str(" FROM main.");
    quote_into(&mut sql, table)?;
    let mut word = " WHERE ";
    for (name, key) in shape.names.iter().zip(&shape.keys) {
        if *key != 0 {
            sql.push_str(word);
            quote_into(&mut sql, name)?;
            sql.push_str(" = ?");
            word = " AND ";
        }
    }
    Ok(sql)
}
