//! Which migrations a database has, and which it should have.

use std::io::Write;
use std::path::Path;

use ubiqlite::{Migrations, ValueRef};

use super::usage;
use crate::failure::{Failure, Result};
use crate::output::literal::{self, Encoding};
use crate::output::text::visible;
use crate::shell::{Shell, counted};
use crate::wait::wait;

/// The folder that is looked at if none is named.
const FOLDER: &str = "migrations";

pub(super) fn migrations(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let files = match arguments {
        [folder] => Migrations::dir(folder)?,
        // Without one, the database's own ledger is worth a look.
        [] if !Path::new(FOLDER).is_dir() => Migrations::new::<&str, &str>([])?,
        [] => Migrations::dir(FOLDER)?,
        _ => return Err(usage(".migrations")),
    };
    let db = shell.connection.open(false)?.db.clone();
    let migrator = db.migrations(&files);
    let applied = wait(Some(&db), migrator.applied())?;
    let pending = match files.is_empty() {
        true => Vec::new(),
        false => wait(Some(&db), migrator.pending())?,
    };
    let drift = wait(Some(&db), migrator.verify())?;

    let mut rows = Vec::new();
    for it in &applied {
        let status = match (&it.applied_at, it.known || files.is_empty()) {
            (None, _) => "begun",
            (Some(_), true) => "applied",
            (Some(_), false) => "applied, no file",
        };
        let at =
            it.applied_at.as_deref().map_or(ValueRef::Null, |at| ValueRef::Text(at.as_bytes()));
        rows.push((it.number, it.name.as_str(), status, at));
    }
    for it in &pending {
        let status = if it.alone { "pending, runs alone" } else { "pending" };
        rows.retain(|(number, ..)| *number != it.number);
        rows.push((it.number, it.name.as_str(), status, ValueRef::Null));
    }
    if rows.is_empty() {
        writeln!(shell.out, "no migrations")?;
        return Ok(());
    }
    rows.sort_by_key(|(number, ..)| *number);
    let mut sql = Vec::new();
    for (number, name, status, at) in rows {
        let begin = if sql.is_empty() { "SELECT" } else { " UNION ALL SELECT" };
        write!(sql, "{begin} {number} AS number,")?;
        literal::write(&mut sql, ValueRef::Text(name.as_bytes()), Encoding::Utf8)?;
        sql.write_all(b" AS name,")?;
        literal::write(&mut sql, ValueRef::Text(status.as_bytes()), Encoding::Utf8)?;
        sql.write_all(b" AS status,")?;
        literal::write(&mut sql, at, Encoding::Utf8)?;
        sql.write_all(b" AS applied_at")?;
    }
    shell.show(&String::from_utf8_lossy(&sql))?;
    if drift.is_empty() {
        return Ok(());
    }
    for it in &drift {
        writeln!(shell.out, "changed by hand: {}", visible(&it.to_string(), false))?;
    }
    let found = counted(drift.len() as u64, "difference");
    Err(Failure::Message(format!("{found} between the schema and what the migrations have left")))
}
