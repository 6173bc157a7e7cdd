//! `PRAGMA integrity_check` on connections that have read a table before others have changed it: a
//! sound file is called sound, and a corrupt one corrupt.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use rusqlite::Connection;
use ubiqlite::{DamageKind, Database, ErrorKind, Options};

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

/// A file with a damaged index, a damaged table and a foreign key that names no row.
fn damaged(path: &std::path::Path) {
    let other = Connection::open(path).unwrap();
    other
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
            PRAGMA page_size = 1024;
            CREATE TABLE sound (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE parts (id INTEGER PRIMARY KEY, name TEXT, sound INT REFERENCES sound (id));
            CREATE INDEX of_name ON parts (name);
            CREATE TABLE pairs (a, b, FOREIGN KEY (a, b) REFERENCES two (a, b));
            CREATE TABLE two (a, b, PRIMARY KEY (a, b));
            INSERT INTO sound VALUES (1, 'lamp');
            INSERT INTO parts VALUES (1, 'bulb', 1), (2, 'shade', 7);
            INSERT INTO pairs VALUES (1, 2);",
        )
        .unwrap();
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'of_name'";
    let page: u32 = other.query_row(root, [], |row| row.get(0)).unwrap();
    other.close().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    let start = (page as usize - 1) * 1024;
    let found = bytes[start..start + 1024].windows(5).position(|it| it == b"shade").unwrap();
    bytes[start + found..start + found + 5].copy_from_slice(b"spade");
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_table_and_a_sound_database_has_nothing_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    damaged(&path);
    let db = Options::default().open(&path).await.unwrap();
    let found = db.check().await.unwrap();
    let content: Vec<_> = found.iter().filter(|it| it.kind == DamageKind::Content).collect();
    assert!(!content.is_empty(), "{found:?}");
    assert!(content.iter().all(|it| it.table.as_deref() == Some("parts")), "{found:?}");
    assert!(content.iter().all(|it| it.message.contains("of_name")), "{found:?}");
    let keys: Vec<_> = found
        .iter()
        .filter(|it| it.kind == DamageKind::ForeignKey)
        .map(|it| (it.table.as_deref(), it.rowid, it.parent.as_deref(), it.message.as_str()))
        .collect();
    assert_eq!(
        keys,
        [
            (Some("pairs"), Some(1), Some("two"), "a, b"),
            (Some("parts"), Some(2), Some("sound"), "sound"),
        ]
    );
    for mend in [
        "REINDEX of_name",
        "UPDATE parts SET sound = 1 WHERE id = 2",
        "INSERT INTO two VALUES (1, 2)",
    ] {
        db.execute(mend, ()).await.unwrap();
    }
    assert_eq!(db.check().await.unwrap(), []);
    db.close().await.unwrap();
}

#[tokio::test]
async fn pages_that_are_gone_are_told_and_a_schema_that_is_gone_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, p INT REFERENCES t (id), text TEXT);
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
                INSERT INTO t SELECT i, NULL, printf('%.200c', 'x') FROM n;",
        )
        .unwrap();
    other.close().unwrap();
    let sound = std::fs::read(&path).unwrap();
    for (from, to) in [(4096, 8192), (8192, 12_288), (12_288, sound.len())] {
        let mut bytes = sound.clone();
        bytes[from..to].fill(0xa5);
        std::fs::write(&path, bytes).unwrap();
        let db = Options::default().open(&path).await.unwrap();
        let found = db.check().await.unwrap();
        assert!(found.iter().any(|it| it.kind == DamageKind::Content), "{from}: {found:?}");
        db.close().await.unwrap();
    }
    let mut bytes = sound.clone();
    bytes[100..4096].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let refused = match Options::default().open(&path).await {
        Ok(db) => db.check().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(refused.kind(), ErrorKind::Corrupt, "{refused}");
}
