//! What a transaction has changed in all, after a part of it was undone.

use std::collections::HashMap;

use super::{Connection, RecordedTable, TableShape};
use crate::error::Result;
use crate::row::Row;
use crate::sql::quote_into;
use crate::sync::{Change, Item, Operation, Reader, encode_header, encode_undefined, encode_value};
use crate::value::ValueRef;

/// How a row was when the transaction began, as far as its entries tell.
pub(in crate::engine) enum Start<'l> {
    /// It was not there.
    Absent,
    /// It was there, with these values; the others were never changed.
    Present(Vec<Option<ValueRef<'l>>>),
}

impl Connection {
    /// Returns the part of the change set of a table whose log is doubted: how each of its rows
    /// was, and how it is now.
    pub(super) fn net_section(&mut self, table: &RecordedTable) -> Result<Vec<u8>> {
        let mut order = Vec::new();
        let mut starts = HashMap::<Vec<u8>, Start<'_>>::new();
        let mut reader = Reader::within(table.entries(), &table.shape.keys);
        while let Some(item) = reader.next()? {
            let Item::Change(change) = item else { continue };
            let key = key_of(&table.shape.keys, &change);
            let known = starts.get_mut(&key);
            match known {
                None => {
                    let start = match change.operation {
                        Operation::Insert => Start::Absent,
                        _ => Start::Present(change.old.to_vec()),
                    };
                    order.push((key.clone(), keys_of(&table.shape.keys, &change)));
                    starts.insert(key, start);
                }
                Some(Start::Absent) => {}
                Some(Start::Present(values)) => {
                    for (value, old) in values.iter_mut().zip(&change.old) {
                        *value = value.or(*old);
                    }
                }
            }
        }
        let select = select(&table.name, &table.shape)?;
        let mut bytes = Vec::new();
        encode_header(&mut bytes, &table.name, &table.shape.keys);
        let empty = bytes.len();
        for (key, values) in order {
            let Some(start) = starts.remove(&key) else { continue };
            let now = self.row_of(&table.shape, &select, &values)?;
            push_net(&mut bytes, &table.shape.keys, &start, now.as_ref());
        }
        if bytes.len() == empty {
            bytes.clear();
        }
        Ok(bytes)
    }

    /// Returns the row of exactly this key, by the query that [`select`] returns.
    pub(in crate::engine) fn row_of(
        &mut self,
        shape: &TableShape,
        select: &str,
        key: &[ValueRef<'_>],
    ) -> Result<Option<Row>> {
        let found = self.own_rows(select, key)?;
        // By the collation of the table, another key may be equal to this one.
        Ok(found.into_iter().find(|row| {
            let columns = shape.keys.iter().enumerate().filter(|(_, key)| **key != 0);
            columns
                .zip(key)
                .all(|((column, _), value)| row.value(column).is_ok_and(|now| now.is_same(*value)))
        }))
    }
}

/// Writes the difference between how a row was and how it is. The table may have more columns now.
pub(in crate::engine) fn push_net(
    bytes: &mut Vec<u8>,
    keys: &[u8],
    start: &Start<'_>,
    now: Option<&Row>,
) {
    match (start, now) {
        (Start::Absent, None) => {}
        (Start::Absent, Some(now)) => {
            bytes.extend([Operation::Insert.byte(), 0]);
            now.iter().take(keys.len()).for_each(|(_, value)| encode_value(bytes, value));
        }
        (Start::Present(old), None) => {
            bytes.extend([Operation::Delete.byte(), 0]);
            // An entry of its deletion has told all of them.
            old.iter().for_each(|value| encode_value(bytes, value.unwrap_or(ValueRef::Null)));
        }
        (Start::Present(old), Some(now)) => {
            let now: Vec<_> = now.iter().map(|(_, value)| value).collect();
            let changed: Vec<bool> = (0..keys.len())
                .map(|at| keys[at] == 0 && old[at].is_some_and(|old| !old.is_same(now[at])))
                .collect();
            if !changed.contains(&true) {
                return;
            }
            bytes.extend([Operation::Update.byte(), 0]);
            for at in 0..keys.len() {
                match old[at] {
                    Some(value) if keys[at] != 0 || changed[at] => encode_value(bytes, value),
                    _ => encode_undefined(bytes),
                }
            }
            for at in 0..keys.len() {
                if changed[at] {
                    encode_value(bytes, now[at]);
                } else {
                    encode_undefined(bytes);
                }
            }
        }
    }
}

/// Returns the values of a row's key.
pub(in crate::engine) fn keys_of<'l>(keys: &[u8], change: &Change<'l>) -> Vec<ValueRef<'l>> {
    let row = if change.operation == Operation::Insert { &change.new } else { &change.old };
    let of_key = row.iter().zip(keys).filter(|(_, key)| **key != 0);
    of_key.filter_map(|(value, _)| *value).collect()
}

/// Returns the key as bytes, which are equal only for the same key.
pub(in crate::engine) fn key_of(keys: &[u8], change: &Change<'_>) -> Vec<u8> {
    let row = if change.operation == Operation::Insert { &change.new } else { &change.old };
    let mut bytes = Vec::new();
    for (value, _) in row.iter().zip(keys).filter(|(_, key)| **key != 0) {
        encode_value(&mut bytes, value.unwrap_or(ValueRef::Null));
    }
    bytes
}

/// Returns the query for a row by its key.
pub(in crate::engine) fn select(table: &str, shape: &TableShape) -> Result<String> {
    let mut sql = String::from("SELECT ");
    for (index, name) in shape.names.iter().enumerate() {
        sql.push_str(if index == 0 { "" } else { ", " });
        quote_into(&mut sql, name)?;
    }
    sql.push_str(" FROM main.");
    quote_into(&mut sql, table)?;
    let of_key = shape.names.iter().zip(&shape.keys).filter(|(_, key)| **key != 0);
    for (index, (name, _)) in of_key.enumerate() {
        sql.push_str(if index == 0 { " WHERE " } else { " AND " });
        quote_into(&mut sql, name)?;
        sql.push_str(" = ?");
    }
    Ok(sql)
}
