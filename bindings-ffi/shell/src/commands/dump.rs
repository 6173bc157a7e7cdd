//! SQL that makes the same database again, in this shell and in SQLite's.
//!
//! All of it is read in one transaction. Rows of a table without an `INTEGER PRIMARY KEY` keep their
//! rowids where these are not 1, 2, 3 and so on, which they get anyway. A virtual table is made by its
//! statement, and the tables in which it keeps its data are then filled with theirs.

use std::io::Write;

use super::schema::ended;
use super::usage;
use crate::connection::Open;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::output::literal::{self, Encoding, name};
use crate::shell::{Output, Shell};
use crate::wait::wait;

pub(super) fn dump(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let wanted = match arguments {
        [] => None,
        [table] => Some(table.as_str()),
        _ => return Err(usage(".dump")),
    };
    let nested = shell.transaction;
    let out = &mut shell.out;
    let open = shell.connection.open(false)?;
    if !nested {
        open.run("BEGIN", ())?;
    }
    let done = all(open, out, wanted);
    if !nested {
        // It has only read.
        open.run("ROLLBACK", ())?;
    }
    done
}

/// A table as `pragma_table_list` has it, with its statement.
struct Table {
    name: String,
    kind: String,
    without_rowid: bool,
    sql: String,
}

const TABLES: &str = "
    SELECT m.name, t.type, t.wr, m.sql FROM main.sqlite_schema AS m, pragma_table_list AS t
     WHERE t.schema = 'main' AND t.name = m.name AND m.type = 'table' ORDER BY m.rowid";

fn all(open: &mut Open, out: &mut Output, wanted: Option<&str>) -> Result<()> {
    let tables = open.query::<(String, String, bool, String)>(TABLES, ())?;
    let tables: Vec<_> = tables
        .into_iter()
        .map(|(name, kind, without_rowid, sql)| Table { name, kind, without_rowid, sql })
        .collect();
    let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(name));
    if let Some(wanted) = wanted {
        let sql = "SELECT count(*) FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE";
        if open.value::<i64>(sql, (wanted,))? == Some(0) {
            return Err(Failure::Message(format!("there is no {wanted}")));
        }
    }
    let named: Option<String> = open.value("PRAGMA main.encoding", ())?;
    let encoding = Encoding::named(named.as_deref().unwrap_or_default());
    writeln!(out, "PRAGMA foreign_keys=OFF;")?;
    if let (true, Some(named)) = (encoding != Encoding::Utf8 && wanted.is_none(), named) {
        writeln!(out, "PRAGMA encoding='{named}';")?;
    }
    writeln!(out, "BEGIN TRANSACTION;")?;
    if wanted.is_none() {
        for pragma in ["application_id", "user_version"] {
            let value: Option<i64> = open.value(&format!("PRAGMA main.{pragma}"), ())?;
            if let Some(value) = value.filter(|value| *value != 0) {
                writeln!(out, "PRAGMA {pragma}={value};")?;
            }
        }
    }
    let plain = |table: &&Table| table.kind == "table" && !is_internal(&table.name);
    for table in tables.iter().filter(plain).filter(|table| is_wanted(&table.name)) {
        writeln!(out, "{}", ended(&table.sql))?;
        rows(open, out, table, encoding)?;
    }
    virtual_tables(open, out, &tables, &is_wanted, encoding)?;
    sequences(open, out, &tables, &is_wanted, encoding)?;
    if wanted.is_none() {
        statistics(open, out, &tables, encoding)?;
    }
    let sql = "SELECT name, tbl_name, sql FROM main.sqlite_schema
        WHERE type IN ('index', 'trigger', 'view') AND sql IS NOT NULL
        ORDER BY type = 'trigger', rowid";
    let virtual_data = |name: &str| tables.iter().any(|it| it.kind == "shadow" && it.name == name);
    for (own, table, sql) in open.query::<(String, String, String)>(sql, ())? {
        if (is_wanted(&own) || is_wanted(&table)) && !virtual_data(&table) {
            writeln!(out, "{}", ended(&sql))?;
        }
    }
    writeln!(out, "COMMIT;")?;
    Ok(())
}

/// Whether SQLite makes it by itself.
fn is_internal(table: &str) -> bool {
    table.get(..7).is_some_and(|begin| begin.eq_ignore_ascii_case("sqlite_"))
}

fn virtual_tables(
    open: &mut Open,
    out: &mut Output,
    tables: &[Table],
    is_wanted: &dyn Fn(&str) -> bool,
    encoding: Encoding,
) -> Result<()> {
    for table in tables.iter().filter(|it| it.kind == "virtual" && is_wanted(&it.name)) {
        writeln!(out, "{}", ended(&table.sql))?;
        let prefix = format!("{}_", table.name);
        // The longest name that fits is whose data it is: `a` and `a_b` may both be tables.
        let owner = |data: &Table| {
            let owns = |it: &&Table| {
                it.kind == "virtual"
                    && data
                        .name
                        .strip_prefix(it.name.as_str())
                        .is_some_and(|rest| rest.starts_with('_'))
            };
            tables.iter().filter(owns).map(|it| it.name.len()).max()
        };
        let data = tables.iter().filter(|it| {
            it.kind == "shadow"
                && it.name.starts_with(&prefix)
                && owner(it) == Some(table.name.len())
        });
        for data in data {
            writeln!(out, "DELETE FROM {};", name(&data.name))?;
            rows(open, out, data, encoding)?;
        }
    }
    Ok(())
}

