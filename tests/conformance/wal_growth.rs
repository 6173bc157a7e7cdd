//! The write-ahead log stays bounded, whatever its readers do.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

#[allow(dead_code, reason = "each test program uses its part")]
mod support;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use support::log_size;
use ubiqlite::{Database, Error, ErrorKind, Options, Synchronous, params};

const MIB: u64 = 1024 * 1024;

/// The log's minimum bound: SQLite restarts it when the library asks, every 4,000 pages.
const BOUND: u64 = 48 * MIB;

/// Lets only one test run at a time, because the duration of queries is part of the test.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, bytes BLOB);
    WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO items SELECT i, randomblob(400) FROM n;";

fn options() -> Options {
    Database::options()
        .synchronous(Synchronous::Off)
        .wal_limit(8 * MIB)
        .stall_timeout(Duration::from_millis(300))
}

/// Waits for a call. One that hangs fails the test.
async fn soon<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), call).await.expect("the call hangs")
}

/// Commits for `time`, and returns the largest size of the log, and the number of bytes
/// written.
async fn write_for(db: &Database, path: &Path, time: Duration) -> (u64, u64) {
    let (since, mut largest, mut row, mut written) = (Instant::now(), 0, 0, 0);
    while since.elapsed() < time {
        row = row % 2_000 + 1;
        let sql = "UPDATE items SET bytes = randomblob(20000) WHERE id = ?";
        soon(db.execute(sql, params![row])).await.unwrap();
        largest = largest.max(log_size(path));
        written += 20_000;
    }
    (largest, written)
}

/// Returns the bound on the log with one stalled reader, when `written` bytes were written: on a
/// busy machine the reader stays for more commits.
fn bound_of(written: u64) -> u64 {
    BOUND.max(written / 4)
}

