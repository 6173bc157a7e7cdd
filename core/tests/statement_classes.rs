//! Where a statement may run is decided by what SQLite reports about it.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::{Duration, Instant};

use support::{Fresh, NEVER, kind, number, within};
use ubiqlite::{Database, ErrorKind, Row};

async fn fresh() -> Fresh {
    let options = Database::options().readers(2).busy_timeout(NEVER);
    Fresh::with(options, "CREATE TABLE t (x); INSERT INTO t VALUES (1);").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_is_not_made_by_explaining_it() {
    let fresh = fresh().await;
    let memory = Database::open(":memory:").await.unwrap();
    for db in [&fresh.db, &memory] {
        for (setting, question, stays) in [
            ("EXPLAIN PRAGMA foreign_keys=OFF", "PRAGMA foreign_keys", 1),
            ("EXPLAIN QUERY PLAN PRAGMA foreign_keys(0)", "PRAGMA foreign_keys", 1),
            ("/* */ EXPLAIN PRAGMA main . writable_schema = ON", "PRAGMA writable_schema", 0),
            ("EXPLAIN PRAGMA recursive_triggers = 1", "PRAGMA recursive_triggers", 0),
            ("EXPLAIN PRAGMA busy_timeout = 7", "PRAGMA busy_timeout = 7", -1),
        ] {
            let refused = db.query::<Row>(setting, ()).await;
            assert_eq!(kind(refused), ErrorKind::InvalidArgument, "{setting}");
            assert!(db.execute(setting, ()).await.is_err(), "{setting}");
            assert!(db.batch([(setting, ())]).await.is_err(), "{setting}");
            if stays >= 0 {
                assert_eq!(number(db, question).await, stays, "{setting}");
                let inside = db.transaction(async |tx| tx.query_value::<i64>(question, ()).await);
                assert_eq!(inside.await.unwrap(), stays, "{setting}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_statement_is_refused_however_it_is_written() {
    let fresh = fresh().await;
    for sql in [
        "BEGIN",
        ";;/**/-- x\n BEGIN IMMEDIATE",
        "\u{feff}BEGIN",
        "end transaction",
        "COMMIT",
        "ROLLBACK TO x",
        "SAVEPOINT x",
        "RELEASE x",
        "ATTACH ':memory:' AS other",
        "DETACH other",
        "CREATE TEMP TABLE temporary (x)",
        "CREATE TABLE IF NOT EXISTS \"temp\" . y (x)",
        "CREATE TRIGGER temp.y AFTER INSERT ON t BEGIN SELECT 1; END",
        "PRAGMA cache_size = 5",
        "PRAGMA\nmain\n.\n[cache_size](5)",
        "PRAGMA no_such_setting = 5",
    ] {
        let error = within(sql, fresh.db.execute(sql, ())).await;
        assert_eq!(error.map_err(|e| e.kind()), Err(ErrorKind::InvalidArgument), "{sql}");
        let inside = fresh.db.transaction(async |tx| {
            let error = tx.execute(sql, ()).await;
            assert_eq!(error.map_err(|e| e.kind()), Err(ErrorKind::InvalidArgument), "{sql}");
            Ok(())
        });
        inside.await.unwrap();
    }
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM t").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_for_the_journal_mode_waits_for_nobody() {
    let fresh = fresh().await;
    let snapshot = fresh.db.snapshot().await.unwrap();
    let _: i64 = snapshot.query_value("SELECT x FROM t", ()).await.unwrap();
    let mut stream = fresh.db.stream("SELECT t.x FROM t, t AS u", ());
    stream.try_next().await.unwrap();
    let held = fresh.db.begin().await.unwrap();
    for sql in
        ["PRAGMA journal_mode", "pragma main.journal_mode", "PRAGMA page_size", "PRAGMA encoding"]
    {
        let start = Instant::now();
        let row: Row = within(sql, fresh.db.query_one(sql, ())).await.unwrap();
        assert_eq!(row.len(), 1);
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{sql} waited for {:?}",
            start.elapsed()
        );
    }
    held.rollback().await.unwrap();
    // Nor does a write wait for the query.
    let (asked, written) = tokio::join!(
        fresh.db.query_one::<Row>("PRAGMA journal_mode", ()),
        within("a write", fresh.db.execute("INSERT INTO t VALUES (9)", ())),
    );
    asked.unwrap();
    written.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_timeout_is_told_and_can_be_set_in_a_session() {
    let options = Database::options().busy_timeout(Duration::from_millis(1234));
    let fresh = Fresh::with(options, "CREATE TABLE t (x)").await;
    assert_eq!(number(&fresh.db, "PRAGMA busy_timeout").await, 1234);
    assert_eq!(
        kind(fresh.db.execute("PRAGMA busy_timeout = 1", ()).await),
        ErrorKind::InvalidArgument
    );
    let mut session = fresh.db.acquire().await.unwrap();
    let set: i64 = session.query_value("PRAGMA busy_timeout = 250", ()).await.unwrap();
    assert_eq!(set, 250);
    let outside = fresh.outside();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    let start = Instant::now();
    let busy = within("a write", session.execute("INSERT INTO t VALUES (1)", ())).await;
    assert_eq!(kind(busy), ErrorKind::Busy);
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
    session.execute("PRAGMA busy_timeout = 300", ()).await.unwrap();
    let told: i64 = session.query_value("PRAGMA busy_timeout", ()).await.unwrap();
    assert_eq!(told, 300);
    drop(session);
    let mut session = fresh.db.acquire().await.unwrap();
    let told: i64 = session.query_value("PRAGMA busy_timeout", ()).await.unwrap();
    assert_eq!(told, 1234, "what a session sets goes with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_header_are_changed_as_rows_are() {
    let fresh = fresh().await;
    fresh
        .db
        .transaction(async |tx| {
            tx.execute("PRAGMA user_version = 7", ()).await?;
            tx.execute("PRAGMA application_id = 8", ()).await.map(|_| ())
        })
        .await
        .unwrap();
    assert_eq!(number(&fresh.db, "PRAGMA user_version").await, 7);
    let undone = fresh.db.begin().await.unwrap();
    let mut undone = undone;
    undone.execute("PRAGMA user_version = 9", ()).await.unwrap();
    undone.rollback().await.unwrap();
    assert_eq!(number(&fresh.db, "PRAGMA user_version").await, 7);
    fresh.db.execute("PRAGMA user_version = 10", ()).await.unwrap();
    assert_eq!(number(&fresh.db, "PRAGMA user_version").await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_attaches_a_file_that_is_not_there_and_keeps_its_log_small() {
    let fresh = fresh().await;
    let other = fresh.dir.path().join("other.db");
    let mut session = fresh.db.acquire().await.unwrap();
    session.execute("ATTACH ? AS other", (other.to_str().unwrap(),)).await.unwrap();
    session.execute("PRAGMA other.journal_mode = WAL", ()).await.unwrap();
    session.execute("PRAGMA other.synchronous = OFF", ()).await.unwrap();
    session.execute("CREATE TABLE other.log (x)", ()).await.unwrap();
    for _ in 0..8_000 {
        let sql = "INSERT INTO other.log VALUES (zeroblob(100))";
        session.execute(sql, ()).await.unwrap();
    }
    let log = fresh.dir.path().join("other.db-wal");
    let size = std::fs::metadata(log).unwrap().len();
    assert!(size < 16 << 20, "{size} bytes after 8000 commits");
    drop(session);
    // With `create(false)` no file is created.
    let options = Database::options().create(false);
    let db = options.open(fresh.path()).await.unwrap();
    let mut session = db.acquire().await.unwrap();
    let missing = fresh.dir.path().join("missing.db");
    let attached = session.execute("ATTACH ? AS other", (missing.to_str().unwrap(),)).await;
    assert_eq!(kind(attached), ErrorKind::CannotOpen);
}

/// FTS4 queries the page size whenever it is connected, which happens while a statement is
/// being compiled.
#[tokio::test]
async fn what_a_virtual_table_asks_for_does_not_make_a_write_a_question() {
    let fresh =
        Fresh::with(Database::options(), "CREATE VIRTUAL TABLE notes USING fts4(body)").await;
    let db = &fresh.db;
    let insert = "INSERT INTO notes VALUES ('a lamp')";
    for _ in 0..3 {
        assert_eq!(db.execute(insert, ()).await.unwrap().rows_changed, 1);
        let mut session = db.acquire().await.unwrap();
        assert_eq!(session.execute(insert, ()).await.unwrap().rows_changed, 1);
    }
    let again = Database::open(fresh.path()).await.unwrap();
    assert_eq!(again.execute(insert, ()).await.unwrap().rows_changed, 1);
    let found = "SELECT count(*) FROM notes WHERE notes MATCH 'lamp'";
    assert_eq!(number(db, found).await, 7);
    let snapshot = db.snapshot().await.unwrap();
    assert_eq!(kind(snapshot.query::<Row>(insert, ()).await), ErrorKind::ReadOnly);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_with_nothing_to_do_writes_when_there_is_something() {
    let drop = "DROP TRIGGER IF EXISTS tr";
    let create = "CREATE TRIGGER IF NOT EXISTS tr AFTER INSERT ON t BEGIN SELECT 1; END";
    let count = "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'";
    let fresh = fresh().await;
    let db = &fresh.db;
    let mut live = db.watch(count, ());
    assert!(live.try_next().await.unwrap().is_some());
    for _ in 0..3 {
        // SQLite says of the second ones that they only read.
        for (sql, left) in [(drop, 0), (drop, 0), (create, 1), (create, 1)] {
            db.execute(sql, ()).await.unwrap();
            assert_eq!(number(db, count).await, left, "{sql}");
        }
        let next = tokio::time::timeout(Duration::from_secs(20), live.try_next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(next.rows::<(i64,)>().unwrap(), [(1,)]);
        db.execute(drop, ()).await.unwrap();
        let next = tokio::time::timeout(Duration::from_secs(20), live.try_next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(next.rows::<(i64,)>().unwrap(), [(0,)]);
    }
}
