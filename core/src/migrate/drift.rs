//! What a schema is, in a form that is the same however it came about, and how two differ.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::exec::target::Target;
use crate::migrations::normalized;
use crate::row::Row;
use crate::sql::Params;

/// An object of the schema that is not as the last migration has left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The object: `table items`, `index items_by_name`.
    pub object: String,
    /// What happened to it.
    pub kind: DriftKind,
    /// The differences in words, for an object that was changed.
    pub details: Vec<String>,
}

/// What happened to an object of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftKind {
    /// It is gone.
    Missing,
    /// No migration has made it.
    Added,
    /// It is another.
    Changed,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DriftKind::Missing => write!(f, "{}: gone", self.object),
            DriftKind::Added => write!(f, "{}: not there before", self.object),
            DriftKind::Changed => write!(f, "{}: {}", self.object, self.details.join("; ")),
        }
    }
}

/// The objects of a schema, each with its parts.
type Objects = BTreeMap<String, BTreeMap<String, String>>;

/// The part of an object that has its whole definition.
const DEFINITION: &str = "definition";

/// Names that are not the program's.
const OURS: &str =
    "name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'ubiqlite\\_%' ESCAPE '\\'
    AND name NOT IN ('_sqlx_migrations', 'refinery_schema_history', '__drizzle_migrations')
    AND name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow')";

/// Describes the schema, to be kept and compared.
pub(super) async fn describe(target: Target<'_>) -> Result<String> {
    let mut objects = Objects::new();
    let sql = format!(
        "SELECT type, name, sql, rootpage FROM main.sqlite_schema WHERE sql IS NOT NULL AND {OURS}"
    );
    for row in query(target, &sql).await? {
        let (kind, name) = (row.get::<&str>(0)?, row.get::<&str>(1)?);
        let parts = objects.entry(format!("{kind} {name}")).or_default();
        parts.insert(DEFINITION.to_owned(), normalized(row.get(2)?));
    }
    let tables = format!(
        "(SELECT name FROM main.sqlite_schema WHERE type = 'table' AND rootpage > 0 AND {OURS}) m"
    );
    let sql = format!(
        "SELECT m.name, x.name, x.type, x.\"notnull\", x.dflt_value, x.pk, x.hidden
         FROM {tables}, pragma_table_xinfo(m.name, 'main') x"
    );
    for row in query(target, &sql).await? {
        let mut what = row.get::<String>(2)?;
        if row.get::<bool>(3)? {
            what.push_str(" NOT NULL");
        }
        if let Some(default) = row.get::<Option<&str>>(4)? {
            what.push_str(" DEFAULT ");
            what.push_str(default);
        }
        match row.get::<i64>(5)? {
            0 => {}
            place => what.push_str(&format!(" PRIMARY KEY ({place})")),
        }
        if row.get::<i64>(6)? > 1 {
            what.push_str(" GENERATED");
        }
        let part = format!("column {}", row.get::<&str>(1)?);
        add(&mut objects, row.get(0)?, part, what.trim_start().to_owned());
    }
    let sql = format!(
        "SELECT m.name, k.id, k.\"table\", k.\"from\", k.\"to\", k.on_update, k.on_delete
         FROM {tables}, pragma_foreign_key_list(m.name, 'main') k ORDER BY m.name, k.id, k.seq"
    );
    for row in query(target, &sql).await? {
        let (parent, from) = (row.get::<&str>(2)?, row.get::<&str>(3)?);
        let to = row.get::<Option<&str>>(4)?.unwrap_or("its key");
        let (update, delete) = (row.get::<&str>(5)?, row.get::<&str>(6)?);
        let part = format!("foreign key {} to {parent}", row.get::<i64>(1)?);
        let what = format!("{from} is {to} ON UPDATE {update} ON DELETE {delete}");
        add(&mut objects, row.get(0)?, part, what);
    }
    let sql = format!(
        "SELECT m.name, i.name, x.name, x.desc, x.coll
         FROM {tables}, pragma_index_list(m.name, 'main') i, pragma_index_xinfo(i.name, 'main') x
         WHERE i.origin <> 'c' AND x.key ORDER BY m.name, i.seq, x.seqno"
    );
    for row in query(target, &sql).await? {
        let mut what = row.get::<Option<String>>(2)?.unwrap_or_default();
        what.push_str(if row.get::<bool>(3)? { " DESC " } else { " " });
        what.push_str(row.get(4)?);
        add(&mut objects, row.get(0)?, format!("key {}", row.get::<&str>(1)?), what);
    }
    Ok(written(&objects))
}

/// What ends a part of an object in a description, and the two between its object, its name and what
/// it is.
const END: char = '\u{1e}';
const BETWEEN: char = '\u{1f}';

