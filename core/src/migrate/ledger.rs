//! The ledger: a table of the database that has its migrations. `PRAGMA user_version` is left to
//! the program.

use crate::api::session::Session;
use crate::changes::KnownMigrations;
use crate::error::{ErrorKind, Result};
use crate::exec::target::Target;
use crate::migrations::{Entry, Migration, Numbers, Way, of_lines};
use crate::row::Row;
use crate::sql::Params;
use crate::value::Value;

/// What is read at every opening comes first: of a long row SQLite then reads only the beginning.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS main.ubiqlite_migrations (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at TEXT,
    took_us INTEGER,
    breaks INTEGER NOT NULL DEFAULT 0,
    replaces TEXT,
    lines BLOB,
    down TEXT,
    schema TEXT,
    down_all TEXT
)";

const READ: &str =
    "SELECT id, name, checksum, applied_at IS NULL, breaks, replaces, down_all IS NOT NULL
    FROM main.ubiqlite_migrations ORDER BY id";

/// What was applied, for those who ask.
pub(super) const APPLIED: &str =
    "SELECT id, name, applied_at, took_us, breaks, coalesce(down, down_all) IS NOT NULL
    FROM main.ubiqlite_migrations ORDER BY id";

const WRITE: &str = "INSERT OR REPLACE INTO main.ubiqlite_migrations
    (id, name, checksum, applied_at, took_us, breaks, replaces, lines, down)
    VALUES (?, ?, ?, iif(?, NULL, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), ?, ?, ?, ?, ?)";

/// What was there under this number stays: its way back, when it ran, and that it breaks older programs.
const NOTE: &str = "INSERT INTO main.ubiqlite_migrations
    (id, name, checksum, applied_at, breaks, replaces, lines, down_all)
    VALUES (?, ?, ?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, checksum = excluded.checksum,
        breaks = max(breaks, excluded.breaks), replaces = excluded.replaces,
        lines = excluded.lines, down_all = excluded.down_all";

/// How a migration came into the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It ran, for so many microseconds.
    Ran(i64),
    /// It was noted as done.
    Noted,
    /// It is about to run, outside a transaction.
    Begun,
}

/// Reads the ledger, in the order of the numbers. `None`: the database has none.
pub(super) async fn read(target: Target<'_>) -> Result<Option<Vec<Entry>>> {
    let rows = match target.query::<Row>(READ, Params::new()).await {
        Ok(rows) => rows,
        Err(error) if error.kind() == ErrorKind::NoSuchTable => return Ok(None),
        Err(error) => return Err(error),
    };
    let entry = |row: &Row| -> Result<Entry> {
        let replaces = row.get::<Option<&str>>(5)?.map(Numbers::parse).transpose()?;
        Ok(Entry {
            number: row.get(0)?,
            name: row.get(1)?,
            checksum: row.get(2)?,
            begun: row.get(3)?,
            breaks_older: row.get(4)?,
            replaces,
            undoes_all: row.get(6)?,
        })
    };
    rows.iter().map(entry).collect::<Result<Vec<_>>>().map(Some)
}

pub(super) async fn create(session: &mut Session) -> Result<()> {
    session.execute(CREATE, ()).await.map(drop)
}

/// Writes a migration into the ledger, in place of what it has under this number.
pub(super) async fn write(session: &mut Session, migration: &Migration, how: How) -> Result<()> {
    let took = match how {
        How::Ran(took) => Value::Integer(took),
        How::Noted | How::Begun => Value::Null,
    };
    let text = |text: Option<String>| text.map_or(Value::Null, Value::Text);
    let values = [
        key(migration.number),
        Value::Text(migration.name.clone()),
        Value::Text(migration.checksum.clone()),
        Value::Integer(i64::from(how == How::Begun)),
        took,
        Value::Integer(i64::from(migration.headers.breaks_older)),
        text(migration.headers.replaces.as_ref().map(ToString::to_string)),
        Value::Blob(of_lines(&migration.text)),
        text(migration.down.as_ref().map(ToString::to_string)),
    ];
    session.execute(WRITE, values.into_iter().collect::<Params>()).await.map(drop)
}

