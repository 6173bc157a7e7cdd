//! Closing waits for what was accepted, and for nobody for ever.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::{Duration, Instant};

use support::{ENDLESS, Fresh, NEVER, ROWS_FOR_EVER, all_readers, kind, number, start, within};
use ubiqlite::{Database, ErrorKind, params};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)";

/// Holders that do not end have so long.
const PATIENCE: Duration = Duration::from_millis(300);

async fn fresh() -> Fresh {
    Fresh::with(Database::options().readers(2).busy_timeout(PATIENCE), SCHEMA).await
}

async fn assert_refused(db: &Database) {
    assert_eq!(kind(db.execute("DELETE FROM items", ()).await), ErrorKind::Closed);
    assert_eq!(kind(db.query_value::<i64>("SELECT 1", ()).await), ErrorKind::Closed);
    assert_eq!(kind(db.stream("SELECT 1", ()).try_next().await.map(|_| ())), ErrorKind::Closed);
    assert_eq!(kind(db.begin().await.map(|_| ())), ErrorKind::Closed);
    assert_eq!(kind(db.snapshot().await.map(|_| ())), ErrorKind::Closed);
    assert_eq!(kind(db.acquire().await.map(|_| ())), ErrorKind::Closed);
    assert_eq!(kind(db.batch("DELETE FROM items").await), ErrorKind::Closed);
    assert_eq!(kind(db.table("items").count().await), ErrorKind::Closed);
    let many = db.execute_many("DELETE FROM items WHERE id = ?", [(1,), (2,)]).await;
    assert_eq!(kind(many), ErrorKind::Closed);
}

