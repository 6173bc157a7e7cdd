//! Copies of a database while it is used, and replacing it by one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "backup/copies.rs"]
mod copies;
#[cfg(target_os = "linux")]
#[path = "backup/kill_steps.rs"]
mod kill_steps;
#[path = "backup/kills.rs"]
mod kills;
#[path = "backup/memory.rs"]
mod memory;
#[path = "backup/refused.rs"]
mod refused;
#[path = "backup/restores.rs"]
mod restores;
#[path = "backup/streams.rs"]
mod streams;
#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

use ubiqlite::{Database, Options, Synchronous};

/// A folder with a database in it, on the backend that the environment names.
struct Place {
    folder: tempfile::TempDir,
    db: Database,
}

impl Place {
    /// A database with 2,000 accounts, whose sum is always the same, and a log of what happened.
    async fn new() -> Self {
        Self::with(options()).await
    }

    async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = open_with(options, &folder.path().join("app.db")).await;
        fill(&db).await;
        Self { folder, db }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The files of the folder, but for those of the database.
    fn others(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !matches!(name.as_str(), "app.db" | "app.db-wal" | "app.db-shm"))
            .collect();
        names.sort();
        names
    }
}

const ACCOUNTS: i64 = 2_000;

async fn fill(db: &Database) {
    db.batch(
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER, note TEXT);
         CREATE TABLE log (id INTEGER PRIMARY KEY, amount INTEGER);
         CREATE INDEX by_note ON accounts (note)",
    )
    .await
    .unwrap();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
               INSERT INTO accounts SELECT i, 100, hex(randomblob(200)) FROM n";
    db.execute(sql, (ACCOUNTS,)).await.unwrap();
}

fn options() -> Options {
    Options::default().synchronous(Synchronous::Normal)
}

fn is_single() -> bool {
    std::env::var("UBIQLITE_BACKEND").is_ok_and(|name| name == "single-thread")
}

async fn open_with(options: Options, path: &Path) -> Database {
    #[cfg(feature = "single-thread")]
    if is_single() {
        return options.open_single_thread(path).unwrap();
    }
    assert!(cfg!(feature = "single-thread") || !is_single(), "the feature single-thread is off");
    options.open(path).await.unwrap()
}

/// What a database holds, as a plain connection reads it.
#[derive(Debug, PartialEq)]
struct Seen {
    rows: i64,
    sum: i64,
    last: i64,
    text: String,
}

fn seen(path: &Path) -> Seen {
    let db = rusqlite::Connection::open(path).unwrap();
    let sound: String = db.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok", "{}", path.display());
    let one = |sql: &str| db.query_row(sql, (), |row| row.get(0)).unwrap();
    Seen {
        rows: one("SELECT count(*) FROM accounts"),
        sum: one("SELECT sum(balance) FROM accounts"),
        last: one("SELECT coalesce(max(id), 0) FROM log"),
        text: db
            .query_row("SELECT group_concat(note || balance) FROM accounts", (), |row| row.get(0))
            .unwrap(),
    }
}

/// Moves money and writes that down, in one transaction: `number` is in the copy or the money has
/// not moved.
async fn transfer(db: &Database, number: i64) {
    let (from, to) = (1 + number % ACCOUNTS, 1 + (number * 7) % ACCOUNTS);
    db.batch(&*format!(
        "UPDATE accounts SET balance = balance - 1 WHERE id = {from};
         UPDATE accounts SET balance = balance + 1 WHERE id = {to};
         INSERT INTO log VALUES ({number}, 1)"
    ))
    .await
    .unwrap();
}
