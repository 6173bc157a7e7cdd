//! No waiting call is overtaken, forgotten, or kept waiting for ever.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use support::{
    ENDLESS, Fresh, HANG, NEVER, ROWS_FOR_EVER, all_readers, all_readers_but, kind, number, start,
    within,
};
use tokio::task::JoinSet;
use ubiqlite::{Database, ErrorKind, Result, Synchronous, params};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));";

const INSERT: &str = "INSERT INTO items (name) VALUES (?)";

/// A query that takes some milliseconds.
const LONG: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
                    SELECT count(*) FROM n";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_finish_under_readers_that_never_pause() {
    let fresh = Fresh::with(Database::options().readers(2), SCHEMA).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut readers: JoinSet<Result<()>> = JoinSet::new();
    for reader in 0..8 {
        let (db, stop) = (fresh.db.clone(), Arc::clone(&stop));
        readers.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let sql = if reader % 2 == 0 { LONG } else { "SELECT count(*) FROM items" };
                db.query_value::<i64>(sql, ()).await?;
            }
            Ok(())
        });
    }
    for write in 0..100 {
        within("a write", fresh.db.execute(INSERT, params![write])).await.unwrap();
    }
    let many = fresh.db.execute_many(INSERT, (0..2_000).map(|row| (row,)));
    assert_eq!(within("many rows", many).await.unwrap(), 2_000);
    stop.store(true, Ordering::Relaxed);
    within("the readers", async { while readers.join_next().await.is_some() {} }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_go_on_under_a_writer_that_never_pauses() {
    let fresh = Fresh::with(Database::options().synchronous(Synchronous::Normal), SCHEMA).await;
    let stop = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU64::new(0));
    let mut writers: JoinSet<Result<()>> = JoinSet::new();
    for _ in 0..4 {
        let (db, stop, written) = (fresh.db.clone(), Arc::clone(&stop), Arc::clone(&written));
        writers.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                db.execute(INSERT, params!["a"]).await?;
                written.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        });
    }
    let mut before = 0;
    for _ in 0..500 {
        let acknowledged = i64::try_from(written.load(Ordering::SeqCst)).unwrap();
        let seen = number(&fresh.db, "SELECT count(*) FROM items").await;
        assert!(seen >= acknowledged.max(before), "what was acknowledged is seen by every read");
        before = seen;
    }
    stop.store(true, Ordering::Relaxed);
    within("the writers", async { while writers.join_next().await.is_some() {} }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_never_waits_for_a_reader() {
    let fresh = Fresh::with(Database::options().readers(2), SCHEMA).await;
    let db = &fresh.db;
    let mut streams = [db.stream(ROWS_FOR_EVER, ()), db.stream(ROWS_FOR_EVER, ())];
    for stream in &mut streams {
        assert!(within("a row", stream.try_next()).await.unwrap().is_some());
    }
    // Its text was never seen before, so it is not yet known to write.
    let write = db.execute("INSERT INTO items (name) VALUES ('while all readers are lent')", ());
    let done = tokio::time::timeout(Duration::from_secs(20), write).await;
    assert!(done.is_ok(), "a write waits for the streams of the task that makes it");
    let write = db.table("items").insert(ubiqlite::record! { "name" => "through the table" });
    let done = tokio::time::timeout(Duration::from_secs(20), write).await;
    assert!(done.is_ok(), "a table's write waits for the streams of the task that makes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_leaves_a_reader_to_the_others() {
    for readers in [2, 4] {
        let fresh = Fresh::with(Database::options().readers(readers), SCHEMA).await;
        let db = &fresh.db;
        let snapshot = within("a snapshot", db.snapshot()).await.unwrap();
        let read = db.query_value::<i64>("SELECT count(*) FROM items", ());
        let done = tokio::time::timeout(Duration::from_secs(20), read).await;
        assert!(done.is_ok(), "with {readers} readers, a read waits for the snapshot's end");
        drop(snapshot);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_stood_in_for_others_make_way_again() {
    let fresh = Fresh::with(Database::options().readers(1), SCHEMA).await;
    let db = &fresh.db;
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut stream = db.stream(ROWS_FOR_EVER, ());
        assert!(within("a row", stream.try_next()).await.unwrap().is_some());
        streams.push(stream);
    }
    drop(streams);
    // It needs every other connection to be closed.
    let since = Instant::now();
    let switch = "PRAGMA journal_mode = DELETE";
    while let Err(error) = within("the switch", db.query_value::<String>(switch, ())).await {
        assert!(since.elapsed() < HANG, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_wait_for_a_reader_are_served_in_the_order_of_asking() {
    let fresh = Fresh::with(Database::options().readers(1).inline(false), SCHEMA).await;
    let db = &fresh.db;
    // One reader is left, and no other can be opened in its place.
    let _lent = all_readers_but(db, 1).await;
    let mut holder = Box::pin(db.query_value::<i64>(ENDLESS, ()));
    assert!(start(&mut holder).await.is_none());
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut reads = JoinSet::new();
    for place in 0..20 {
        let mut read = Box::pin({
            let db = db.clone();
            async move { db.query_value::<i64>(LONG, ()).await }
        });
        assert!(start(&mut read).await.is_none(), "it waits");
        let order = Arc::clone(&order);
        reads.spawn(async move {
            within("a read", read).await.unwrap();
            order.lock().unwrap().push(place);
        });
    }
    // A cancelled read keeps no other waiting.
    let mut gone = Box::pin(db.query_value::<i64>(ENDLESS, ()));
    assert!(start(&mut gone).await.is_none());
    drop(gone);
    drop(holder);
    while let Some(read) = reads.join_next().await {
        read.unwrap();
    }
    // The tasks record their places a moment later, on any thread of the executor.
    let order = order.lock().unwrap().clone();
    for (turn, place) in order.iter().enumerate() {
        assert!(turn.abs_diff(*place) <= 2, "out of the order of asking: {order:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_reads_get_their_turn_between_long_ones() {
    let fresh = Fresh::with(Database::options().readers(2), SCHEMA).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut long: JoinSet<()> = JoinSet::new();
    for _ in 0..6 {
        let (db, stop) = (fresh.db.clone(), Arc::clone(&stop));
        long.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                db.query_value::<i64>(LONG, ()).await.unwrap();
            }
        });
    }
    for _ in 0..50 {
        number(&fresh.db, "SELECT count(*) FROM items").await;
    }
    stop.store(true, Ordering::Relaxed);
    within("the long reads", async { while long.join_next().await.is_some() {} }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_get_the_writer_in_the_order_of_asking() {
    let options = Database::options().readers(1).busy_timeout(NEVER);
    let fresh = Fresh::with(options, SCHEMA).await;
    let db = &fresh.db;
    let mut session = db.acquire().await.unwrap();
    let held = db.begin().await.unwrap();
    // Writes, transactions, many rows and a session's write, one behind another.
    let mut first = Box::pin(db.batch([(INSERT, params!["0"])]));
    assert!(start(&mut first).await.is_none());
    let mut second = Box::pin(db.begin());
    assert!(start(&mut second).await.is_none());
    let mut third = Box::pin(db.batch([(INSERT, params!["2"])]));
    assert!(start(&mut third).await.is_none());
    let mut fourth = Box::pin(session.execute(INSERT, params!["3"]));
    assert!(start(&mut fourth).await.is_none());
    // A session requests the write permit on its own thread.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut fifth = Box::pin(db.batch([(INSERT, params!["4"])]));
    assert!(start(&mut fifth).await.is_none());
    held.commit().await.unwrap();
    within("the first", first).await.unwrap();
    let mut tx = within("the second", second).await.unwrap();
    assert!(start(&mut third).await.is_none(), "nobody overtakes a transaction");
    tx.execute(INSERT, params!["1"]).await.unwrap();
    tx.commit().await.unwrap();
    within("the fifth", fifth).await.unwrap();
    within("the third", third).await.unwrap();
    within("the fourth", fourth).await.unwrap();
    let names: Vec<String> = db.query("SELECT name FROM items ORDER BY id", ()).await.unwrap();
    assert_eq!(names, ["0", "1", "2", "3", "4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_with_new_texts_come_before_a_transaction_that_is_begun_after_them() {
    for inline in [true, false] {
        let fresh = Fresh::with(Database::options().inline(inline), SCHEMA).await;
        // No reader is free to report that they write.
        let readers = all_readers(&fresh.db).await;
        let texts: Vec<String> =
            (0..50).map(|id| format!("  insert INTO items VALUES ({id}, 'a')")).collect();
        let mut writes = Vec::new();
        for sql in &texts {
            let mut write = Box::pin(fresh.db.execute(sql, ()));
            // Done at once, if the writer is free and the commit quick.
            if start(&mut write).await.is_none() {
                writes.push(write);
            }
        }
        let mut tx = within("a transaction", fresh.db.begin()).await.unwrap();
        let count: i64 = tx.query_value("SELECT count(*) FROM items", ()).await.unwrap();
        assert_eq!(count, 50, "inline: {inline}");
        tx.rollback().await.unwrap();
        for write in writes {
            within("a write", write).await.unwrap();
        }
        drop(readers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acquiring_times_out_when_all_sessions_are_lent() {
    let timeout = Duration::from_millis(200);
    let options = Database::options().sessions(2).acquire_timeout(timeout);
    let fresh = Fresh::with(options, SCHEMA).await;
    let db = &fresh.db;
    let first = db.acquire().await.unwrap();
    let second = db.acquire().await.unwrap();
    let since = Instant::now();
    let refused = within("the third", db.acquire()).await.map(|_| ());
    assert_eq!(kind(refused), ErrorKind::Timeout);
    assert!(since.elapsed() >= timeout, "it had its time");
    drop(second);
    let again = within("the third again", db.acquire()).await.unwrap();
    let short = db.timeout(Duration::from_millis(50));
    assert_eq!(
        kind(within("a shorter wait", short.acquire()).await.map(|_| ())),
        ErrorKind::Timeout
    );
    drop((first, again));
    let both = [db.acquire().await, db.acquire().await];
    assert!(both.iter().all(std::result::Result::is_ok), "those who gave up hold none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_given_back_with_an_open_transaction_is_rolled_back() {
    let fresh = Fresh::with(Database::options().sessions(1), SCHEMA).await;
    let db = &fresh.db;
    for round in 0..5 {
        let mut session = within("the session", db.acquire()).await.unwrap();
        if round % 2 == 0 {
            session.execute("PRAGMA foreign_keys = OFF", ()).await.unwrap();
            session.execute("CREATE TEMP TABLE mine (a)", ()).await.unwrap();
        }
        session.execute("BEGIN IMMEDIATE", ()).await.unwrap();
        session.execute(INSERT, params!["lost"]).await.unwrap();
        drop(session);
        within("a write", db.execute(INSERT, params!["kept"])).await.unwrap();
        let mut session = within("the session", db.acquire()).await.unwrap();
        let mine = session.query_value::<i64>("SELECT count(*) FROM mine", ()).await;
        assert_eq!(kind(mine), ErrorKind::NoSuchTable, "a new holder finds nothing of the last");
        let enforced: i64 = session.query_value("PRAGMA foreign_keys", ()).await.unwrap();
        assert_eq!(enforced, 1);
        session.execute("BEGIN", ()).await.unwrap();
    }
    assert_eq!(number(db, "SELECT count(*) FROM items WHERE name = 'lost'").await, 0);
    assert_eq!(number(db, "SELECT count(*) FROM items WHERE name = 'kept'").await, 5);
}
