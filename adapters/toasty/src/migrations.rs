//! Toasty's migrations, in the table that Toasty's own SQLite driver keeps.

use toasty_core::Result;
use toasty_core::schema::db::{AppliedMigration, Migration};
use ubiqlite::{Database, Session, params};

use crate::error::error;

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS __toasty_migrations (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at TEXT NOT NULL
)";

/// Returns the migrations that the database has, the oldest first.
///
/// # Errors
/// ubiqlite's.
pub(crate) async fn applied(database: &Database) -> Result<Vec<AppliedMigration>> {
    database.execute(LEDGER, ()).await.map_err(error)?;
    let ids: Vec<(i64,)> = database
        .query("SELECT id FROM __toasty_migrations ORDER BY applied_at, rowid", ())
        .await
        .map_err(error)?;
    Ok(ids.into_iter().map(|(id,)| AppliedMigration::new(id.cast_unsigned())).collect())
}

/// Applies a migration, all of it or nothing. One that the database has already is left alone.
///
/// # Errors
/// That of the first statement that fails; `ForeignKeyViolation` if rows refer to what is gone
/// afterwards.
pub(crate) async fn apply(
    database: &Database,
    id: u64,
    name: &str,
    migration: &Migration,
) -> Result<()> {
    let mut session = database.acquire().await.map_err(error)?;
    run(&mut session, id.cast_signed(), name, migration).await.map_err(error)
}

async fn run(
    session: &mut Session,
    id: i64,
    name: &str,
    migration: &Migration,
) -> ubiqlite::Result<()> {
    // Toasty sets this around a table that gets another form, where SQLite ignores it: inside of
    // the transaction. It ends with the session.
    session.execute("PRAGMA foreign_keys = OFF", ()).await?;
    let mut transaction = session.begin().await?;
    transaction.execute(LEDGER, ()).await?;
    let sql = "SELECT count(*) FROM __toasty_migrations WHERE id = ?";
    if transaction.query_value::<i64>(sql, params![id]).await? > 0 {
        // Somebody who started at the same time has applied it.
        return Ok(());
    }
    for statement in migration.statements() {
        if !sets_foreign_keys(statement) {
            transaction.execute(statement, ()).await?;
        }
    }
    let broken: Option<ubiqlite::Row> =
        transaction.query_optional("PRAGMA foreign_key_check", ()).await?;
    if let Some(broken) = broken {
        let table: &str = broken.get(0)?;
        return Err(ubiqlite::Error::new(
            ubiqlite::ErrorKind::ForeignKeyViolation,
            format!("after the migration {name}, rows of {table} refer to rows that are gone"),
        ));
    }
    let record = "INSERT INTO __toasty_migrations (id, name, applied_at)
                  VALUES (?, ?, datetime('now'))";
    transaction.execute(record, params![id, name]).await?;
    transaction.commit().await
}

fn sets_foreign_keys(statement: &str) -> bool {
    let mut words = statement.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut next = || words.find(|word| !word.is_empty()).unwrap_or_default();
    next().eq_ignore_ascii_case("PRAGMA") && next().eq_ignore_ascii_case("foreign_keys")
}
