//! Scripts run as SQLite runs them, and atomically unless they contain transactions of their
//! own.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use support::{Fresh, kind, number, within};
use ubiqlite::{Database, ErrorKind};

/// A parent table whose deleted rows take their children with them.
const FAMILY: &str = "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE children (id INTEGER PRIMARY KEY,
        parent INTEGER NOT NULL REFERENCES parents (id) ON DELETE CASCADE);
    INSERT INTO parents VALUES (1, 'a'), (2, 'b');
    INSERT INTO children (parent) VALUES (1), (1), (2);";

/// A script as migration tools generate it, which gives `parents` another column.
const REBUILD: &str = "PRAGMA foreign_keys=OFF;
    CREATE TABLE __new_parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER);
    INSERT INTO __new_parents (id, name) SELECT id, name FROM parents;
    DROP TABLE parents;
    ALTER TABLE __new_parents RENAME TO parents;
    PRAGMA foreign_keys=ON;";

async fn fresh(schema: &str) -> Fresh {
    Fresh::with(Database::options().readers(2), schema).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_rebuilt_keeps_its_children() {
    let fresh = fresh(FAMILY).await;
    within("a rebuild", fresh.db.batch(REBUILD)).await.unwrap();
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM children").await, 3);
    let mut session = fresh.db.acquire().await.unwrap();
    let again = REBUILD.replace("age INTEGER", "age INTEGER, size INTEGER");
    within("a rebuild", session.batch(again.as_str())).await.unwrap();
    let on: i64 = session.query_value("PRAGMA foreign_keys", ()).await.unwrap();
    assert_eq!(on, 1, "the script's last word");
    drop(session);
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM children").await, 3);
    assert_eq!(number(&fresh.db, "SELECT count(size) + count(age) FROM parents").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_script_sets_is_nobody_elses() {
    for path in [":memory:", ""] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("app.db");
        let path = if path.is_empty() { file.as_path() } else { path.as_ref() };
        let db = Database::open(path).await.unwrap();
        db.batch(FAMILY).await.unwrap();
        let script = "PRAGMA foreign_keys = OFF; CREATE TEMP TABLE t (x);
            INSERT INTO children (parent) VALUES (99);";
        db.batch(script).await.unwrap();
        let orphan = "INSERT INTO children (parent) VALUES (98)";
        assert_eq!(kind(db.execute(orphan, ()).await), ErrorKind::ForeignKeyViolation);
        assert_eq!(
            kind(db.query::<ubiqlite::Row>("SELECT * FROM t", ()).await),
            ErrorKind::NoSuchTable
        );
        assert_eq!(number(&db, "SELECT count(*) FROM children").await, 4);
        db.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_sqlite_ignores_inside_a_transaction_is_an_error_there() {
    let fresh = fresh(FAMILY).await;
    let off = "PRAGMA foreign_keys = OFF";
    let mut session = fresh.db.acquire().await.unwrap();
    session.execute("BEGIN", ()).await.unwrap();
    for sql in [off, "PRAGMA foreign_keys(0)", "EXPLAIN PRAGMA foreign_keys=0"] {
        let error = session.execute(sql, ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{sql}");
        assert!(error.message().contains("inside a transaction"), "{}", error.message());
    }
    let script = format!("{off}; DELETE FROM parents;");
    assert_eq!(kind(session.batch(script.as_str()).await), ErrorKind::InvalidArgument);
    let list = [(off, ()), ("DELETE FROM parents", ())];
    assert_eq!(kind(session.batch(list).await), ErrorKind::InvalidArgument);
    assert_eq!(
        kind(session.execute("PRAGMA journal_mode = DELETE", ()).await),
        ErrorKind::InvalidArgument
    );
    session.execute("COMMIT", ()).await.unwrap();
    let list = [(off, ()), ("DELETE FROM parents", ())];
    assert_eq!(
        kind(session.batch(list).await),
        ErrorKind::InvalidArgument,
        "a list is one transaction"
    );
    let mut tx = session.begin().await.unwrap();
    assert_eq!(kind(tx.execute(off, ()).await), ErrorKind::InvalidArgument);
    tx.commit().await.unwrap();
    drop(session);
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM children").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_keys_can_be_deferred_inside_a_transaction_and_only_there() {
    let fresh = fresh(FAMILY).await;
    let defer = "PRAGMA defer_foreign_keys = ON";
    fresh
        .db
        .transaction(async |tx| {
            tx.execute(defer, ()).await?;
            tx.execute("INSERT INTO children (parent) VALUES (7)", ()).await?;
            tx.execute("INSERT INTO parents VALUES (7, 'late')", ()).await.map(|_| ())
        })
        .await
        .unwrap();
    let script = format!(
        "{defer}; INSERT INTO children (parent) VALUES (8); INSERT INTO parents VALUES (8, 'l')"
    );
    fresh.db.transaction(async |tx| tx.batch(script.as_str()).await.map(|_| ())).await.unwrap();
    let list = [
        (defer, ()),
        ("INSERT INTO children (parent) VALUES (9)", ()),
        ("INSERT INTO parents VALUES (9, 'l')", ()),
    ];
    fresh.db.batch(list).await.unwrap();
    // The setting ended with the transaction.
    let orphan = "INSERT INTO children (parent) VALUES (99)";
    assert_eq!(kind(fresh.db.execute(orphan, ()).await), ErrorKind::ForeignKeyViolation);
    let error = fresh.db.execute(defer, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("inside the transaction"), "{}", error.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_the_sqlite3_program_is_a_script() {
    let dump = "PRAGMA foreign_keys=OFF;
        BEGIN TRANSACTION;
        CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id));
        INSERT INTO children VALUES(1,1);
        CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO parents VALUES(1,'it''s; a \"name\" -- no comment');
        CREATE TRIGGER t AFTER INSERT ON parents BEGIN DELETE FROM children WHERE id = new.id; END;
        COMMIT;";
    let first = fresh("").await;
    within("a dump", first.db.batch(dump)).await.unwrap();
    assert_eq!(
        number(&first.db, "SELECT count(*) FROM children JOIN parents ON parent = parents.id")
            .await,
        1
    );
    let second = fresh("").await;
    let mut session = second.db.acquire().await.unwrap();
    within("a dump", session.batch(dump)).await.unwrap();
    drop(session);
    assert_eq!(number(&second.db, "SELECT count(*) FROM children").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_fails_tells_what_stays_and_leaves_nothing_open() {
    let fresh = fresh("CREATE TABLE t (x UNIQUE)").await;
    let db = &fresh.db;
    let count = "SELECT count(*) FROM t";
    // A script without its own transaction: all or nothing.
    let error = db.batch("INSERT INTO t VALUES (1); INSERT INTO t VALUES (1);").await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::UniqueViolation, Some(1)));
    assert_eq!(number(db, count).await, 0);
    // One with its own transaction, which fails: undone.
    let script = "BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); COMMIT;";
    let error = db.batch(script).await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::UniqueViolation, Some(2)));
    assert!(!error.message().contains("stay"), "{}", error.message());
    assert_eq!(number(db, count).await, 0);
    // The first of two stays.
    let script = "BEGIN; INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2);
        INSERT INTO t VALUES (1);";
    let error = db.batch(script).await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::UniqueViolation, Some(4)));
    assert!(error.message().contains("first 3 statements stay in effect"), "{}", error.message());
    assert_eq!(number(db, count).await, 1);
    // A setting in the middle ends a transaction.
    let script =
        "INSERT INTO t VALUES (3); VACUUM; INSERT INTO t VALUES (4); INSERT INTO t VALUES (1);";
    let error = db.batch(script).await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::UniqueViolation, Some(3)));
    assert!(error.message().contains("first 2 statements stay in effect"), "{}", error.message());
    assert_eq!(number(db, count).await, 2);
    // Transactions left open, begun twice, ended without a beginning.
    for script in [
        "BEGIN; INSERT INTO t VALUES (5);",
        "BEGIN; BEGIN;",
        "INSERT INTO t VALUES (5); COMMIT;",
        "INSERT INTO t VALUES (5); ROLLBACK;",
        "ROLLBACK;",
    ] {
        assert!(db.batch(script).await.is_err(), "{script}");
        assert_eq!(number(db, count).await, 2, "{script}");
    }
    let savepoints = "SAVEPOINT a; INSERT INTO t VALUES (6); ROLLBACK TO a; RELEASE a;
        SAVEPOINT a; INSERT INTO t VALUES (7); RELEASE a;";
    db.batch(savepoints).await.unwrap();
    assert_eq!(number(db, count).await, 3);
    within("a write", db.execute("INSERT INTO t VALUES (8)", ())).await.unwrap();
    // No transaction can begin inside another.
    let inside = db
        .transaction(async |tx| {
            tx.execute("INSERT INTO t VALUES (9)", ()).await?;
            let inner = tx.batch("BEGIN; INSERT INTO t VALUES (10); COMMIT").await;
            assert_eq!(kind(inner), ErrorKind::InvalidArgument);
            let inner = tx.batch("INSERT INTO t VALUES (11); COMMIT").await;
            assert_eq!(kind(inner), ErrorKind::InvalidArgument);
            Ok(())
        })
        .await;
    inside.unwrap();
    assert_eq!(number(db, count).await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_script_takes_time_in_proportion() {
    let fresh = fresh("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)").await;
    let line = |id: usize| format!("INSERT INTO t VALUES ({id}, 'a name of some length');\n");
    // If it were quadratic, the long one would take ten times as long as the ten short ones.
    let time = |rows: std::ops::Range<usize>| {
        let script: String = rows.map(line).collect();
        let db = &fresh.db;
        async move {
            let start = std::time::Instant::now();
            within("a script", db.batch(script)).await.unwrap();
            start.elapsed()
        }
    };
    let mut short = std::time::Duration::ZERO;
    for piece in 0..10 {
        short += time(piece * 3_000..(piece + 1) * 3_000).await;
    }
    let long = time(30_000..60_000).await;
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM t").await, 60_000);
    assert!(long < short * 8, "{long:?} for one script, {short:?} for ten of a tenth");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_offset_of_an_error_counts_from_the_beginning_of_the_script() {
    let fresh = fresh("CREATE TABLE t (x)").await;
    let script = "INSERT INTO t VALUES (1);\n -- ä\n SELECT missing FROM t;";
    let error = fresh.db.batch(script).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchColumn);
    assert_eq!(error.index(), Some(1));
    assert_eq!(error.offset(), script.find("missing"));
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM t").await, 0);
}
