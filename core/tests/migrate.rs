//! Migrations: what is applied, what is refused, and what stays when something goes wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "migrate/adopt.rs"]
mod adopt;
#[path = "migrate/back.rs"]
mod back;
#[path = "migrate/drift.rs"]
mod drift;
#[path = "migrate/dropped.rs"]
mod dropped;
#[path = "migrate/foreign_keys.rs"]
mod foreign_keys;
#[path = "migrate/opening.rs"]
mod opening;
#[path = "migrate/rebuild.rs"]
mod rebuild;
#[path = "migrate/recorded.rs"]
mod recorded;
#[path = "migrate/runs.rs"]
mod runs;
#[path = "migrate/squash.rs"]
mod squash;

use std::path::{Path, PathBuf};

use ubiqlite::{Database, ErrorKind, MigrationStep, Migrations, Options, Result};

/// A folder for a database, on the backend that the environment names.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    async fn open(&self, options: Options) -> Result<Database> {
        open_at(&self.path(), options).await
    }

    /// A plain connection from outside.
    fn outside(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

async fn open_at(path: &Path, options: Options) -> Result<Database> {
    let single = std::env::var("UBIQLITE_BACKEND").is_ok_and(|name| name == "single-thread");
    #[cfg(feature = "single-thread")]
    if single {
        return options.open_single_thread_migrated(path).await;
    }
    assert!(!single, "the feature single-thread is off");
    options.open(path).await
}

/// A database in a folder of its own.
async fn fresh() -> (Place, Database) {
    let place = Place::new();
    let db = place.open(Options::default()).await.unwrap();
    (place, db)
}

fn files(files: &[(&'static str, &'static str)]) -> Migrations {
    Migrations::new(files.iter().copied()).unwrap()
}

/// The names of the steps.
fn names(steps: &[MigrationStep]) -> Vec<&str> {
    steps.iter().map(|step| step.name.as_str()).collect()
}

/// The names of what the database has.
async fn applied(db: &Database, migrations: &Migrations) -> Vec<String> {
    db.migrations(migrations).applied().await.unwrap().into_iter().map(|it| it.name).collect()
}

/// The error's kind and message of what must fail.
fn refused<T: std::fmt::Debug>(result: Result<T>) -> (ErrorKind, String) {
    let error = result.expect_err("it should have failed");
    (error.kind(), error.message().to_owned())
}

async fn number(db: &Database, sql: &str) -> i64 {
    db.query_value(sql, ()).await.unwrap()
}

/// The names of the program's tables.
async fn tables(db: &Database) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'ubiqlite%'
        AND name NOT LIKE 'sqlite%' ORDER BY name";
    let rows: Vec<(String,)> = db.query(sql, ()).await.unwrap();
    rows.into_iter().map(|(name,)| name).collect()
}