/// Writes where `AUTOINCREMENT` goes on.
fn sequences(
    open: &mut Open,
    out: &mut Output,
    tables: &[Table],
    is_wanted: &dyn Fn(&str) -> bool,
    encoding: Encoding,
) -> Result<()> {
    let counts = |it: &Table| it.sql.to_ascii_uppercase().contains("AUTOINCREMENT");
    if !tables.iter().any(|it| it.name == "sqlite_sequence")
        || !tables.iter().any(|it| counts(it) && is_wanted(&it.name))
    {
        return Ok(());
    }
    let rows = open.query::<ubiqlite::Row>("SELECT name, seq FROM main.sqlite_sequence", ())?;
    for row in rows {
        let (table, seq) = (row.value(0)?, row.value(1)?);
        if !is_wanted(table.as_str().unwrap_or_default()) {
            continue;
        }
        // What the rows have made of it comes first.
        write!(out, "DELETE FROM sqlite_sequence WHERE name=")?;
        literal::write(out, table, encoding)?;
        write!(out, ";\nINSERT INTO sqlite_sequence VALUES(")?;
        literal::write(out, table, encoding)?;
        write!(out, ",")?;
        literal::write(out, seq, encoding)?;
        writeln!(out, ");")?;
    }
    Ok(())
}

/// Writes what `ANALYZE` has found, in tables that only `ANALYZE` can make.
fn statistics(
    open: &mut Open,
    out: &mut Output,
    tables: &[Table],
    encoding: Encoding,
) -> Result<()> {
    let found: Vec<_> = tables
        .iter()
        .filter(|it| matches!(it.name.as_str(), "sqlite_stat1" | "sqlite_stat4"))
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    writeln!(out, "ANALYZE sqlite_schema;")?;
    for table in found {
        writeln!(out, "DELETE FROM {};", name(&table.name))?;
        rows(open, out, table, encoding)?;
    }
    Ok(())
}

/// Writes the rows of a table.
fn rows(open: &mut Open, out: &mut Output, table: &Table, encoding: Encoding) -> Result<()> {
    let sql = "SELECT name, type, pk, hidden FROM pragma_table_xinfo(?, 'main') ORDER BY cid";
    let all = open.query::<(String, String, i64, i64)>(sql, (table.name.as_str(),))?;
    let generated = all.iter().any(|(.., hidden)| *hidden > 1);
    let stored: Vec<_> = all.iter().filter(|(.., hidden)| *hidden == 0).collect();
    let rowid = match table.without_rowid {
        true => None,
        false => kept_rowid(open, table, &all)?,
    };
    let mut columns: Vec<_> = stored.iter().map(|(column, ..)| name(column)).collect();
    if let Some(rowid) = rowid {
        columns.insert(0, rowid.to_owned());
    }
    let columns = columns.join(",");
    let own = name(&table.name);
    let named = if generated || rowid.is_some() { format!("({columns})") } else { String::new() };
    // A covering index may have another order.
    let sql = format!("SELECT {columns} FROM main.{own} NOT INDEXED");
    let Open { session, db } = open;
    let mut stream = session.stream(&sql, ());
    while let Some(row) = wait(Some(db), stream.try_next())? {
        if interrupt::requested() {
            return Err(Failure::Interrupted);
        }
        write!(out, "INSERT INTO {own}{named} VALUES(")?;
        for (index, value) in crate::output::values(&row).enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            literal::write(out, value, encoding)?;
        }
        out.write_all(b");\n")?;
    }
    Ok(())
}

/// Returns the name by which a table's rowids are kept, if they must be.
fn kept_rowid(
    open: &mut Open,
    table: &Table,
    columns: &[(String, String, i64, i64)],
) -> Result<Option<&'static str>> {
    let is_column =
        |alias: &&str| columns.iter().any(|(name, ..)| name.eq_ignore_ascii_case(alias));
    let Some(alias) = ["rowid", "_rowid_", "oid"].into_iter().find(|alias| !is_column(alias))
    else {
        return Ok(None);
    };
    let key: Vec<_> = columns.iter().filter(|(_, _, pk, _)| *pk > 0).collect();
    if let [(_, kind, ..)] = key.as_slice()
        && kind.eq_ignore_ascii_case("INTEGER")
    {
        // With an index of its own the key is not the rowid: `INTEGER PRIMARY KEY DESC`.
        let sql = "SELECT count(*) FROM pragma_index_list(?, 'main') WHERE origin = 'pk'";
        if open.value::<i64>(sql, (table.name.as_str(),))? == Some(0) {
            return Ok(None);
        }
    }
    let own = name(&table.name);
    let sql = format!(
        "SELECT coalesce(min({alias}) = 1 AND max({alias}) = count(*), TRUE) FROM main.{own}"
    );
    let counted: Option<bool> = open.value(&sql, ())?;
    Ok((counted == Some(false)).then_some(alias))
}
