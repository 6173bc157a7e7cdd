//! A call that is dropped, interrupted or late leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::{Duration, Instant};

use support::{
    ENDLESS, ENDLESS_INSERT, Fresh, HANG, NEVER, ROWS_FOR_EVER, all_readers, assert_whole, kind,
    number, poll_times, start, within,
};
use ubiqlite::{Database, ErrorKind, Options, Result, params, record};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE log (id INTEGER PRIMARY KEY, batch INTEGER);";

const READERS: usize = 2;
const SESSIONS: usize = 2;

/// A bound that only a bug exceeds, even on a busy machine.
const SOON: Duration = Duration::from_secs(15);

async fn fresh_with(options: Options) -> Fresh {
    Fresh::with(options.readers(READERS).sessions(SESSIONS), SCHEMA).await
}

async fn fresh() -> Fresh {
    fresh_with(Database::options().busy_timeout(NEVER)).await
}

const LIMIT: Duration = Duration::from_millis(100);

/// Checks that the call fails with `Timeout`, and soon.
async fn assert_late<T: std::fmt::Debug>(what: &str, call: impl Future<Output = Result<T>>) {
    let since = Instant::now();
    let result = within(what, call).await;
    assert_eq!(kind(result), ErrorKind::Timeout, "{what}");
    assert!(since.elapsed() >= LIMIT, "{what} had its time");
    assert!(since.elapsed() < SOON, "{what} was told after {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_beyond_its_limit_is_stopped_and_has_changed_nothing() {
    let fresh = fresh().await;
    let quick = fresh.db.timeout(LIMIT);
    assert_late("a read", quick.query_value::<i64>(ENDLESS, ())).await;
    assert_late("a write", quick.execute(ENDLESS_INSERT, ())).await;
    assert_late(
        "a batch",
        quick.batch([
            ("INSERT INTO log (batch) VALUES (1)", params![]),
            (ENDLESS_INSERT, params![]),
        ]),
    )
    .await;
    assert_late("a stream", quick.stream(ENDLESS, ()).try_next()).await;
    let snapshot = quick.snapshot().await.unwrap();
    assert_late("a snapshot's read", snapshot.query_value::<i64>(ENDLESS, ())).await;
    drop(snapshot);
    let mut session = quick.acquire().await.unwrap();
    assert_late("a session's read", session.query_value::<i64>(ENDLESS, ())).await;
    assert_late("a session's write", session.execute(ENDLESS_INSERT, ())).await;
    drop(session);
    let spoiled = quick.transaction(async |tx| {
        tx.execute("INSERT INTO items (name) VALUES ('lost')", ()).await?;
        tx.execute(ENDLESS_INSERT, ()).await.map(|_| ())
    });
    assert_late("a transaction's write", spoiled).await;
    // A limit that is not reached changes nothing.
    quick.timeout(HANG).execute("INSERT INTO items (name) VALUES ('kept')", ()).await.unwrap();
    let names: Vec<String> = fresh.db.query("SELECT name FROM items", ()).await.unwrap();
    assert_eq!(names, ["kept"]);
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM log").await, 0);
    assert_whole(&fresh, READERS, SESSIONS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_behind_a_transaction_ends_at_its_limit() {
    let fresh = fresh().await;
    let quick = fresh.db.timeout(LIMIT);
    let mut session = quick.acquire().await.unwrap();
    let mut held = fresh.db.begin().await.unwrap();
    held.execute("INSERT INTO log (batch) VALUES (1)", ()).await.unwrap();
    assert_late("a write", quick.execute("INSERT INTO items (name) VALUES ('late')", ())).await;
    assert_late("a batch", quick.batch("INSERT INTO items (name) VALUES ('late')")).await;
    assert_late("a table's write", quick.table("items").insert(record! { "name" => "late" })).await;
    let rows = (0..2_000).map(|id| (id, format!("{id}")));
    assert_late("many rows", quick.execute_many("INSERT INTO items VALUES (?, ?)", rows)).await;
    assert_late("a transaction", quick.transaction(async |_| Ok(()))).await;
    held.commit().await.unwrap();
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM items").await, 0, "none of them ran later");
    session.execute("INSERT INTO items (name) VALUES ('now')", ()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_waits_behind_a_transaction_ends_at_its_limit() {
    let fresh = fresh().await;
    let quick = fresh.db.timeout(LIMIT);
    let mut session = quick.acquire().await.unwrap();
    let held = fresh.db.begin().await.unwrap();
    let write = session.execute("INSERT INTO items (name) VALUES ('late')", ());
    assert_late("a session's write", write).await;
    assert_late("a session's transaction", session.transaction(async |_| Ok(()))).await;
    let one: i64 = within("a session's read", session.query_value("SELECT 1", ())).await.unwrap();
    assert_eq!(one, 1, "what was given up does not hold the session");
    held.commit().await.unwrap();
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM items").await, 0, "none of them ran later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_a_reader_ends_at_its_limit() {
    let fresh = fresh().await;
    let quick = fresh.db.timeout(LIMIT);
    let lent = all_readers(&fresh.db).await;
    assert_late("a read", quick.query_value::<i64>("SELECT 1", ())).await;
    assert_late("a stream", quick.stream("SELECT 1", ()).try_next()).await;
    assert_late("a snapshot", async { quick.snapshot().await.map(|_| ()) }).await;
    drop(lent);
    assert_whole(&fresh, READERS, SESSIONS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupt_stops_what_runs_and_never_reaches_the_next_call() {
    let fresh = fresh().await;
    let db = &fresh.db;
    for _ in 0..20 {
        let mut read = Box::pin(db.query_value::<i64>(ENDLESS, ()));
        assert!(start(&mut read).await.is_none());
        let mut write = Box::pin(db.execute(ENDLESS_INSERT, ()));
        assert!(start(&mut write).await.is_none());
        let mut stream = db.stream(ROWS_FOR_EVER, ());
        assert!(within("a row", stream.try_next()).await.unwrap().is_some());
        // An interrupt may come before a statement runs, and then does not affect it.
        let since = Instant::now();
        let (mut read_over, mut write_over) = (None, None);
        while read_over.is_none() || write_over.is_none() {
            assert!(since.elapsed() < HANG, "the interrupt stops nothing");
            db.interrupt();
            tokio::time::sleep(Duration::from_millis(5)).await;
            if read_over.is_none() {
                read_over = start(&mut read).await;
            }
            if write_over.is_none() {
                write_over = start(&mut write).await;
            }
        }
        assert_eq!(kind(read_over.unwrap()), ErrorKind::Cancelled);
        assert_eq!(kind(write_over.unwrap()), ErrorKind::Cancelled);
        let ended = within("the stream's end", async {
            loop {
                match stream.try_next().await {
                    Ok(row) => assert!(row.is_some(), "it ends as if it were whole"),
                    Err(error) => return error.kind(),
                }
            }
        });
        assert_eq!(ended.await, ErrorKind::Cancelled);
        db.interrupt();
        assert_eq!(number(db, "SELECT count(*) FROM log").await, 0);
        within("a write", db.execute("DELETE FROM log", ())).await.unwrap();
    }
    db.interrupt();
    assert_whole(&fresh, READERS, SESSIONS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_dropped_half_way_frees_its_reader_and_stops_its_statement() {
    let fresh = fresh().await;
    let db = &fresh.db;
    for round in 0..200 {
        let mut stream = db.stream(ROWS_FOR_EVER, ());
        for _ in 0..round * 37 % 5_000 {
            assert!(within("a row", stream.try_next()).await.unwrap().is_some());
        }
        // Some are dropped while they wait for a row that never comes.
        if round % 5 == 0 {
            let mut barren = db.stream(ENDLESS, ());
            assert!(poll_times(round % 3, barren.try_next()).await.is_none());
        }
    }
    let snapshot = within("a snapshot", db.snapshot()).await.unwrap();
    for rows in 0..20 {
        let mut stream = snapshot.stream(ROWS_FOR_EVER, ());
        for _ in 0..rows * 100 {
            assert!(within("a row", stream.try_next()).await.unwrap().is_some());
        }
    }
    let one: i64 = within("the snapshot", snapshot.query_value("SELECT 1", ())).await.unwrap();
    assert_eq!(one, 1);
    drop(snapshot);
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO items (name) VALUES ('a')", ()).await.unwrap();
    let mut stream = tx.stream(ROWS_FOR_EVER, ());
    assert!(within("a row", stream.try_next()).await.unwrap().is_some());
    drop(stream);
    within("a write", tx.execute("INSERT INTO items (name) VALUES ('b')", ())).await.unwrap();
    within("the commit", tx.commit()).await.unwrap();
    assert_eq!(number(db, "SELECT count(*) FROM items").await, 2);
    assert_whole(&fresh, READERS, SESSIONS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_rolls_back_before_the_next_writer() {
    let fresh = fresh().await;
    let db = &fresh.db;
    for round in 0..100 {
        let mut tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO items VALUES (1, 'lost')", ()).await.unwrap();
        if round % 2 == 0 {
            let mut sp = tx.begin_savepoint().await.unwrap();
            sp.execute("INSERT INTO items VALUES (2, 'lost too')", ()).await.unwrap();
        }
        drop(tx);
        // Without the rollback it would find the key taken.
        let next = db.execute("INSERT INTO items VALUES (1, 'kept')", ());
        assert_eq!(within("the next write", next).await.unwrap().rows_changed, 1);
        within("its removal", db.execute("DELETE FROM items", ())).await.unwrap();
    }
}
