//! Rows from files: all of a file, or nothing.

mod csv;
mod json;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use ubiqlite::{Params, Value};

use super::usage;
use crate::connection::Open;
use crate::failure::{Failure, Result, of_file};
use crate::interrupt;
use crate::output::literal::name;
use crate::shell::{Shell, counted};
use crate::wait::wait;

/// Rows that are sent at once.
const BATCH: usize = 2000;

/// How a file is read.
struct Options {
    /// Lines of CSV to leave out at the beginning.
    skip: usize,
    /// The text that means NULL.
    null: Option<String>,
    separator: u8,
}

pub(super) fn import(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let mut options = Options { skip: 0, null: None, separator: b',' };
    let mut json = None;
    let mut names = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| usage(".import"));
        match word.trim_start_matches('-') {
            _ if !word.starts_with('-') => names.push(word.as_str()),
            "csv" => json = Some(false),
            "json" => json = Some(true),
            "skip" => options.skip = value()?.parse().map_err(|_| usage(".import"))?,
            "null" => options.null = Some(value()?.clone()),
            "separator" => {
                options.separator = match value()?.replace("\\t", "\t").as_bytes() {
                    [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => *byte,
                    _ => return Err(Failure::new("a separator is one ASCII character")),
                }
            }
            _ => return Err(Failure::Message(format!("there is no option {word}"))),
        }
    }
    let [path, table] = names.as_slice() else { return Err(usage(".import")) };
    let path = Path::new(path);
    let json = json.unwrap_or_else(|| {
        let end = path.extension().unwrap_or_default().to_ascii_lowercase();
        end == "json" || end == "jsonl" || end == "ndjson"
    });
    if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("tsv"))
        && options.separator == b','
    {
        options.separator = b'\t';
    }
    let file = File::open(path).map_err(|error| of_file(path, &error))?;
    let file = BufReader::with_capacity(256 * 1024, file);
    let [begin, end, undo]: [&str; 3] = match shell.transaction {
        true => {
            ["SAVEPOINT ubiqlite_import", "RELEASE ubiqlite_import", "ROLLBACK TO ubiqlite_import"]
        }
        false => ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"],
    };
    let open = shell.connection.open(true)?;
    open.run(begin, ())?;
    let mut target =
        Target { open, table, insert: None, batch: Vec::new(), lines: Vec::new(), count: 0 };
    let done = match json {
        true => json::read(&mut target, file),
        false => csv::read(&mut target, file, &options),
    };
    let done = done.and_then(|()| target.send());
    let count = target.count;
    let done = done.and_then(|()| open.run(end, ()).map(drop));
    if let Err(failure) = done {
        interrupt::reset();
        // SQLite may have rolled all of it back.
        let _ = open.run(undo, ());
        if shell.transaction {
            let _ = open.run(end, ());
            shell.transaction = open.in_transaction()?;
        }
        return Err(match failure {
            Failure::Interrupted => Failure::new("interrupted: nothing was imported"),
            failure => Failure::Message(format!(
                "{}: {}; nothing was imported",
                path.display(),
                failure.words()
            )),
        });
    }
    shell.names_changed = true;
    if shell.interactive {
        use std::io::Write;
        writeln!(shell.out, "{} imported", counted(count, "row"))?;
    }
    Ok(())
}

/// The table that rows go into.
struct Target<'a> {
    open: &'a mut Open,
    table: &'a str,
    /// The statement, once the columns are known.
    insert: Option<String>,
    batch: Vec<Params>,
    /// The line of each row.
    lines: Vec<u64>,
    count: u64,
}

impl Target<'_> {
    /// Returns the columns that the table has; `None` if there is no table.
    fn columns(&mut self) -> Result<Option<Vec<String>>> {
        let sql = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid";
        let columns: Vec<String> = self.open.query(sql, (self.table,))?;
        Ok((!columns.is_empty()).then_some(columns))
    }

    /// Makes the table, with columns of these names. They are texts: a number made of `007` would be
    /// another value.
    fn create(&mut self, columns: &[String]) -> Result<()> {
        let columns: Vec<_> = columns.iter().map(|it| format!("{} TEXT", name(it))).collect();
        let sql = format!("CREATE TABLE {}({})", name(self.table), columns.join(", "));
        self.open.run(&sql, ()).map(drop)
    }

    /// Sets the columns that rows have.
    fn begin(&mut self, columns: &[String]) {
        let names: Vec<_> = columns.iter().map(|column| name(column)).collect();
        let values = vec!["?"; columns.len()].join(",");
        self.insert =
            Some(format!("INSERT INTO {}({}) VALUES({values})", name(self.table), names.join(",")));
    }

    /// Adds a row that begins on this line.
    fn add(&mut self, line: u64, values: Vec<Value>) -> Result<()> {
        let mut params = Params::new();
        values.into_iter().for_each(|value| params.push(value));
        self.batch.push(params);
        self.lines.push(line);
        if self.batch.len() < BATCH { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> Result<()> {
        if interrupt::requested() {
            return Err(Failure::Interrupted);
        }
        let (rows, lines) = (std::mem::take(&mut self.batch), std::mem::take(&mut self.lines));
        let Some(insert) = self.insert.as_deref().filter(|_| !rows.is_empty()) else {
            return Ok(());
        };
        let sent = rows.len() as u64;
        let Open { session, db } = &mut *self.open;
        wait(Some(db), session.execute_many(insert, rows)).map_err(|failure| match failure {
            Failure::Database(error) => match error.index().and_then(|index| lines.get(index)) {
                Some(line) => at(*line, error.message()),
                None => Failure::Database(error),
            },
            other => other,
        })?;
        self.count += sent;
        Ok(())
    }
}

/// Returns the failure of a line.
fn at(line: u64, message: impl std::fmt::Display) -> Failure {
    Failure::Message(format!("line {line}: {message}"))
}
