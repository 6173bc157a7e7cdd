//! Writing rows of a table.

use super::many::PreparedShape;
use super::{Key, Table};
use crate::error::{Error, Result};
use crate::exec::item_feed::ManyFuture;
use crate::exec::items::Items;
use crate::exec::schemas::Schema;
use crate::program::{Access, Fetch, Output, Step};
use crate::sql::{Params, Record, quote_into};
use crate::value::Value;

impl<'a> Table<'a> {
    /// Inserts a row and returns its key. Columns that the record does not name
    /// get their defaults.
    ///
    /// # Errors
    /// `NoSuchTable`, `NoSuchColumn`, and constraint violations.
    ///
    /// # Cancellation
    /// If the future is dropped, the row is inserted or not; never half.
    pub async fn insert(self, record: Record) -> Result<Key> {
        record.check()?;
        let make = |schema: &Schema| {
            let (mut sql, params) = insert_sql(schema, "", &record)?;
            let keep = if schema.rowid { Fetch::Nothing } else { Fetch::First };
            if !schema.rowid {
                returning_key(&mut sql, schema)?;
            }
            Ok(vec![Step::new(sql, params, keep)])
        };
        let (output, schema) = self.run(Access::Write, None, make).await?;
        key_of(output, &schema).ok_or_else(ignored)
    }

    /// Inserts rows, all or none, and returns how many. Records may name
    /// different columns; those not named get their defaults.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); [`Error::index`] identifies the record.
    pub fn insert_many<I>(self, records: I) -> ManyFuture<'a, I::IntoIter, Record>
    where
        I: IntoIterator<Item = Record>,
    {
        ManyFuture::new(records, |records| Box::pin(self.insert_items(records)))
    }

    /// As [`insert_many`](Self::insert_many), with records that may arrive later.
    pub(crate) async fn insert_items(self, records: impl Items<Record>) -> Result<u64> {
        self.many(records, |schema, record: &Record, shape| {
            record.check()?;
            let names = record.iter().map(|(name, _)| name);
            if shape.sql.is_empty() || !names.eq(shape.names.iter().map(String::as_str)) {
                shape.sql = insert_sql(schema, "", record)?.0;
                shape.names = record.iter().map(|(name, _)| name.to_owned()).collect();
            }
            Ok(Some(record.iter().map(|(_, value)| value).collect()))
        })
        .await
    }

    /// Sets the named columns of a row and returns whether the row exists.
    /// Without columns it returns `false` and touches nothing.
    ///
    /// # Errors
    /// `NoSuchTable`, `NoSuchColumn`, and constraint violations.
    pub async fn update(self, key: impl Into<Key>, record: Record) -> Result<bool> {
        let key = key.into();
        record.check()?;
        if record.is_empty() {
            return Ok(false);
        }
        let make = |schema: &Schema| {
            schema.check_key(&key)?;
            let sql = update_sql(schema, &record)?;
            Ok(vec![Step::new(sql, update_params(&record, &key), Fetch::Nothing)])
        };
        let (output, ..) = self.run(Access::Write, None, make).await?;
        Ok(changes(&output) > 0)
    }

    /// Sets the named columns of many rows, all or none, and returns how many
    /// rows existed. Unknown keys are skipped. A row counts once however often it
    /// is named, even by keys that only its table considers equal (in another case
    /// if the key is `COLLATE NOCASE`; as text if it is a number).
    ///
    /// # Errors
    /// As [`update`](Self::update); [`Error::index`] identifies the key.
    pub fn update_many<I>(self, keys: I, record: Record) -> ManyFuture<'a, I::IntoIter, Key>
    where
        I: IntoIterator,
        I::Item: Into<Key>,
    {
        ManyFuture::new(keys, |keys| {
            Box::pin(async move {
                record.check()?;
                if record.is_empty() {
                    return Ok(0);
                }
                self.many(keys, |schema, key, shape| update_one(schema, key, &record, shape)).await
            })
        })
    }

    /// Deletes a row and returns whether there was one.
    ///
    /// # Errors
    /// `NoSuchTable`, and `ForeignKeyViolation` if other rows refer to it.
    pub async fn delete(self, key: impl Into<Key>) -> Result<bool> {
        let key = key.into();
        let make = |schema: &Schema| {
            schema.check_key(&key)?;
            let params: Params = key.values().iter().collect();
            Ok(vec![Step::new(schema.delete.clone(), params, Fetch::Nothing)])
        };
        let (output, ..) = self.run(Access::Write, None, make).await?;
        Ok(changes(&output) > 0)
    }

