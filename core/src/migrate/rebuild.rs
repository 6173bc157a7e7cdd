//! Gives a table another form and keeps what is in it and around it: what `ALTER TABLE` can't do.
//! <https://sqlite.org/lang_altertable.html#otheralter>
//!
//! Here the old table gets out of the way first and the new one is made with its own name, so that
//! its definition is the one that was written. Foreign keys are off and `legacy_alter_table` is on, so
//! renaming the old one changes nothing that refers to it: children, views, triggers of other tables.

use super::triggers;
use crate::api::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::migrations::{normalized, same_name};
use crate::program::{Access, Fetch, Program, Step};
use crate::row::Row;
use crate::sql::quote_into;

/// A column, as far as it matters when its values are copied.
struct Column {
    name: String,
    required: bool,
    key: bool,
    integer: bool,
    generated: bool,
}

/// Rebuilds a table by its new `CREATE TABLE`, inside the migration's transaction.
///
/// # Errors
/// `NoSuchTable`; `InvalidArgument`, with the column's name, if something would be missing; SQLite's
/// errors, with the name of the index, view or trigger that would not work afterwards.
pub(super) async fn table(session: &mut Session, table: &str, create: &str) -> Result<()> {
    let sql = "SELECT name, rootpage FROM main.sqlite_schema
        WHERE type = 'table' AND name = ? COLLATE NOCASE";
    let Some((name, root)) = session.query_optional::<(String, i64)>(sql, (table,)).await? else {
        return Err(Error::new(
            ErrorKind::NoSuchTable,
            format!("there is no table {table:?} to rebuild"),
        )
        .of_table(table.to_owned()));
    };
    if root == 0 {
        return Err(Error::invalid(format!("{name} is a virtual table, which can't be rebuilt")));
    }
    let sql = "SELECT type, name, sql FROM main.sqlite_schema
        WHERE type IN ('index', 'trigger') AND tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL
        ORDER BY type, rowid";
    let around: Vec<(String, String, String)> = session.query(sql, (table,)).await?;
    let views = working_views(session).await?;
    let broken_before = triggers::broken(session).await?;
    let sequence = sequence(session, &name).await?;
    let before = columns(session, &name).await?;
    let had_rowid = has_rowid(session, &name).await?;

    let quoted_old = unused_name(session, &name).await?;
    let quoted_name = quoted(&name)?;
    session.execute(&format!("ALTER TABLE main.{quoted_name} RENAME TO {quoted_old}"), ()).await?;
    session.execute(create, ()).await?;
    let after = columns(session, &name).await?;
    let has_rowid = had_rowid && has_rowid(session, &name).await?;

    let list = copied(&name, &before, &after, has_rowid)?;
    let sql =
        format!("INSERT INTO main.{quoted_name} ({list}) SELECT {list} FROM main.{quoted_old}");
    // Whoever receives this database's changes rebuilds the table too.
    let step = Step::new(sql, (), Fetch::Nothing).unrecorded();
    let copying = Program { access: Access::Write, ..Program::one(step) };
    session.target().run(copying, None).await?;
    session.execute(&format!("DROP TABLE main.{quoted_old}"), ()).await?;
    if let Some(sequence) = sequence
        && normalized(create)
            .to_ascii_uppercase()
            .split(|c: char| !c.is_alphanumeric())
            .any(|it| it == "AUTOINCREMENT")
    {
        continue_sequence(session, &name, sequence).await?;
    }
    for (kind, name, sql) in around {
        session.execute(&sql, ()).await.map_err(|error| {
            error.prefixed(&format!(
                "the {kind} {name} does not fit the table's new form; drop it before the CREATE TABLE, and make it anew after it"
            ))
        })?;
    }
    for view in views {
        if let Err(error) = read_nothing(session, &view).await {
            return Err(error.prefixed(&format!(
                "the view {view} would not work any more; drop it before the CREATE TABLE, and make it anew after it"
            )));
        }
    }
    for trigger in triggers::broken(session).await? {
        if !broken_before.iter().any(|before| before.name == trigger.name) {
            return Err(trigger.error.prefixed(&format!(
                "the trigger {} would not work any more; drop it before the CREATE TABLE, and make it anew after it",
                trigger.name
            )));
        }
    }
    Ok(())
}

