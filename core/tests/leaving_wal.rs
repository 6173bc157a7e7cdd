//! A database that leaves WAL mode after commits of other connections: what they have written stays.
//! SQLite itself would go on with the pages that it has in memory from before.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use rusqlite::Connection;
use ubiqlite::{Database, JournalMode};

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); CREATE INDEX i ON t (a);
    INSERT INTO t VALUES (1, 0, 0);";

const WAYS: [&str; 5] = [
    "PRAGMA journal_mode = DELETE",
    "/* then */ pragma main . 'JOURNAL_MODE' (truncate)",
    "PRAGMA \"journal_mode\" = persist",
    "PRAGMA [journal_mode] = memory",
    "PRAGMA journal_mode = off;",
];

/// A file in WAL mode, which the database opens without a reason to change its first page.
async fn database(folder: &tempfile::TempDir) -> (Database, Connection) {
    let path = folder.path().join("a.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch(&format!("PRAGMA journal_mode = wal; {SCHEMA}")).unwrap();
    let db = Database::open(&path).await.unwrap();
    (db, other)
}

/// What another connection finds: the sums, and whether the file is sound.
fn found(folder: &tempfile::TempDir, file: &str) -> (i64, i64, String) {
    let fresh = Connection::open(folder.path().join(file)).unwrap();
    let sums = "SELECT sum(a), sum(b) FROM t NOT INDEXED";
    let (a, b) = fresh.query_row(sums, (), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    (a, b, fresh.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap())
}

#[tokio::test]
async fn a_change_of_the_mode_keeps_what_others_have_committed() {
    for way in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let (db, other) = database(&folder).await;
        db.execute("UPDATE t SET b = b + 1", ()).await.unwrap();
        other.execute_batch("UPDATE t SET a = a + 1; INSERT INTO t VALUES (2, 5, 0)").unwrap();
        other.close().unwrap();

        db.query::<String>(way, ()).await.unwrap_or_else(|error| panic!("{way}: {error}"));
        let read: i64 = db.query_value("SELECT sum(a) FROM t", ()).await.unwrap();
        assert_eq!(read, 6, "{way}");
        db.execute("UPDATE t SET b = b + 1", ()).await.unwrap();
        assert_eq!(found(&folder, "a.db"), (6, 3, "ok".into()), "{way}");
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn so_does_one_in_a_script() {
    let folder = tempfile::tempdir().unwrap();
    let (db, other) = database(&folder).await;
    db.execute("UPDATE t SET b = b + 1", ()).await.unwrap();
    other.execute_batch("UPDATE t SET a = a + 1").unwrap();
    other.close().unwrap();
    db.batch("PRAGMA journal_mode = DELETE").await.unwrap();
    db.execute("UPDATE t SET b = b + 1", ()).await.unwrap();
    assert_eq!(found(&folder, "a.db"), (1, 2, "ok".into()));
    db.close().await.unwrap();
}

#[tokio::test]
async fn so_does_one_of_an_attached_database() {
    let folder = tempfile::tempdir().unwrap();
    let (db, other) = database(&folder).await;
    let db_at = Database::open(folder.path().join("main.db")).await.unwrap();
    let mut session = db_at.acquire().await.unwrap();
    let path = folder.path().join("a.db");
    session.execute("ATTACH ? AS other", ubiqlite::params![path.to_str().unwrap()]).await.unwrap();
    session.execute("UPDATE other.t SET b = b + 1", ()).await.unwrap();
    other.execute_batch("UPDATE t SET a = a + 1").unwrap();
    other.close().unwrap();
    db.close().await.unwrap();
    let mode: String = session.query_value("PRAGMA other.journal_mode = DELETE", ()).await.unwrap();
    assert_eq!(mode, "delete");
    session.execute("UPDATE other.t SET b = b + 1", ()).await.unwrap();
    drop(session);
    assert_eq!(found(&folder, "a.db"), (1, 2, "ok".into()));
    db_at.close().await.unwrap();
}

#[tokio::test]
async fn back_and_forth_between_two_databases_no_row_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (first, other) = database(&folder).await;
    other.close().unwrap();
    first.close().await.unwrap();
    let path = folder.path().join("a.db");
    for round in 0..20 {
        let modes = [JournalMode::Wal, JournalMode::Delete];
        let db = Database::options().journal_mode(modes[round % 2]).open(&path).await.unwrap();
        db.execute("UPDATE t SET a = a + 1, b = b + 2", ()).await.unwrap();
        let between = Connection::open(&path).unwrap();
        between.execute_batch("UPDATE t SET a = a + 1").unwrap();
        between.close().unwrap();
        let next = ["DELETE", "WAL"][round % 2];
        db.query::<String>(&format!("PRAGMA journal_mode = {next}"), ()).await.unwrap();
        db.execute("UPDATE t SET b = b - 1", ()).await.unwrap();
        db.close().await.unwrap();
    }
    assert_eq!(found(&folder, "a.db"), (40, 20, "ok".into()));
}
