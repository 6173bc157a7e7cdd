//! Closing waits for accepted calls, and for no call for ever.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::future::Future;
use std::time::{Duration, Instant};

use support::{ENDLESS, Fresh, NEVER, ROWS_FOR_EVER, all_readers, kind, number, start, within};
use ubiqlite::{Database, ErrorKind, Result, params};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)";

/// The time that closing gives handles that do not end.
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
    // The open handles get plenty of time: this machine may be slow.
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
    // Rows that were read ahead may still come.
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
    let result = soon.expect("a waiting stream is told nothing when the database closes");
    assert_eq!(kind(result.map(|_| ())), ErrorKind::Closed);
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

const ENDLESS_WRITE: &str = "INSERT INTO items (name) WITH RECURSIVE n(i) AS \
    (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";

/// Checks that every call fails with `Closed`.
async fn assert_settled<T: std::fmt::Debug>(calls: Vec<impl Future<Output = Result<T>>>) {
    for call in calls {
        assert_eq!(kind(within("a call", call).await), ErrorKind::Closed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_though_endless_queries_wait_behind_each_other() {
    let options = Database::options().readers(1).busy_timeout(PATIENCE);
    let fresh = Fresh::with(options, SCHEMA).await;
    let snapshot = fresh.db.snapshot().await.unwrap();
    let mut reads = Vec::new();
    for _ in 0..10 {
        let mut read = Box::pin(snapshot.query_value::<i64>(ENDLESS, ()));
        assert!(start(&mut read).await.is_none());
        reads.push(read);
    }
    let mut stream = snapshot.stream(ENDLESS, ());
    within("closing", fresh.db.close()).await.unwrap();
    assert_settled(reads).await;
    assert_eq!(kind(within("a stream", stream.try_next()).await.map(|_| ())), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_though_endless_queries_wait_in_a_session() {
    let fresh = fresh().await;
    let session = fresh.db.acquire().await.unwrap();
    let session = tokio::sync::Mutex::new(session);
    let calls = async {
        // The second one begins when closing has stopped the first.
        for _ in 0..3 {
            let call = session.lock().await.query_value::<i64>(ENDLESS, ()).await;
            assert_eq!(kind(call), ErrorKind::Closed);
        }
    };
    let (closed, ()) =
        tokio::join!(within("closing", fresh.db.close()), within("the session's calls", calls),);
    closed.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_though_the_writer_s_queue_is_endless() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let mut session = db.acquire().await.unwrap();
    let mut writes = Vec::new();
    for _ in 0..20 {
        // A batch goes to the writer without a check of whether it writes.
        let mut write = Box::pin(db.batch([(ENDLESS_WRITE, ())]));
        assert!(start(&mut write).await.is_none());
        writes.push(write);
    }
    let mut begin = Box::pin(db.begin());
    assert!(start(&mut begin).await.is_none());
    // It waits for the write permit on the session's own thread.
    let mut turn = Box::pin(session.execute("DELETE FROM items", ()));
    assert!(start(&mut turn).await.is_none());
    within("closing", db.close()).await.unwrap();
    assert_settled(writes).await;
    assert_eq!(kind(within("a transaction", begin).await.map(|_| ())), ErrorKind::Closed);
    let told = within("a session's write", turn).await.map(|_| ());
    assert_eq!(kind(told), ErrorKind::Closed);
    let written: i64 =
        fresh.outside().query_row("SELECT count(*) FROM items", [], |row| row.get(0)).unwrap();
    assert_eq!(written, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_counts_its_patience_once() {
    // One call is inside an operation of several calls, and one is endless: closing waits
    // for both at the same time.
    let patience = Duration::from_secs(4);
    let fresh = Fresh::with(Database::options().busy_timeout(patience), SCHEMA).await;
    let db = &fresh.db;
    let rows = (0..10_000).map(|id| (id, "lost"));
    let mut many = Box::pin(db.execute_many("INSERT INTO items VALUES (?, ?)", rows));
    assert!(start(&mut many).await.is_none());
    let mut read = Box::pin(db.query_value::<i64>(ENDLESS, ()));
    assert!(start(&mut read).await.is_none());
    let since = Instant::now();
    within("closing", db.close()).await.unwrap();
    assert!(since.elapsed() < patience * 7 / 4, "it took {:?}", since.elapsed());
    drop((many, read));
}

/// Makes one call of any kind, which may be endless, and must settle somehow.
async fn any_call(db: Database, choice: u8) -> Result<()> {
    match choice {
        0 => db.query_value::<i64>(ENDLESS, ()).await.map(|_| ()),
        1 => db.execute(ENDLESS_WRITE, ()).await.map(|_| ()),
        2 => db.execute("INSERT INTO items (name) VALUES ('a')", ()).await.map(|_| ()),
        3 => db.query_value::<i64>("SELECT count(*) FROM items", ()).await.map(|_| ()),
        4 => {
            let mut stream = db.stream(ROWS_FOR_EVER, ());
            while stream.try_next().await?.is_some() {}
            Ok(())
        }
        5 => db.stream(ENDLESS, ()).try_next().await.map(|_| ()),
        6 => {
            let snapshot = db.snapshot().await?;
            let both = tokio::join!(
                snapshot.query_value::<i64>(ENDLESS, ()),
                snapshot.query_value::<i64>(ENDLESS, ()),
            );
            both.0.and(both.1).map(|_| ())
        }
        7 => {
            let mut session = db.acquire().await?;
            session.execute("BEGIN IMMEDIATE", ()).await?;
            session.execute(ENDLESS_WRITE, ()).await?;
            session.query_value::<i64>(ENDLESS, ()).await.map(|_| ())
        }
        8 => {
            let mut tx = db.begin().await?;
            tx.execute("INSERT INTO items (name) VALUES ('b')", ()).await?;
            tx.query_value::<i64>(ENDLESS, ()).await.map(|_| ())
        }
        9 => {
            let rows = (0i64..).map(|row| (row.to_string(),));
            db.execute_many("INSERT INTO items (name) VALUES (?)", rows).await.map(|_| ())
        }
        10 => db.batch([(ENDLESS_WRITE, ()), (ENDLESS_WRITE, ())]).await.map(|_| ()),
        11 => db.query_value::<String>("PRAGMA journal_mode = DELETE", ()).await.map(|_| ()),
        12 => db.table("items").insert(ubiqlite::record! { "name" => "c" }).await.map(|_| ()),
        _ => {
            let _tx = db.begin().await?;
            std::future::pending().await
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_ends_in_the_midst_of_anything() {
    for seed in 0..40 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let patience = Duration::from_millis(rng.u64(0..60));
        let options = Database::options()
            .readers(rng.usize(1..4))
            .sessions(rng.usize(1..3))
            .busy_timeout(patience)
            .synchronous(ubiqlite::Synchronous::Normal);
        let dir = tempfile::tempdir().unwrap();
        // A short busy timeout does not make opening fail.
        let db = within("opening", options.open(dir.path().join("app.db"))).await.unwrap();
        within("the schema", db.batch(SCHEMA)).await.unwrap();
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..rng.usize(1..30) {
            let choice = rng.u8(0..13);
            calls.spawn(any_call(db.clone(), choice));
        }
        let given_up = tokio::spawn(any_call(db.clone(), 13));
        tokio::time::sleep(Duration::from_micros(rng.u64(0..20_000))).await;
        within("closing", db.close()).await.unwrap();
        given_up.abort();
        while let Some(call) = within("a call", calls.join_next()).await {
            // Settled in any way, including its own error.
            let told = call.unwrap();
            let closed = [ErrorKind::Closed, ErrorKind::Busy];
            assert!(
                told.as_ref().map_or_else(|error| closed.contains(&error.kind()), |()| true),
                "seed {seed}: {told:?}"
            );
        }
        let path = dir.path().join("app.db");
        let outside = rusqlite::Connection::open(path).unwrap();
        let sound: String = outside.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }
}
