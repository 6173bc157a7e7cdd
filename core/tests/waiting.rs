//! A waiting call gets what it waits for, or an error; and no task starves.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use support::{
    ENDLESS, Fresh, HANG, NEVER, ROWS_FOR_EVER, all_readers, kind, number, start, within,
};
use ubiqlite::{Database, ErrorKind, JournalMode, Synchronous, record};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); \
    INSERT INTO items VALUES (1, 'first'), (2, 'second')";

const ONE: &str = "SELECT name FROM items WHERE id = 1";

/// Runs a loop that never waits, on the executor's one thread, for a limited time. In that
/// time another task must have been polled many times, and a timer must have fired.
async fn others_run_beside<F: Future>(what: &str, mut round: impl FnMut() -> F) {
    let turns = Rc::new(Cell::new(0u32));
    let counted = Rc::clone(&turns);
    let other = tokio::task::spawn_local(async move {
        loop {
            counted.set(counted.get() + 1);
            tokio::task::yield_now().await;
        }
    });
    // A loop that starves the timer still ends by the clock.
    let since = Instant::now();
    let rounds = Cell::new(0u32);
    let starved = tokio::time::timeout(Duration::from_millis(100), async {
        while since.elapsed() < Duration::from_secs(3) {
            round().await;
            rounds.set(rounds.get() + 1);
        }
    });
    assert!(starved.await.is_err(), "no timer fires beside {what}");
    other.abort();
    // Counted per round and not per time: a busy machine slows both down.
    let (turns, rounds) = (turns.get(), rounds.get());
    let least = 2.max(rounds / 300);
    assert!(turns >= least, "beside {rounds} rounds of {what}, another task had {turns} turns");
}

/// Keeps the thread busy for `time`.
fn work_for(time: Duration) {
    let since = Instant::now();
    while since.elapsed() < time {}
}

async fn on_one_thread(work: impl Future<Output = ()>) {
    tokio::task::LocalSet::new().run_until(work).await;
}