/// Returns the description of objects, each of which has a part.
fn written(objects: &Objects) -> String {
    let clean = |text: &str| text.replace([END, BETWEEN], " ");
    let mut text = String::new();
    for (object, parts) in objects {
        for (part, what) in parts {
            for (field, last) in [(object, BETWEEN), (part, BETWEEN), (what, END)] {
                text.push_str(&clean(field));
                text.push(last);
            }
        }
    }
    text
}

/// Reads a description.
fn read(text: &str) -> Result<Objects> {
    let mut objects = Objects::new();
    let mut rest = text;
    while !rest.is_empty() {
        let read = (|| {
            let (object, after) = rest.split_once(BETWEEN)?;
            let (part, after) = after.split_once(BETWEEN)?;
            let (what, after) = after.split_once(END)?;
            Some((object, part, what, after))
        })();
        let Some((object, part, what, after)) = read else {
            let message = "the schema in the ledger can't be read";
            return Err(Error::new(ErrorKind::Corrupt, message));
        };
        let parts = objects.entry(object.to_owned()).or_default();
        parts.insert(part.to_owned(), what.to_owned());
        rest = after;
    }
    Ok(objects)
}

async fn query(target: Target<'_>, sql: &str) -> Result<Vec<Row>> {
    target.query(sql, Params::new()).await
}

/// Adds to a part of a table, which may have several lines.
fn add(objects: &mut Objects, table: &str, part: String, what: String) {
    let parts = objects.entry(format!("table {table}")).or_default();
    let place = parts.entry(part).or_default();
    if !place.is_empty() {
        place.push_str(", ");
    }
    place.push_str(&what);
}

/// Whether the texts of tables count where SQLite reports no other difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    /// Both schemas came about in the same way.
    Count,
    /// A column that was added later is elsewhere in the text than one that was there from the
    /// beginning.
    Ignored,
}

/// Returns the differences between two descriptions.
pub(super) fn compare(before: &str, now: &str, texts: Texts) -> Result<Vec<Drift>> {
    let (mut before, mut now) = (read(before)?, read(now)?);
    if texts == Texts::Ignored {
        for objects in [&mut before, &mut now] {
            let tables = objects.iter_mut().filter(|(object, _)| object.starts_with("table "));
            // That of a virtual table is all that there is.
            tables.filter(|(_, parts)| parts.len() > 1).for_each(|(_, parts)| {
                parts.remove(DEFINITION);
            });
        }
    }
    let mut found = Vec::new();
    for (object, parts) in &before {
        let (kind, details) = match now.get(object) {
            None => (DriftKind::Missing, Vec::new()),
            Some(same) if same == parts => continue,
            Some(other) => (DriftKind::Changed, differences(parts, other)),
        };
        found.push(Drift { object: object.clone(), kind, details });
    }
    for object in now.keys().filter(|object| !before.contains_key(*object)) {
        found.push(Drift { object: object.clone(), kind: DriftKind::Added, details: Vec::new() });
    }
    Ok(found)
}

fn differences(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    let parts = before.keys().chain(now.keys().filter(|part| !before.contains_key(*part)));
    for part in parts.filter(|part| *part != DEFINITION) {
        match (before.get(part), now.get(part)) {
            (Some(was), Some(is)) if was != is => found.push(format!("{part}: was {was}, is {is}")),
            (Some(was), None) => found.push(format!("{part}: gone, was {was}")),
            (None, Some(is)) => found.push(format!("{part}: not there before, now {is}")),
            _ => {}
        }
    }
    if found.is_empty() {
        // A CHECK, for example, which SQLite reports in no other way.
        let text = |parts: &BTreeMap<String, String>| parts.get(DEFINITION).cloned();
        let (was, is) = (text(before).unwrap_or_default(), text(now).unwrap_or_default());
        found.push(format!("{DEFINITION}: was {was}, is {is}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_once_and_in_words() {
        let described = |parts: &[(&str, &str, &str)]| {
            let mut objects = Objects::new();
            for (object, part, what) in parts {
                let parts = objects.entry((*object).to_owned()).or_default();
                parts.insert((*part).to_owned(), (*what).to_owned());
            }
            let text = written(&objects);
            assert_eq!(read(&text).unwrap(), objects);
            text
        };
        let before = described(&[
            ("table a", "definition", "1"),
            ("table a", "column x", "INTEGER"),
            ("view v", "definition", "1"),
            ("index i", "definition", "1"),
        ]);
        let now = described(&[
            ("table a", "definition", "2"),
            ("table a", "column x", "TEXT"),
            ("table a", "column y", "TEXT"),
            ("view v", "definition", "2"),
            ("view w", "definition", "1"),
        ]);
        let (before, now) = (before.as_str(), now.as_str());
        let told: Vec<_> =
            compare(before, now, Texts::Count).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "index i: gone",
                "table a: column x: was INTEGER, is TEXT; column y: not there before, now TEXT",
                "view v: definition: was 1, is 2",
                "view w: not there before",
            ]
        );
        assert!(compare(before, before, Texts::Count).unwrap().is_empty());
        assert!(compare("cut", now, Texts::Count).is_err());
    }
}
