//! `PRAGMA integrity_check` on connections that have read a table before others have changed it: a
//! sound file is called sound, and a corrupt one corrupt.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use rusqlite::Connection;
use ubiqlite::{Database, Options};

const SCHEMA: &str = "
    CREATE VIRTUAL TABLE ft USING fts5 (body);
    CREATE VIRTUAL TABLE \"a \"\"b%s'c\" USING FTS5 (body, detail = none);
    CREATE VIRTUAL TABLE rt USING rtree (id, x0, x1);
    CREATE TABLE fts5_like (body);";

fn grow(other: &Connection, from: i64) {
    for id in from..from + 40 {
        let text = format!("w{id} x");
        other.execute("INSERT INTO ft (body) VALUES (?)", [&text]).unwrap();
        other.execute("INSERT INTO \"a \"\"b%s'c\" (body) VALUES (?)", [&text]).unwrap();
        other.execute("INSERT INTO rt VALUES (?1, ?1, ?1)", [id]).unwrap();
    }
}

const CHECKS: [&str; 7] = [
    "PRAGMA integrity_check",
    "/* all */ pragma main.QUICK_CHECK",
    "PRAGMA integrity_check(ft)",
    "PRAGMA integrity_check(5)",
    "PRAGMA \"integrity_check\"",
    "SELECT * FROM pragma_integrity_check",
    "WITH c AS (SELECT quick_check AS found FROM Pragma_Quick_Check) SELECT found FROM c",
];

#[tokio::test]
async fn a_sound_table_is_not_called_corrupt_after_commits_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch(&format!("PRAGMA journal_mode = wal; {SCHEMA}")).unwrap();
    grow(&other, 0);
    let db = Options::default().readers(1).open(&path).await.unwrap();
    let mut session = db.acquire().await.unwrap();
    for (round, check) in CHECKS.into_iter().enumerate() {
        let first: String = db.query_value(check, ()).await.unwrap();
        assert_eq!(first, "ok", "{check}");
        let first: String = session.query_value(check, ()).await.unwrap();
        assert_eq!(first, "ok", "{check}, in a session");
        grow(&other, 100 * (round as i64 + 1));
        db.execute("INSERT INTO ft (body) VALUES ('own')", ()).await.unwrap();
        let second: Vec<String> = db.query(check, ()).await.unwrap();
        assert_eq!(second, ["ok"], "{check}");
        let mut tx = session.begin().await.unwrap();
        tx.execute("INSERT INTO ft (body) VALUES ('not committed')", ()).await.unwrap();
        let third: Vec<String> = tx.query(check, ()).await.unwrap();
        assert_eq!(third, ["ok"], "{check}, in a transaction");
        tx.rollback().await.unwrap();
        assert_eq!(session.query_value::<String>(check, ()).await.unwrap(), "ok", "{check}");
    }
    drop(session);
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_check_holds_no_moment_once_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let db = Database::open(&path).await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    let other = Connection::open(&path).unwrap();
    let mut session = db.acquire().await.unwrap();
    for check in CHECKS {
        session.query::<String>(check, ()).await.unwrap();
        other.execute("INSERT INTO fts5_like VALUES (1)", ()).unwrap();
        let busy: i64 =
            other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0)).unwrap();
        assert_eq!(busy, 0, "{check}: a reader is left");
    }
    drop(session);
    db.close().await.unwrap();
}

#[tokio::test]
async fn an_index_that_does_not_fit_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch(SCHEMA).unwrap();
    grow(&other, 0);
    other
        .execute_batch("DELETE FROM ft_docsize WHERE id = 3; DELETE FROM rt_rowid WHERE rowid = 3")
        .unwrap();
    let db = Database::open(&path).await.unwrap();
    let found: Vec<String> = db.query("PRAGMA integrity_check", ()).await.unwrap();
    assert!(found.iter().any(|it| it.contains("ft")), "{found:?}");
    assert!(found.iter().any(|it| it.contains("rt")), "{found:?}");
    db.close().await.unwrap();
}