async fn assert_closed(db: &Database) {
    assert_refused(db).await;
    within("a second close", db.close()).await.unwrap();
    assert_refused(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_are_finished_and_later_ones_are_refused() {
    // The holders have plenty of time: this machine may be slow.
    let fresh = Fresh::with(Database::options().busy_timeout(NEVER), SCHEMA).await;
    let db = &fresh.db;
    let tx = db.begin().await.unwrap();
    let mut writes = Vec::new();
    for id in 0..50 {
        let write = db.execute("INSERT INTO items VALUES (?, 'accepted')", params![id]);
        writes.push(Box::pin(write));
    }
    for write in &mut writes {
        assert!(start(write).await.is_none(), "it waits behind the transaction");
    }
    let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) \
                SELECT count(*) FROM n";
    let mut read = Box::pin(db.query_value::<i64>(long, ()));
    assert!(start(&mut read).await.is_none());
    let mut close = Box::pin(db.close());
    assert!(start(&mut close).await.is_none(), "it waits for what was accepted");
    assert_refused(db).await;
    tx.commit().await.unwrap();
    for write in writes {
        assert_eq!(within("an accepted write", write).await.unwrap().rows_changed, 1);
    }
    assert_eq!(within("an accepted read", read).await.unwrap(), 300_000);
    within("closing", close).await.unwrap();
    assert_closed(db).await;
    let written: i64 =
        fresh.outside().query_row("SELECT count(*) FROM items", [], |row| row.get(0)).unwrap();
    assert_eq!(written, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_rolls_back_a_transaction_that_is_never_ended() {
    let fresh = fresh().await;
    let mut tx = fresh.db.begin().await.unwrap();
    tx.execute("INSERT INTO items VALUES (1, 'lost')", ()).await.unwrap();
    let since = Instant::now();
    within("closing", fresh.db.close()).await.unwrap();
    assert!(since.elapsed() >= PATIENCE, "it had its time");
    let after =
        within("a call in it", tx.execute("INSERT INTO items VALUES (2, 'late')", ())).await;
    assert_eq!(kind(after), ErrorKind::Closed);
    assert_eq!(kind(within("its commit", tx.commit()).await), ErrorKind::Closed);
    let written: i64 =
        fresh.outside().query_row("SELECT count(*) FROM items", [], |row| row.get(0)).unwrap();
    assert_eq!(written, 0);
    assert_closed(&fresh.db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_may_commit_while_the_database_closes() {
    let fresh = Fresh::with(Database::options().busy_timeout(NEVER), SCHEMA).await;
    let mut tx = fresh.db.begin().await.unwrap();
    let mut close = Box::pin(fresh.db.close());
    assert!(start(&mut close).await.is_none());
    tx.execute("INSERT INTO items VALUES (1, 'kept')", ()).await.unwrap();
    tx.commit().await.unwrap();
    within("closing", close).await.unwrap();
    let reopened = Database::open(fresh.path()).await.unwrap();
    assert_eq!(number(&reopened, "SELECT count(*) FROM items").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_does_not_wait_for_a_session_for_ever() {
    let fresh = fresh().await;
    let mut session = fresh.db.acquire().await.unwrap();
    session.execute("BEGIN IMMEDIATE", ()).await.unwrap();
    session.execute("INSERT INTO items VALUES (1, 'lost')", ()).await.unwrap();
    within("closing", fresh.db.close()).await.unwrap();
    let after = within("a call in it", session.query_value::<i64>("SELECT 1", ())).await;
    assert_eq!(kind(after), ErrorKind::Closed);
    drop(session);
    let written: i64 =
        fresh.outside().query_row("SELECT count(*) FROM items", [], |row| row.get(0)).unwrap();
    assert_eq!(written, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_does_not_wait_for_a_snapshot_for_ever() {
    let fresh = fresh().await;
    let snapshot = fresh.db.snapshot().await.unwrap();
    within("closing", fresh.db.close()).await.unwrap();
    let after = within("a call in it", snapshot.query_value::<i64>("SELECT 1", ())).await;
    assert_eq!(kind(after), ErrorKind::Closed);
    let streamed = within("a stream in it", snapshot.stream("SELECT 1", ()).try_next()).await;
    assert_eq!(kind(streamed.map(|_| ())), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_a_stream_that_stands_still() {
    let fresh = fresh().await;
    let mut stream = fresh.db.stream(ROWS_FOR_EVER, ());
    assert!(within("a row", stream.try_next()).await.unwrap().is_some());
    within("closing", fresh.db.close()).await.unwrap();
    // The rows that were read ahead may still come.
    let error = within("the stream's end", async {
        loop {
            match stream.try_next().await {
                Ok(row) => assert!(row.is_some(), "it ends as if it were whole"),
                Err(error) => return error,
            }
        }
    });
    assert_eq!(error.await.kind(), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_tells_a_stream_that_still_waits_for_a_reader() {
    let options = Database::options().readers(1).busy_timeout(PATIENCE);
    let fresh = Fresh::with(options, SCHEMA).await;
    let _lent = all_readers(&fresh.db).await;
    let mut second = fresh.db.stream("SELECT 1", ());
    let mut read = Box::pin(fresh.db.query_value::<i64>("SELECT 2", ()));
    assert!(start(&mut read).await.is_none());
    within("closing", fresh.db.close()).await.unwrap();
    assert_eq!(kind(within("a waiting read", read).await), ErrorKind::Closed);
    let soon = tokio::time::timeout(Duration::from_secs(10), second.try_next()).await;
    let answer = soon.expect("a waiting stream is told nothing when the database closes");
    assert_eq!(kind(answer.map(|_| ())), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_stops_a_statement_that_never_ends() {
    let fresh = fresh().await;
    let mut read = Box::pin(fresh.db.query_value::<i64>(ENDLESS, ()));
    assert!(start(&mut read).await.is_none());
    let endless = "INSERT INTO items (name) WITH RECURSIVE n(i) AS \
                   (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";
    let mut write = Box::pin(fresh.db.execute(endless, ()));
    assert!(start(&mut write).await.is_none());
    within("closing", fresh.db.close()).await.unwrap();
    let stopped = [ErrorKind::Cancelled, ErrorKind::Closed];
    assert!(stopped.contains(&kind(within("the read", read).await)));
    assert!(stopped.contains(&kind(within("the write", write).await)));
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_future_of_a_close_does_not_stop_the_closing() {
    let fresh = fresh().await;
    let mut close = Box::pin(fresh.db.close());
    let _ = start(&mut close).await;
    drop(close);
    assert_closed(&fresh.db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_does_not_wait_for_futures_that_nobody_polls() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let rows = (0..10_000).map(|id| (id, "lost"));
    let mut many = Box::pin(db.execute_many("INSERT INTO items VALUES (?, ?)", rows));
    assert!(start(&mut many).await.is_none());
    let mut insert = Box::pin(db.table("items").insert(ubiqlite::record! { "name" => "waits" }));
    assert!(start(&mut insert).await.is_none(), "it waits behind the many rows");
    within("closing", db.close()).await.unwrap();
    let refused = within("the many rows", many).await;
    assert!(matches!(refused.as_ref().map_err(ubiqlite::Error::kind), Err(ErrorKind::Closed)));
    drop(insert);
    let written: i64 =
        fresh.outside().query_row("SELECT count(*) FROM items", [], |row| row.get(0)).unwrap();
    assert_eq!(written, 0);
}