/// Runs a writer alongside `readers` whose queries of `steps` steps overlap without a pause.
/// Returns the log's largest size, its bound, and the number of queries that ended.
async fn beside_readers(readers: usize, steps: u32, time: Duration) -> (u64, u64, u64) {
    let (_dir, path, db) = support::with(options().readers(readers), SCHEMA).await;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let longest = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..readers)
        .map(|_| {
            let (db, stop, done) = (db.clone(), Arc::clone(&stop), Arc::clone(&done));
            let longest = Arc::clone(&longest);
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let since = Instant::now();
                    let sql = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                               SELECT (SELECT count(*) FROM items) + 0 * max(i) FROM n";
                    let rows: i64 = db.query_value(sql, params![steps]).await.unwrap();
                    assert_eq!(rows, 2_000);
                    let took = u64::try_from(since.elapsed().as_millis()).unwrap();
                    longest.fetch_max(took, Ordering::Relaxed);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let (largest, written) = write_for(&db, &path, time).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    db.close().await.unwrap();
    // A log restarts when the queries that read it are over: on a busy machine they last
    // for more commits.
    let while_one_ran =
        u128::from(written) * u128::from(longest.load(Ordering::Relaxed)) / time.as_millis();
    let bound = BOUND + 3 * u64::try_from(while_one_ran).unwrap();
    (largest, bound, done.load(Ordering::Relaxed))
}

/// Checks that the log stays within its bound alongside more than `least` queries, in at least
/// one of three attempts: a real growth shows every time, other load of the machine does not.
async fn is_bounded(readers: usize, steps: u32, time: Duration, least: u64) {
    let mut tries = Vec::new();
    for _ in 0..3 {
        let (largest, bound, queries) = beside_readers(readers, steps, time).await;
        let told = format!("{} of {} MiB beside {queries} queries", largest / MIB, bound / MIB);
        println!("{told}");
        if largest < bound && queries > least {
            return;
        }
        tries.push(told);
    }
    panic!("{tries:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_bounded_beside_short_reads_that_never_pause() {
    let _alone = ALONE.lock().await;
    is_bounded(4, 10_000, Duration::from_secs(4), 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_bounded_beside_long_reads_that_never_pause() {
    let _alone = ALONE.lock().await;
    is_bounded(3, 400_000, Duration::from_secs(8), 10).await;
}

fn says_why(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.message().contains("stalled"), "{error}");
    assert!(error.message().contains("limit of the write-ahead log"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_nobody_polls_any_more_is_ended_and_the_log_shrinks() {
    let _alone = ALONE.lock().await;
    let (_dir, path, db) = support::with(options().readers(2), SCHEMA).await;
    write_for(&db, &path, Duration::from_millis(500)).await;
    let mut stream = db.stream("SELECT * FROM items ORDER BY id", ());
    assert!(stream.try_next().await.unwrap().is_some());
    let (largest, written) = write_for(&db, &path, Duration::from_secs(3)).await;
    let bound = bound_of(written);
    assert!(largest < bound, "{} MiB of {}", largest / MIB, bound / MIB);
    let mut rows = 1;
    let error = loop {
        match stream.try_next().await {
            Ok(Some(_)) => rows += 1,
            Ok(None) => panic!("the stream was not ended; it had {rows} rows"),
            Err(error) => break error,
        }
    };
    says_why(&error);
    assert!(stream.try_next().await.unwrap().is_none(), "it is over after its error");
    assert!(log_size(&path) < 17 * MIB, "{} MiB", log_size(&path) / MIB);
    let all = db.stream("SELECT id FROM items", ()).collect::<i64>().await.unwrap();
    assert_eq!(all.len(), 2_000, "the next stream is whole");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_nobody_uses_any_more_is_ended_and_the_log_shrinks() {
    let _alone = ALONE.lock().await;
    let (_dir, path, db) = support::with(options().readers(8), SCHEMA).await;
    let snapshot = db.snapshot().await.unwrap();
    let rows: i64 = snapshot.query_value("SELECT count(*) FROM items", ()).await.unwrap();
    assert_eq!(rows, 2_000);
    let (largest, written) = write_for(&db, &path, Duration::from_secs(3)).await;
    let bound = bound_of(written);
    assert!(largest < bound, "{} MiB of {}", largest / MIB, bound / MIB);
    let again = snapshot.query_value::<i64>("SELECT count(*) FROM items", ()).await;
    says_why(&again.unwrap_err());
    let streamed = snapshot.stream("SELECT id FROM items", ()).try_next().await;
    says_why(&streamed.unwrap_err());
    assert!(log_size(&path) < 17 * MIB, "{} MiB", log_size(&path) / MIB);
    drop(snapshot);
    let fresh = db.snapshot().await.unwrap();
    assert_eq!(fresh.query::<i64>("SELECT id FROM items", ()).await.unwrap().len(), 2_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_in_use_is_kept_however_long_the_log() {
    let _alone = ALONE.lock().await;
    let (_dir, path, db) = support::with(options().readers(8), SCHEMA).await;
    let snapshot = Arc::new(db.snapshot().await.unwrap());
    let reader = Arc::clone(&snapshot);
    let before: i64 = reader.query_value("SELECT sum(length(bytes)) FROM items", ()).await.unwrap();
    let user = tokio::spawn(async move {
        for _ in 0..60 {
            let sum = reader.query_value::<i64>("SELECT sum(length(bytes)) FROM items", ()).await;
            assert_eq!(sum.unwrap(), before, "it is of one moment");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    write_for(&db, &path, Duration::from_secs(2)).await;
    user.await.unwrap();
    drop(snapshot);
    let (largest, _) = write_for(&db, &path, Duration::from_secs(3)).await;
    println!("{} MiB after it ended, {} now", largest / MIB, log_size(&path) / MIB);
    assert!(log_size(&path) < BOUND, "the log is small again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_query_in_a_snapshot_is_no_standing_still() {
    let _alone = ALONE.lock().await;
    let (_dir, path, db) = support::with(options().readers(8), SCHEMA).await;
    let snapshot = Arc::new(db.snapshot().await.unwrap());
    let reader = Arc::clone(&snapshot);
    let long = tokio::spawn(async move {
        let sql =
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 8000000)
                   SELECT max(i) FROM n";
        let since = Instant::now();
        let last: i64 = reader.query_value(sql, ()).await.unwrap();
        assert_eq!(last, 8_000_000);
        assert!(since.elapsed() > Duration::from_millis(600), "too quick for this test");
        reader.query_value::<i64>("SELECT count(*) FROM items", ()).await
    });
    while !long.is_finished() {
        write_for(&db, &path, Duration::from_millis(20)).await;
    }
    assert_eq!(long.await.unwrap().unwrap(), 2_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_kept_stops_neither_reads_nor_writes() {
    let _alone = ALONE.lock().await;
    for readers in [2, 4, 8] {
        let (_dir, _path, db) = support::with(options().readers(readers), SCHEMA).await;
        let snapshot = db.snapshot().await.unwrap();
        let rows: i64 = soon(db.query_value("SELECT count(*) FROM items", ())).await.unwrap();
        assert_eq!(rows, 2_000);
        soon(db.execute("DELETE FROM items WHERE id = 1", ())).await.unwrap();
        let rows = soon(snapshot.query_value::<i64>("SELECT count(*) FROM items", ())).await;
        assert_eq!(rows.unwrap(), 2_000, "of its own moment");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_kept_on_every_reader_do_not_stop_a_write() {
    let _alone = ALONE.lock().await;
    let (_dir, _path, db) = support::with(options().readers(2), SCHEMA).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = db.stream("SELECT * FROM items", ());
        assert!(stream.try_next().await.unwrap().is_some());
        streams.push(stream);
    }
    let done = soon(db.execute("DELETE FROM items WHERE id = 1", ())).await.unwrap();
    assert_eq!(done.rows_changed, 1);
    for stream in streams {
        assert_eq!(stream.collect::<(i64, Vec<u8>)>().await.unwrap().len(), 1_999);
    }
}
