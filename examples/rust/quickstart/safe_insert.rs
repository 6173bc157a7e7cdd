//! Errors by kind: nobody has to read a message to know what happened.

use std::path::Path;
use std::time::Duration;

use ubiqlite::{Database, Error, ErrorKind, Record, Result, params, record};

use crate::show::{Step, chapter, note, refused};

/// Inserts a row and returns whether that succeeded, with a message for a user.
async fn safe_insert(db: &Database, table: &str, row: Record) -> (bool, String) {
    let error = match db.table(table).insert(row).await {
        Ok(_) => return (true, "Success".to_owned()),
        Err(error) => error,
    };
    let message = match error.kind() {
        ErrorKind::UniqueViolation | ErrorKind::PrimaryKeyViolation => "Duplicate entry",
        ErrorKind::ForeignKeyViolation => "Referenced record not found",
        ErrorKind::NoSuchTable => "Table not found",
        ErrorKind::Busy => "Database busy",
        _ => error.message(),
    };
    (false, message.to_owned())
}

pub(crate) async fn run(db: &Database, path: &Path) -> Result<()> {
    chapter("A safe insert", "What went wrong is a kind to match on, not a text to search in.");
    let alan = record! { "name" => "Alan", "email" => "alan@example.org" };

    for (what, table, row) in [
        ("a new user", "users", alan.clone()),
        ("the same e-mail again", "users", alan.clone()),
        ("an order of nobody", "orders", record! { "user_id" => 99, "total" => 1 }),
        ("a table that is not there", "customers", alan),
        ("no name", "users", record! { "email" => "x@example.org" }),
    ] {
        let step = Step::begin(what);
        let (ok, message) = safe_insert(db, table, row).await;
        step.end(format_args!("{ok}: {message}"));
    }

    // As another process might: it has the file open and is writing.
    let other = Database::open(path).await?;
    let writing = other.begin().await?;
    let impatient = Database::options().busy_timeout(Duration::from_millis(50)).open(path).await?;
    let step = Step::begin("somebody else is writing");
    let row = record! { "name" => "Mary", "email" => "mary@example.org" };
    let (ok, message) = safe_insert(&impatient, "users", row).await;
    step.end(format_args!("{ok}: {message}"));
    writing.rollback().await?;
    impatient.close().await?;
    other.close().await?;

    chapter("Errors", "Each carries what SQLite knows.");
    let twice = record! { "name" => "Ada", "email" => "ada@example.org" };
    if let Err(error) = db.table("users").insert(twice).await {
        note("kind", error.kind());
        note("SQLite's extended code", format_args!("{:?}", error.code()));
        note("table and columns", format_args!("{:?} {:?}", error.table(), error.columns()));
    }
    let typo = "SELECT id, nmae FROM items";
    let answer = db.query_one::<String>(typo, ()).await;
    let at = answer.as_ref().err().and_then(Error::offset);
    note("a typo", typo);
    if let Some(at) = at {
        note("", format_args!("{:>width$}", "^", width = at + 1));
    }
    refused("", answer);
    let nobody = db.query_one::<String>("SELECT name FROM users WHERE id = ?", params![99]).await;
    refused("one row, where there is none", nobody);
    Ok(())
}
