//! Damage, what can be saved, and what is counted.

use std::io::Write;
use std::time::Duration;

use ubiqlite::DamageKind;

use super::usage;
use crate::failure::{Failure, Result};
use crate::output::text::visible;
use crate::shell::{Shell, counted};
use crate::wait::wait;

pub(super) fn check(shell: &mut Shell, _arguments: &[String], _rest: &str) -> Result<()> {
    let db = shell.connection.open(false)?.db.clone();
    let found = wait(Some(&db), db.check())?;
    if found.is_empty() {
        writeln!(shell.out, "ok")?;
        return Ok(());
    }
    let mut damaged = false;
    for damage in &found {
        let table = damage.table.as_deref().unwrap_or("?");
        let line = match damage.kind {
            DamageKind::ForeignKey => {
                let row = damage.rowid.map_or(String::new(), |rowid| format!(" row {rowid}:"));
                let parent = damage.parent.as_deref().unwrap_or("?");
                format!("{table}:{row} ({}) names no row of {parent}", damage.message)
            }
            _ => {
                damaged = true;
                match &damage.table {
                    Some(table) => format!("{table}: {}", damage.message),
                    None => damage.message.clone(),
                }
            }
        };
        writeln!(shell.out, "{}", visible(&line, true))?;
    }
    let advice = if damaged { "; `.recover NEW_FILE` saves what can be read" } else { "" };
    Err(Failure::Message(format!("{} found{advice}", counted(found.len() as u64, "fault"))))
}

pub(super) fn recover(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let [to] = arguments else { return Err(usage(".recover")) };
    // Of the file, whether it can be opened or not.
    let Some(from) = shell.connection.path().map(ToOwned::to_owned) else {
        return Err(Failure::new("a database in memory has no file to recover"));
    };
    let saved = wait(None, ubiqlite::recover(from, to))?;
    for (table, rows) in saved.tables {
        writeln!(shell.out, "{}: {}", visible(&table, false), counted(rows, "row"))?;
    }
    if saved.lost_and_found > 0 {
        let rows = counted(saved.lost_and_found, "row");
        writeln!(shell.out, "lost_and_found: {rows}, whose table is not known")?;
    }
    writeln!(shell.out, "saved in {to}")?;
    Ok(())
}

pub(super) fn stats(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    if !arguments.is_empty() {
        return Err(usage(".stats"));
    }
    let stats = shell.connection.open(false)?.db.stats()?;
    for (name, number) in stats.numbers() {
        let (name, number) = match (name.strip_suffix("_ns"), number) {
            (name_of_time, None) => (name_of_time.unwrap_or(name), "-".to_owned()),
            (None, Some(number)) => (name, number.to_string()),
            (Some(name), Some(nanos)) => {
                (name, format!("{:.3} ms", Duration::from_nanos(nanos).as_secs_f64() * 1e3))
            }
        };
        writeln!(shell.out, "{name:<24}{number}")?;
    }
    Ok(())
}