#[tokio::test]
async fn a_loop_of_reads_that_are_there_at_once_starves_neither_timers_nor_tasks() {
    let fresh = Fresh::with(Database::options(), SCHEMA).await;
    let db = &fresh.db;
    on_one_thread(async {
        others_run_beside("queries", || async {
            db.query_value::<String>(ONE, ()).await.unwrap();
        })
        .await;
        let items = db.table("items");
        others_run_beside("rows by key", || async {
            items.get::<ubiqlite::Row>(1).await.unwrap().unwrap();
        })
        .await;
        others_run_beside("counts", || async {
            assert_eq!(items.count().await.unwrap(), 2);
        })
        .await;
        others_run_beside("errors", || async {
            assert!(db.query_value::<i64>("SELECT missing FROM items", ()).await.is_err());
        })
        .await;
        let limited = db.timeout(NEVER);
        others_run_beside("queries with a limit", || async {
            limited.query_value::<String>(ONE, ()).await.unwrap();
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn loops_inside_what_is_lent_starve_nobody() {
    let fresh = Fresh::with(Database::options(), SCHEMA).await;
    let db = &fresh.db;
    on_one_thread(async {
        let snapshot = db.snapshot().await.unwrap();
        others_run_beside("a snapshot's reads", || async {
            snapshot.query_value::<String>(ONE, ()).await.unwrap();
        })
        .await;
        drop(snapshot);
        let session = tokio::sync::Mutex::new(db.acquire().await.unwrap());
        others_run_beside("a session's reads", || async {
            session.lock().await.query_value::<String>(ONE, ()).await.unwrap();
        })
        .await;
        let tx = tokio::sync::Mutex::new(db.begin().await.unwrap());
        others_run_beside("a transaction's reads", || async {
            tx.lock().await.query_value::<String>(ONE, ()).await.unwrap();
        })
        .await;
        tx.into_inner().rollback().await.unwrap();
        others_run_beside("transactions", || async {
            drop(db.begin().await.unwrap());
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn loops_of_writes_starve_nobody() {
    let options = Database::options().synchronous(Synchronous::Normal);
    let fresh = Fresh::with(options, SCHEMA).await;
    let memory = Database::open(":memory:").await.unwrap();
    memory.batch(SCHEMA).await.unwrap();
    let delete = Database::options().journal_mode(JournalMode::Delete);
    let delete = Fresh::with(delete, SCHEMA).await;
    on_one_thread(async {
        for db in [&fresh.db, &memory, &delete.db] {
            others_run_beside("writes", || async {
                db.execute("UPDATE items SET name = 'b' WHERE id = 2", ()).await.unwrap();
            })
            .await;
            others_run_beside("reads beside them", || async {
                db.query_value::<String>(ONE, ()).await.unwrap();
            })
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn rows_of_a_stream_that_are_there_starve_nobody_and_none_is_lost() {
    let fresh = Fresh::with(Database::options(), SCHEMA).await;
    let db = &fresh.db;
    on_one_thread(async {
        let stream = tokio::sync::Mutex::new((db.stream(ROWS_FOR_EVER, ()), 0));
        others_run_beside("a stream's rows", || async {
            let (rows, seen) = &mut *stream.lock().await;
            // Cancelled now and then, at any point: no row is lost.
            if *seen % 7 == 0
                && let Some(row) = start(&mut Box::pin(rows.try_next())).await
            {
                *seen += 1;
                assert_eq!(row.unwrap().unwrap().get::<i64>(0).unwrap(), *seen);
            }
            let row = rows.try_next().await.unwrap().unwrap();
            *seen += 1;
            assert_eq!(row.get::<i64>(0).unwrap(), *seen);
            // Slower than the statement, so that rows are always ready.
            work_for(Duration::from_micros(20));
        })
        .await;
        let (_, seen) = stream.into_inner();
        assert!(seen > 200, "{seen} rows are too few for this test");
    })
    .await;
}

#[tokio::test]
async fn many_rows_from_a_fast_iterator_starve_nobody() {
    let fresh = Fresh::with(Database::options(), SCHEMA).await;
    let db = &fresh.db;
    on_one_thread(async {
        let stop = Rc::new(Cell::new(false));
        let (seen, since) = (Rc::clone(&stop), Instant::now());
        let timer = tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            seen.set(true);
        });
        // It ends when the timer has fired, and is slower than the writer.
        let rows = std::iter::repeat((1,)).take_while(|_| {
            work_for(Duration::from_micros(20));
            !stop.get() && since.elapsed() < Duration::from_secs(10)
        });
        let many = db.execute_many("UPDATE items SET name = 'c' WHERE id = ?", rows);
        within("many rows", many).await.unwrap();
        assert!(stop.get(), "no timer fires beside many rows");
        timer.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_timer_beside_reads_that_a_task_makes_is_late_by_little() {
    let fresh = Fresh::with(Database::options(), SCHEMA).await;
    let db = fresh.db.clone();
    on_one_thread(async {
        let reads = tokio::task::spawn_local(async move {
            let since = Instant::now();
            while since.elapsed() < HANG {
                db.query_value::<String>(ONE, ()).await.unwrap();
            }
        });
        let mut late = Vec::new();
        for _ in 0..50 {
            let since = Instant::now();
            tokio::time::sleep(Duration::from_millis(1)).await;
            late.push(since.elapsed());
        }
        reads.abort();
        late.sort_unstable();
        // Far above what it takes on a quiet machine, and far from never.
        assert!(late[49] < HANG / 4, "late by {:?}", late[49]);
    })
    .await;
}

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_reader_is_told_after_the_time_for_acquiring() {
    let options = Database::options().readers(2).acquire_timeout(SHORT);
    let fresh = Fresh::with(options, SCHEMA).await;
    let db = &fresh.db;
    db.execute("UPDATE items SET name = 'known' WHERE id = 1", ()).await.unwrap();
    let lent = all_readers(db).await;
    let since = Instant::now();
    let items = db.table("items");
    let (query, get, count, stream, snapshot) = tokio::join!(
        within("a query", db.query_value::<String>(ONE, ())),
        within("a row", items.get::<ubiqlite::Row>(1)),
        within("a count", items.count()),
        within("a stream", async { db.stream(ONE, ()).try_next().await }),
        within("a snapshot", db.snapshot()),
    );
    let told = [
        query.map(|_| ()).unwrap_err(),
        get.map(|_| ()).unwrap_err(),
        count.map(|_| ()).unwrap_err(),
        stream.map(|_| ()).unwrap_err(),
        snapshot.map(|_| ()).unwrap_err(),
    ];
    assert!(since.elapsed() >= SHORT, "they had their time");
    for error in told {
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.message().contains("no connection was free"), "{error}");
    }
    // The calls that timed out hold nothing, and keep no other waiting.
    drop(lent);
    assert_eq!(number(db, "SELECT count(*) FROM items").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_of_whatever_text_does_not_wait_for_a_reader() {
    let options = Database::options().readers(2).acquire_timeout(NEVER);
    let fresh = Fresh::with(options, SCHEMA).await;
    let db = &fresh.db;
    let lent = all_readers(db).await;
    let mut waits = Box::pin(db.query_value::<i64>("SELECT count(*) FROM items", ()));
    assert!(start(&mut waits).await.is_none());
    for id in 10..20 {
        let text = format!("INSERT INTO items VALUES ({id}, 'never seen before')");
        within(&text, db.execute(&text, ())).await.unwrap();
    }
    let text = "INSERT INTO items VALUES (20, 'a') RETURNING id";
    assert_eq!(within("a write", db.query_value::<i64>(text, ())).await.unwrap(), 20);
    let id = db.table("items").insert(record! { "name" => "through the table" });
    assert_eq!(within("a table's write", id).await.unwrap().to_string(), "21");
    let wrong = within("a wrong statement", db.execute("INSERT INTO missing VALUES (1)", ())).await;
    assert_eq!(kind(wrong), ErrorKind::NoSuchTable);
    let tx = within("a transaction", db.begin()).await.unwrap();
    within("its end", tx.rollback()).await.unwrap();
    assert!(start(&mut waits).await.is_none(), "a read waits for a reader");
    drop(lent);
    assert_eq!(within("the read", waits).await.unwrap(), 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_read_is_not_stuck_behind_long_queries() {
    let options = Database::options().readers(2).acquire_timeout(NEVER);
    let fresh = Fresh::with(options, SCHEMA).await;
    let db = &fresh.db;
    let mut long = Vec::new();
    for _ in 0..6 {
        let mut query = Box::pin(db.query_value::<i64>(ENDLESS, ()));
        assert!(start(&mut query).await.is_none());
        long.push(query);
        let read = within("a point read", db.query_value::<String>(ONE, ())).await;
        assert_eq!(read.unwrap(), "first");
    }
    drop(long);
    assert_eq!(number(db, "SELECT count(*) FROM items").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_goes_on_makes_nobody_busy() {
    let options = Database::options().busy_timeout(SHORT);
    let fresh = Fresh::with(options, SCHEMA).await;
    let db = fresh.db.clone();
    let since = Instant::now();
    let rows = (10i64..).take_while(move |_| since.elapsed() < SHORT * 5);
    let rows = rows.map(|id| (id, "many"));
    let load =
        tokio::spawn(async move { db.execute_many("INSERT INTO items VALUES (?, ?)", rows).await });
    tokio::time::sleep(SHORT / 3).await;
    let mut session = fresh.db.acquire().await.unwrap();
    let (write, tx, in_session) = tokio::join!(
        within("a write", fresh.db.execute("DELETE FROM items WHERE id = 1", ())),
        within("a transaction", async { fresh.db.begin().await?.rollback().await }),
        within("a session's write", session.execute("DELETE FROM items WHERE id = 2", ())),
    );
    assert_eq!(write.unwrap().rows_changed, 1);
    tx.unwrap();
    assert_eq!(in_session.unwrap().rows_changed, 1);
    assert!(since.elapsed() >= SHORT * 5, "the load was too short for this test");
    assert!(load.await.unwrap().unwrap() > 0);
}

/// A statement that takes about `rounds` milliseconds, or more.
fn slow(rounds: u32) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) \
         SELECT count(*) FROM n",
        rounds * 20_000
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_statement_and_short_reads_inside_a_transaction_are_going_on() {
    let fresh = Fresh::with(Database::options().busy_timeout(SHORT), SCHEMA).await;
    let db = &fresh.db;
    let mut tx = db.begin().await.unwrap();
    let mut write = Box::pin(db.execute("DELETE FROM items WHERE id = 1", ()));
    assert!(start(&mut write).await.is_none());
    let since = Instant::now();
    while since.elapsed() < SHORT * 3 {
        tx.query_value::<i64>(&slow(500), ()).await.unwrap();
    }
    let since = Instant::now();
    while since.elapsed() < SHORT * 3 {
        tx.query_value::<String>(ONE, ()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(start(&mut write).await.is_none(), "it is told though the transaction goes on");
    tx.commit().await.unwrap();
    assert_eq!(within("the write", write).await.unwrap().rows_changed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_does_not_go_on_makes_others_busy() {
    let fresh = Fresh::with(Database::options().busy_timeout(SHORT), SCHEMA).await;
    let db = &fresh.db;
    const DELETE: &str = "DELETE FROM items WHERE id = 1";
    // A session with an open transaction, one with a stream that is not read, and a
    // transaction with such a stream.
    let mut session = db.acquire().await.unwrap();
    session.execute("BEGIN IMMEDIATE", ()).await.unwrap();
    assert_eq!(kind(within("a write", db.execute(DELETE, ())).await), ErrorKind::Busy);
    let mut other = db.acquire().await.unwrap();
    assert_eq!(kind(within("a session's write", other.execute(DELETE, ())).await), ErrorKind::Busy);
    {
        let mut rows = session.stream(ROWS_FOR_EVER, ());
        rows.try_next().await.unwrap().unwrap();
        assert_eq!(kind(within("a write", db.execute(DELETE, ())).await), ErrorKind::Busy);
        let mut write = Box::pin(db.execute(DELETE, ()));
        assert!(start(&mut write).await.is_none());
        let since = Instant::now();
        while since.elapsed() < SHORT * 3 {
            for _ in 0..20_000 {
                rows.try_next().await.unwrap().unwrap();
            }
        }
        assert!(start(&mut write).await.is_none(), "the stream is read");
    }
    drop(session);
    let mut tx = db.begin().await.unwrap();
    let mut rows = tx.stream(ROWS_FOR_EVER, ());
    rows.try_next().await.unwrap().unwrap();
    assert_eq!(kind(within("a write", db.execute(DELETE, ())).await), ErrorKind::Busy);
    drop(rows);
    tx.rollback().await.unwrap();
    assert_eq!(within("a write", db.execute(DELETE, ())).await.unwrap().rows_changed, 1);
    assert_eq!(number(db, "SELECT count(*) FROM items").await, 1);
}