    /// Inserts a row or, if one with its primary key exists, sets the named
    /// columns of that row. Returns the key.
    ///
    /// # Errors
    /// `InvalidArgument` for a table without a primary key; `NoSuchTable`,
    /// `NoSuchColumn`, and violations of other constraints.
    pub async fn upsert(self, record: Record) -> Result<Key> {
        record.check()?;
        let make = |schema: &Schema| {
            if !schema.declared {
                return Err(Error::invalid(format!(
                    "{:?} has no primary key to find an existing row by",
                    schema.table
                )));
            }
            // Under an alias: the table itself may be called `excluded`.
            let (mut sql, params) = insert_sql(schema, " AS ubiqlite_row", &record)?;
            if !record.is_empty() {
                on_conflict(&mut sql, schema, &record)?;
            }
            returning_key(&mut sql, schema)?;
            Ok(vec![Step::new(sql, params, Fetch::First)])
        };
        let (mut output, schema) = self.run(Access::Write, None, make).await?;
        let rows = output.steps.pop().map(|outcome| outcome.rows).unwrap_or_default();
        if let Some(row) = rows.into_first() {
            return Ok(Key::from_values(row.iter().map(|(_, value)| value.to_value())));
        }
        if record.iter().any(|(name, _)| !is_key(&schema, name)) {
            return Err(ignored());
        }
        // The row existed, and the record names only its key.
        Ok(Key::from_values(schema.key.iter().map(|column| {
            let field = record.iter().find(|(name, _)| name.eq_ignore_ascii_case(column));
            field.map_or(Value::Null, |(_, value)| value.clone())
        })))
    }
}

/// Puts the statement that updates the row of one key into `shape` and returns its
/// parameters, or `None` for a key that was given before.
fn update_one(
    schema: &Schema,
    key: &Key,
    record: &Record,
    shape: &mut PreparedShape,
) -> Result<Option<Params>> {
    schema.check_key(key)?;
    if !shape.seen.insert(key.fingerprint()) {
        return Ok(None);
    }
    // An integer identifies one rowid, and no other integer identifies the same one.
    let direct = schema.rowid && key.as_i64().is_some();
    let direct = direct && !record.iter().any(|(name, _)| is_key(schema, name));
    let keep = if direct || schema.foreign { Fetch::Nothing } else { Fetch::All };
    shape.direct |= direct;
    if shape.sql.is_empty() || shape.keep != keep {
        shape.sql = update_sql(schema, record)?;
        shape.keep = keep;
        if keep == Fetch::All {
            // SQLite knows which keys are equal: it returns the key of the row.
            returning_key(&mut shape.sql, schema)?;
        }
    }
    Ok(Some(update_params(record, key)))
}

fn ignored() -> Error {
    Error::new(crate::error::ErrorKind::NotFound, "the insert was ignored by a trigger")
}

fn is_key(schema: &Schema, name: &str) -> bool {
    schema.key.iter().any(|column| column.eq_ignore_ascii_case(name))
}

fn changes(output: &Output) -> u64 {
    output.steps.first().map_or(0, |outcome| outcome.changes)
}

fn key_of(mut output: Output, schema: &Schema) -> Option<Key> {
    let outcome = output.steps.pop()?;
    if schema.view {
        return Some(Key::from(Value::Null));
    }
    if schema.rowid {
        return (outcome.changes > 0).then(|| Key::from(outcome.last_row_id));
    }
    let row = outcome.rows.into_first()?;
    Some(Key::from_values(row.iter().map(|(_, value)| value.to_value())))
}

fn insert_sql(schema: &Schema, alias: &str, record: &Record) -> Result<(String, Params)> {
    let mut sql = format!("INSERT INTO {}{alias}", schema.quoted);
    if record.is_empty() {
        sql.push_str(" DEFAULT VALUES");
        return Ok((sql, Params::new()));
    }
    let mut params = Params::new();
    for (index, (name, value)) in record.iter().enumerate() {
        sql.push_str(if index == 0 { " (" } else { ", " });
        quote_into(&mut sql, schema.column(name)?)?;
        params.push(value);
    }
    sql.push_str(") VALUES (");
    for index in 0..params.len() {
        sql.push_str(if index == 0 { "?" } else { ", ?" });
    }
    sql.push(')');
    Ok((sql, params))
}

fn update_sql(schema: &Schema, record: &Record) -> Result<String> {
    let mut sql = format!("UPDATE {} SET ", schema.quoted);
    for (index, (name, _)) in record.iter().enumerate() {
        if index > 0 {
            sql.push_str(", ");
        }
        quote_into(&mut sql, schema.column(name)?)?;
        sql.push_str(&format!(" = ?{}", index + 1));
    }
    sql.push_str(" WHERE ");
    sql.push_str(&schema.by_key(record.len() + 1)?);
    Ok(sql)
}

fn update_params(record: &Record, key: &Key) -> Params {
    record.iter().map(|(_, value)| value).chain(key.values()).collect()
}

fn returning_key(sql: &mut String, schema: &Schema) -> Result<()> {
    for (index, column) in schema.key.iter().enumerate() {
        sql.push_str(if index == 0 { " RETURNING " } else { ", " });
        quote_into(sql, column)?;
    }
    Ok(())
}

fn on_conflict(sql: &mut String, schema: &Schema, record: &Record) -> Result<()> {
    for (index, column) in schema.key.iter().enumerate() {
        sql.push_str(if index == 0 { " ON CONFLICT (" } else { ", " });
        quote_into(sql, column)?;
    }
    let mut first = true;
    for (name, _) in record.iter().filter(|(name, _)| !is_key(schema, name)) {
        sql.push_str(if first { ") DO UPDATE SET " } else { ", " });
        first = false;
        let column = schema.column(name)?;
        quote_into(sql, column)?;
        sql.push_str(" = excluded.");
        quote_into(sql, column)?;
    }
    if first {
        sql.push_str(") DO NOTHING");
    }
    Ok(())
}
