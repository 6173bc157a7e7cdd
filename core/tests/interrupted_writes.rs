//! A write stopped at the worst moment: between its `BEGIN` and its `COMMIT`, either of which
//! SQLite may report as interrupted although it was done.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::{Duration, Instant};

use support::{ENDLESS, ENDLESS_INSERT, Fresh, NEVER, assert_whole, kind, number, start, within};
use ubiqlite::{Database, ErrorKind, Synchronous, params};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE log (id INTEGER PRIMARY KEY, batch INTEGER);";

const INSERT: &str = "INSERT INTO items (name) VALUES (?)";

async fn fresh(synchronous: Synchronous) -> Fresh {
    let options = Database::options().synchronous(synchronous).busy_timeout(NEVER);
    Fresh::with(options, SCHEMA).await
}

/// How long such a write takes on this machine, now.
async fn usual(db: &Database) -> Duration {
    let since = Instant::now();
    for _ in 0..100 {
        within("a write", db.execute(INSERT, params!["usual"])).await.unwrap();
    }
    since.elapsed() / 100
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_dropped_as_they_begin_leave_no_transaction_open() {
    for synchronous in [Synchronous::Full, Synchronous::Off] {
        // Not inline: there is no moment to drop a call that runs on the caller's thread.
        let options = Database::options().synchronous(synchronous).inline(false);
        let fresh = Fresh::with(options.busy_timeout(NEVER), SCHEMA).await;
        let db = &fresh.db;
        let mut rng = fastrand::Rng::new();
        for round in 0..10_000 {
            let until = Instant::now() + Duration::from_micros(rng.u64(0..50));
            if round % 2 == 0 {
                let mut write = Box::pin(db.execute(INSERT, params!["perhaps"]));
                let _ = start(&mut write).await;
                while Instant::now() < until {}
            } else {
                let mut begin = Box::pin(db.begin());
                // The write permit comes first, then the `BEGIN` itself.
                if start(&mut begin).await.is_none() {
                    let _ = start(&mut begin).await;
                }
                while Instant::now() < until {}
            }
            if round % 100 == 0 {
                let write = within("the next write", db.execute("DELETE FROM log", ())).await;
                assert!(write.is_ok(), "in round {round}: {write:?}");
            }
        }
        assert_whole(&fresh, 2, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_told_as_late_has_changed_nothing() {
    let fresh = fresh(Synchronous::Full).await;
    let db = &fresh.db;
    let usual = usual(db).await;
    let mut rng = fastrand::Rng::new();
    let (mut late, mut done) = (0, 0);
    let since = Instant::now();
    // Enough for SQLite's own counters to wrap around, if the disk is fast.
    for id in 1_000..9_000 {
        let quick = db.timeout(usual.mul_f64(rng.f64() * 1.5));
        let write = quick.execute("INSERT INTO items VALUES (?, 'perhaps')", params![id]);
        let result = within("a write", write).await;
        let there = number(db, &format!("SELECT count(*) FROM items WHERE id = {id}")).await;
        match result {
            Ok(_) => {
                done += 1;
                assert_eq!(there, 1, "write {id} was done");
            }
            Err(error) => {
                late += 1;
                assert_eq!(error.kind(), ErrorKind::Timeout, "write {id}: {error}");
                assert_eq!(there, 0, "write {id} was late, and is there");
            }
        }
        if since.elapsed() > Duration::from_secs(10) {
            break;
        }
    }
    println!("{done} done, {late} late");
    assert_whole(&fresh, 2, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_stopped_statements_leave_no_transaction_open() {
    let fresh = fresh(Synchronous::Full).await;
    let quick = fresh.db.timeout(Duration::from_micros(500));
    for round in 0..2_500 {
        let result = match round % 3 {
            0 => within("a write", quick.execute(ENDLESS_INSERT, ())).await.map(|_| ()),
            1 => {
                let half = "INSERT INTO items (name) VALUES ('half')";
                let batch = within("a batch", quick.batch([(half, ()), (ENDLESS_INSERT, ())]));
                batch.await.map(|_| ())
            }
            _ => within("a read", quick.query_value::<i64>(ENDLESS, ())).await.map(|_| ()),
        };
        assert_eq!(kind(result), ErrorKind::Timeout, "round {round}");
    }
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM items").await, 0);
    assert_whole(&fresh, 2, 2).await;
}