/// Returns the list of the columns that are copied.
fn copied(table: &str, before: &[Column], after: &[Column], has_rowid: bool) -> Result<String> {
    let find = |name: &str| before.iter().find(|column| same_name(&column.name, name));
    let keys = after.iter().filter(|column| column.key).count();
    // The rowid by another name: SQLite makes its value, if it has none.
    let is_rowid = |column: &Column| has_rowid && keys == 1 && column.key && column.integer;
    let missing =
        |column: &&Column| column.required && !is_rowid(column) && find(&column.name).is_none();
    if let Some(column) = after.iter().find(missing) {
        return Err(Error::invalid(format!(
            "the new column {} of {table} is NOT NULL and has no default, so the rows that are there can't get a value; give it a default, or let it be NULL",
            column.name
        )));
    }
    let kept = after.iter().filter(|it| !it.generated && find(&it.name).is_some());
    let kept: Vec<_> = kept.collect();
    if kept.is_empty() {
        return Err(Error::invalid(format!(
            "the new form of {table} has no column that it had before"
        )));
    }
    let named_rowid = |column: &Column| {
        ["rowid", "oid", "_rowid_"].iter().any(|name| same_name(&column.name, name))
    };
    let mut list = String::new();
    // The number of a row counts too, for who has kept it, such as a full-text index.
    if has_rowid
        && !kept.iter().any(|column| is_rowid(column))
        && !before.iter().chain(after).any(named_rowid)
    {
        list.push_str("rowid");
    }
    for column in kept {
        if !list.is_empty() {
            list.push_str(", ");
        }
        quote_into(&mut list, &column.name)?;
    }
    Ok(list)
}

async fn columns(session: &mut Session, table: &str) -> Result<Vec<Column>> {
    let sql = "SELECT name, type, \"notnull\" AND dflt_value IS NULL, pk > 0, hidden
        FROM pragma_table_xinfo(?, 'main')";
    let rows: Vec<Row> = session.query(sql, (table,)).await?;
    let column = |row: &Row| -> Result<Column> {
        let generated = row.get::<i64>(4)? > 1;
        Ok(Column {
            name: row.get(0)?,
            integer: row.get::<&str>(1)?.eq_ignore_ascii_case("INTEGER"),
            required: row.get::<bool>(2)? && !generated,
            key: row.get(3)?,
            generated,
        })
    };
    rows.iter().map(column).collect()
}

async fn has_rowid(session: &mut Session, table: &str) -> Result<bool> {
    let sql = "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE";
    Ok(!session.query_value::<bool>(sql, (table,)).await?)
}

/// Returns a name that no table has, quoted.
async fn unused_name(session: &mut Session, table: &str) -> Result<String> {
    let mut name = format!("ubiqlite_rebuild_{table}");
    let sql = "SELECT count(*) FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE";
    while session.query_value::<i64>(sql, (name.as_str(),)).await? > 0 {
        name.push('_');
    }
    quoted(&name)
}

fn quoted(name: &str) -> Result<String> {
    let mut quoted = String::new();
    quote_into(&mut quoted, name)?;
    Ok(quoted)
}

/// Returns the views that can be read.
async fn working_views(session: &mut Session) -> Result<Vec<String>> {
    let sql = "SELECT name FROM main.sqlite_schema WHERE type = 'view'";
    let mut working = Vec::new();
    for (view,) in session.query::<(String,)>(sql, ()).await? {
        if read_nothing(session, &view).await.is_ok() {
            working.push(view);
        }
    }
    Ok(working)
}

async fn read_nothing(session: &mut Session, view: &str) -> Result<()> {
    let sql = format!("SELECT 1 FROM main.{} LIMIT 0", quoted(view)?);
    session.query::<Row>(&sql, ()).await.map(drop)
}

/// Returns the greatest key that `AUTOINCREMENT` has given, if the table has it.
async fn sequence(session: &mut Session, table: &str) -> Result<Option<i64>> {
    let there = "SELECT count(*) FROM main.sqlite_schema WHERE name = 'sqlite_sequence'";
    if session.query_value::<i64>(there, ()).await? == 0 {
        return Ok(None);
    }
    let sql = "SELECT seq FROM main.sqlite_sequence WHERE name = ? COLLATE NOCASE";
    let found = session.query_optional::<(Option<i64>,)>(sql, (table,)).await?;
    Ok(found.and_then(|(sequence,)| sequence))
}

/// Keeps keys from being given again: those of rows that are deleted by now.
async fn continue_sequence(session: &mut Session, table: &str, sequence: i64) -> Result<()> {
    let sql = "UPDATE main.sqlite_sequence SET seq = max(seq, ?) WHERE name = ?";
    let done = session.execute(sql, (sequence, table)).await?;
    if done.rows_changed == 0 {
        let sql = "INSERT INTO main.sqlite_sequence (name, seq) VALUES (?, ?)";
        session.execute(sql, (table, sequence)).await?;
    }
    Ok(())
}
