//! Toasty's migrations, in the table that Toasty's own SQLite driver keeps.

use std::collections::HashSet;

use toasty_core::Result;
use toasty_core::schema::db::{AppliedMigration, Migration};
use ubiqlite::{Database, Session, Transaction, params};

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
/// afterwards, and fewer did before.
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
    // Toasty sets this around a table that gets another form, which has no effect inside of a
    // transaction. It ends with the session.
    session.execute("PRAGMA foreign_keys = OFF", ()).await?;
    let mut transaction = session.begin().await?;
    transaction.execute(LEDGER, ()).await?;
    let sql = "SELECT count(*) FROM __toasty_migrations WHERE id = ?";
    if transaction.query_value::<i64>(sql, params![id]).await? > 0 {
        // Somebody who started at the same time has applied it.
        return Ok(());
    }
    // Orphans that were there before are not this migration's. They are counted, as a table that gets
    // another name or form has other rowids.
    let before = orphans(&mut transaction).await?;
    for statement in migration.statements() {
        if !is_foreign_keys(statement) {
            transaction.execute(statement, ()).await?;
        }
    }
    let after = orphans(&mut transaction).await?;
    if after.len() > before.len() {
        let known: HashSet<&Orphan> = before.iter().collect();
        let new = after.iter().find(|orphan| !known.contains(orphan)).or(after.first());
        let (table, _, parent, _) = new.cloned().unwrap_or_default();
        return Err(ubiqlite::Error::new(
            ubiqlite::ErrorKind::ForeignKeyViolation,
            format!(
                "after the migration {name}, rows of {table} refer to rows of {parent} that are gone"
            ),
        ));
    }
    let record = "INSERT INTO __toasty_migrations (id, name, applied_at)
                  VALUES (?, ?, datetime('now'))";
    transaction.execute(record, params![id, name]).await?;
    transaction.commit().await
}

/// A row that refers to none: its table and rowid, the parent, and the number of the foreign key.
type Orphan = (String, Option<i64>, String, i64);

async fn orphans(transaction: &mut Transaction<'_>) -> ubiqlite::Result<Vec<Orphan>> {
    transaction.query("PRAGMA foreign_key_check", ()).await
}

/// Whether a statement is `PRAGMA foreign_keys`, of any database and with whatever comments.
fn is_foreign_keys(statement: &str) -> bool {
    let text = without_comments(statement);
    let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut next = || words.find(|word| !word.is_empty()).unwrap_or_default();
    if !next().eq_ignore_ascii_case("PRAGMA") {
        return false;
    }
    let (name, then) = (next(), next());
    let is = |word: &str| word.eq_ignore_ascii_case("foreign_keys");
    // The first may be the schema's name, the second a value.
    is(name) || (text.contains('.') && is(then))
}

fn without_comments(mut statement: &str) -> String {
    let mut text = String::new();
    while let Some(at) = [statement.find("--"), statement.find("/*")].into_iter().flatten().min() {
        text.push_str(&statement[..at]);
        text.push(' ');
        let comment = &statement[at..];
        let end = if comment.starts_with("--") {
            comment.find('\n')
        } else {
            comment.find("*/").map(|end| end + 2)
        };
        statement = &comment[end.unwrap_or(comment.len())..];
    }
    text + statement
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pragma_that_has_no_effect_in_a_transaction_is_found_however_it_is_written() {
        for statement in [
            "PRAGMA foreign_keys = OFF;",
            "pragma foreign_keys(1)",
            "-- Toasty's\nPRAGMA main.foreign_keys=ON",
            "/* a; b */ PRAGMA/**/ \"temp\" . [foreign_keys] = 0; -- end",
        ] {
            assert!(is_foreign_keys(statement), "{statement}");
        }
        for statement in [
            "PRAGMA defer_foreign_keys = ON",
            "PRAGMA foreign_key_check",
            "PRAGMA table_info(foreign_keys)",
            "INSERT INTO t VALUES ('PRAGMA foreign_keys')",
            "-- PRAGMA foreign_keys = OFF\nSELECT 1",
        ] {
            assert!(!is_foreign_keys(statement), "{statement}");
        }
    }
}