/// Notes a migration as done, since those that it replaces are. What the ledger has of these stays.
/// Its own way back, which undoes all of them at once, is kept apart from theirs.
pub(super) async fn note(session: &mut Session, migration: &Migration) -> Result<()> {
    let text = |text: Option<String>| text.map_or(Value::Null, Value::Text);
    let values = [
        key(migration.number),
        Value::Text(migration.name.clone()),
        Value::Text(migration.checksum.clone()),
        Value::Integer(i64::from(migration.headers.breaks_older)),
        text(migration.headers.replaces.as_ref().map(ToString::to_string)),
        Value::Blob(of_lines(&migration.text)),
        text(migration.down.as_ref().map(ToString::to_string)),
    ];
    session.execute(NOTE, values.into_iter().collect::<Params>()).await.map(drop)
}

/// Accepts the text of a migration as it is now. The ways back of one that was noted stay.
pub(super) async fn restamp(session: &mut Session, migration: &Migration) -> Result<()> {
    let sql = "UPDATE main.ubiqlite_migrations SET name = ?, checksum = ?, lines = ?,
        down = iif(replaces IS NULL, coalesce(?, down), down) WHERE id = ?";
    let down = migration.down.as_ref().map_or(Value::Null, |down| Value::Text(down.to_string()));
    let values = [
        Value::Text(migration.name.clone()),
        Value::Text(migration.checksum.clone()),
        Value::Blob(of_lines(&migration.text)),
        down,
        key(migration.number),
    ];
    session.execute(sql, values.into_iter().collect::<Params>()).await.map(drop)
}

/// Returns the greatest number among those that break older programs; 0 if there is none.
pub(super) async fn breaking(target: Target<'_>) -> Result<u64> {
    match target.query_value(KnownMigrations::BREAKING, Params::new()).await {
        Err(error) if error.kind() == ErrorKind::NoSuchTable => Ok(0),
        found => found,
    }
}

/// Removes a migration that was undone, and with [`Way::All`] those that it stands for.
pub(super) async fn remove(session: &mut Session, entry: &Entry, way: Way) -> Result<()> {
    let sql = "DELETE FROM main.ubiqlite_migrations WHERE id = ?";
    let others = entry.replaces.iter().filter(|_| way == Way::All);
    for number in others.flat_map(Numbers::iter).chain([entry.number]) {
        session.execute(sql, (number,)).await?;
    }
    Ok(())
}

/// Removes a migration that was begun outside a transaction, and has failed.
pub(super) async fn forget_begun(session: &mut Session, number: u64) -> Result<()> {
    let sql = "DELETE FROM main.ubiqlite_migrations WHERE id = ? AND applied_at IS NULL";
    session.execute(sql, (number,)).await.map(drop)
}

/// Returns how the migration with this number is undone, as it was when it was applied: by itself, or
/// with [`Way::All`] together with those that it stands for.
pub(super) async fn down(session: &mut Session, number: u64, way: Way) -> Result<Option<String>> {
    let sql = match way {
        Way::All => "SELECT down_all FROM main.ubiqlite_migrations WHERE id = ?",
        Way::Own | Way::Note => "SELECT down FROM main.ubiqlite_migrations WHERE id = ?",
    };
    session.query_value(sql, (number,)).await
}

/// Returns the marks of the lines that were applied.
pub(super) async fn lines(target: Target<'_>, number: u64) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT lines FROM main.ubiqlite_migrations WHERE id = ?";
    let params = [key(number)];
    target.query_value(sql, params.into_iter().collect()).await
}

/// Keeps the schema as the last migration has left it: earlier ones are not asked for.
pub(super) async fn keep_schema(session: &mut Session, schema: &str) -> Result<()> {
    session
        .execute("UPDATE main.ubiqlite_migrations SET schema = NULL WHERE schema IS NOT NULL", ())
        .await?;
    let sql = "UPDATE main.ubiqlite_migrations SET schema = ?
        WHERE id = (SELECT max(id) FROM main.ubiqlite_migrations)";
    session.execute(sql, (schema,)).await.map(drop)
}

/// Returns the schema as the last migration has left it, if it is known.
pub(super) async fn schema(target: Target<'_>) -> Result<Option<String>> {
    let sql = "SELECT schema FROM main.ubiqlite_migrations WHERE schema IS NOT NULL";
    match target.query_optional::<(String,)>(sql, Params::new()).await {
        Ok(found) => Ok(found.map(|(schema,)| schema)),
        Err(error) if error.kind() == ErrorKind::NoSuchTable => Ok(None),
        Err(error) => Err(error),
    }
}

/// The key of a migration: no number is greater than the greatest key.
fn key(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
