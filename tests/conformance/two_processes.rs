//! Two processes write one file.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

#[allow(dead_code, reason = "each test program uses its part")]
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use support::{Other, ask, hear, outside, ready, role, tell};
use ubiqlite::{Database, ErrorKind, Options, Synchronous, params, record};

const SCHEMA: &str = "CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL);
    INSERT INTO counter VALUES (1, 0);
    CREATE TABLE log (id INTEGER PRIMARY KEY, writer INTEGER, number INTEGER, UNIQUE (writer, number));";

const EACH: i64 = 2_000;

fn options() -> Options {
    Database::options().synchronous(Synchronous::Normal).busy_timeout(Duration::from_secs(30))
}

/// Writes with single statements, batches, transactions, sessions, and several at once.
async fn write_all(db: &Database, writer: i64) {
    let raise = "UPDATE counter SET value = value + 1 WHERE id = 1";
    for number in 0..EACH {
        match number % 4 {
            0 => {
                let log = record! { "writer" => writer, "number" => number };
                let (raised, logged) =
                    tokio::join!(db.execute(raise, ()), db.table("log").insert(log));
                assert_eq!(raised.unwrap().rows_changed, 1);
                logged.unwrap();
            }
            1 => {
                let log = "INSERT INTO log (writer, number) VALUES (?, ?)";
                db.batch([(raise, params![]), (log, params![writer, number])]).await.unwrap();
            }
            2 => db
                .transaction(async |tx| {
                    let before: i64 = tx.query_value("SELECT value FROM counter", ()).await?;
                    tx.execute("UPDATE counter SET value = ?", params![before + 1]).await?;
                    let log = record! { "writer" => writer, "number" => number };
                    tx.table("log").insert(log).await.map(|_| ())
                })
                .await
                .unwrap(),
            _ => {
                let mut session = db.acquire().await.unwrap();
                session.execute(raise, ()).await.unwrap();
                let log = "INSERT INTO log (writer, number) VALUES (?, ?)";
                session.execute(log, params![writer, number]).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_two_processes_write_at_once_is_lost() {
    if let Some((_, path)) = role() {
        let db = options().open(&path).await.unwrap();
        ready();
        hear().unwrap();
        write_all(&db, 2).await;
        return db.close().await.unwrap();
    }
    let (_dir, path, db) = support::with(options(), SCHEMA).await;
    let mut other =
        Other::start("nothing_that_two_processes_write_at_once_is_lost", "writer", &path);
    other.send(1);
    let since = Instant::now();
    write_all(&db, 1).await;
    other.finish();
    println!("2 × {EACH} in {:?}", since.elapsed());
    let value: i64 = db.query_value("SELECT value FROM counter", ()).await.unwrap();
    assert_eq!(value, 2 * EACH);
    for writer in [1, 2] {
        let sql = "SELECT count(*) FROM log WHERE writer = ?";
        assert_eq!(db.query_value::<i64>(sql, params![writer]).await.unwrap(), EACH);
    }
    db.close().await.unwrap();
    let fine: String =
        outside(&path).pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(fine, "ok");
}

/// Holds the write lock from another process until told to release it.
fn hold(path: &Path) {
    let outside = outside(path);
    outside.execute_batch("BEGIN IMMEDIATE; UPDATE counter SET value = 7;").unwrap();
    ready();
    hear();
    outside.execute_batch("COMMIT").unwrap();
    tell(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_held_for_longer_than_the_busy_timeout_is_answered_busy() {
    if let Some((_, path)) = role() {
        return hold(&path);
    }
    let patience = Duration::from_millis(400);
    for synchronous in [Synchronous::Full, Synchronous::Normal] {
        let options = options().synchronous(synchronous).busy_timeout(patience);
        let (_dir, path, db) = support::with(options, SCHEMA).await;
        let mut other = Other::start(
            "a_lock_held_for_longer_than_the_busy_timeout_is_answered_busy",
            "holder",
            &path,
        );
        let counter = db.table("counter");
        for way in 0..5 {
            let since = Instant::now();
            let error = match way {
                0 => db.execute("UPDATE counter SET value = 1", ()).await.unwrap_err(),
                1 => counter.insert(record! { "value" => 1 }).await.unwrap_err(),
                2 => db.begin().await.err().unwrap(),
                3 => db.batch("DELETE FROM log; DELETE FROM counter;").await.unwrap_err(),
                _ => {
                    let mut session = db.acquire().await.unwrap();
                    session.execute("DELETE FROM counter", ()).await.unwrap_err()
                }
            };
            let waited = since.elapsed();
            assert_eq!(error.kind(), ErrorKind::Busy, "way {way}: {error}");
            assert!(error.message().contains("busy timeout"), "way {way}: {error}");
            assert!(waited >= patience, "way {way}: only {waited:?}");
            assert!(waited < patience * 4, "way {way}: {waited:?}");
            let seen: i64 = db.query_value("SELECT value FROM counter", ()).await.unwrap();
            assert_eq!(seen, 0, "reads go on, and see nothing uncommitted");
        }
        other.send(1);
        other.receive();
        let seen: i64 = db.query_value("SELECT value FROM counter", ()).await.unwrap();
        assert_eq!(seen, 7);
        assert_eq!(db.execute("DELETE FROM counter", ()).await.unwrap().rows_changed, 1);
        other.finish();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_wait_together_all_answer_busy_in_time() {
    if let Some((_, path)) = role() {
        return hold(&path);
    }
    let patience = Duration::from_millis(400);
    let options = options().synchronous(Synchronous::Full).busy_timeout(patience);
    let (_dir, path, db) = support::with(options, SCHEMA).await;
    let mut other =
        Other::start("writes_that_wait_together_all_answer_busy_in_time", "holder", &path);
    let since = Instant::now();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let db = db.clone();
            tokio::spawn(async move {
                db.execute("INSERT INTO log (number) VALUES (?)", params![number]).await
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap_err().kind(), ErrorKind::Busy);
    }
    assert!(since.elapsed() < patience * 4, "{:?}", since.elapsed());
    other.send(1);
    other.receive();
    assert_eq!(db.table("log").count().await.unwrap(), 0);
    db.execute("INSERT INTO log (number) VALUES (1)", ()).await.unwrap();
    other.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_own_limit_passes_while_it_waits_for_the_lock_answers_timeout() {
    if let Some((_, path)) = role() {
        return hold(&path);
    }
    let (_dir, path, db) = support::with(options(), SCHEMA).await;
    let mut other = Other::start(
        "a_call_whose_own_limit_passes_while_it_waits_for_the_lock_answers_timeout",
        "holder",
        &path,
    );
    let since = Instant::now();
    let quick = db.timeout(Duration::from_millis(100));
    let error = quick.execute("UPDATE counter SET value = 1", ()).await.unwrap_err();
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    other.send(1);
    other.receive();
    let seen: i64 = db.query_value("SELECT value FROM counter", ()).await.unwrap();
    assert_eq!(seen, 7);
    other.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_let_go_in_time_is_waited_for() {
    if let Some((_, path)) = role() {
        return hold(&path);
    }
    let (_dir, path, db) = support::with(options(), SCHEMA).await;
    let mut other = Other::start("a_lock_let_go_in_time_is_waited_for", "holder", &path);
    let writer = db.clone();
    let write =
        tokio::spawn(
            async move { writer.execute("UPDATE counter SET value = value + 1", ()).await },
        );
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!write.is_finished());
    other.send(1);
    assert_eq!(write.await.unwrap().unwrap().rows_changed, 1);
    other.receive();
    let seen: i64 = db.query_value("SELECT value FROM counter", ()).await.unwrap();
    assert_eq!(seen, 8);
    other.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_in_a_transaction_leaves_neither_rows_nor_locks() {
    if let Some((_, path)) = role() {
        let db = options().open(&path).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        // More than its page cache holds, so that some of it is in the log.
        let rows = (0..50_000).map(|number| (2, number));
        tx.execute_many("INSERT INTO log (writer, number) VALUES (?, ?)", rows).await.unwrap();
        tx.execute("UPDATE counter SET value = 99", ()).await.unwrap();
        ready();
        // This process is killed here, or the other has failed and ended.
        hear();
        return;
    }
    let (_dir, path, db) = support::with(options().cache_kib(100), SCHEMA).await;
    for round in 1..=5 {
        let other = Other::start(
            "a_process_killed_in_a_transaction_leaves_neither_rows_nor_locks",
            "killed",
            &path,
        );
        let quick = db.timeout(Duration::from_millis(50));
        assert!(quick.execute("DELETE FROM log", ()).await.is_err(), "the other has the lock");
        other.kill();
        let since = Instant::now();
        db.execute("UPDATE counter SET value = value + 1", ()).await.unwrap();
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
        let value: i64 = db.query_value("SELECT value FROM counter", ()).await.unwrap();
        assert_eq!(value, round);
        assert_eq!(db.table("log").count().await.unwrap(), 0);
        assert_eq!(ask(&outside(&path), "SELECT count(*) FROM log"), 0);
    }
    db.close().await.unwrap();
    let fine: String =
        outside(&path).pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(fine, "ok");
}
