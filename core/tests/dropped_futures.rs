//! Ten thousand futures of every kind, dropped at any moment: money neither appears nor
//! disappears, every operation was done whole or not at all, and every connection and thread
//! is back in its place.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::{
    ENDLESS, ENDLESS_INSERT, Fresh, NEVER, assert_whole, number, poll_times, threads, within,
};
use ubiqlite::{Database, Options, Result, Row, Synchronous, Transaction, params, record};

const SCHEMA: &str =
    "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
    CREATE TABLE log (id INTEGER PRIMARY KEY, batch INTEGER);";

const ACCOUNTS: i64 = 20;
const TOTAL: i64 = ACCOUNTS * 1_000;
const DROPS: usize = 10_000;
const TASKS: usize = 8;
const READERS: usize = 3;
const SESSIONS: usize = 3;

/// The rows of a batch: more than one chunk of `execute_many`.
const ROWS: i64 = 1_300;

/// Runs the future to its end, or drops it at a random moment.
async fn perhaps<T>(rng: &mut fastrand::Rng, future: impl Future<Output = T>) -> Option<T> {
    match rng.u8(0..10) {
        0..4 => poll_times(rng.usize(0..8), future).await,
        4..8 => {
            // Random in time: between two steps of the thread that works for it.
            let until = Instant::now() + Duration::from_micros(rng.u64(0..1_500));
            let turns = async {
                while Instant::now() < until {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                done = future => Some(done),
                () = turns => None,
            }
        }
        8 => tokio::time::timeout(Duration::from_millis(rng.u64(0..5)), future).await.ok(),
        // The limit is long enough for all but the endless ones.
        _ => tokio::time::timeout(Duration::from_millis(100), future).await.ok(),
    }
}

/// Moves money with two statements and a gap between them.
async fn move_money(tx: &mut Transaction<'_>, from: i64, to: i64) -> Result<()> {
    tx.execute("UPDATE accounts SET balance = balance - 1 WHERE id = ?", params![from]).await?;
    tokio::task::yield_now().await;
    tx.execute("UPDATE accounts SET balance = balance + 1 WHERE id = ?", params![to]).await?;
    Ok(())
}

/// Moves money in one savepoint, and takes some in another that is undone.
async fn move_nested(tx: &mut Transaction<'_>, from: i64, to: i64) -> Result<()> {
    let take = "UPDATE accounts SET balance = balance - 1 WHERE id = ?";
    let give = "UPDATE accounts SET balance = balance + 1 WHERE id = ?";
    let mut sp = tx.begin_savepoint().await?;
    sp.execute(take, params![from]).await?;
    sp.execute(give, params![to]).await?;
    sp.release().await?;
    let mut undone = tx.begin_savepoint().await?;
    undone.execute(take, params![from]).await?;
    undone.rollback().await
}

/// One operation of any kind.
async fn operation(db: Database, choice: u8, a: i64, b: i64, batch: i64) -> Result<()> {
    let insert = "INSERT INTO log (batch) VALUES (?)";
    match choice {
        0 => db.table("accounts").transfer("balance", [(a, b, 1), (b, a, 2), (a, b, 1)]).await,
        1 => {
            let mut tx = db.begin().await?;
            move_money(&mut tx, a, b).await?;
            tx.commit().await
        }
        2 => {
            let mut tx = db.begin().await?;
            move_nested(&mut tx, a, b).await?;
            if a < b { tx.commit().await } else { tx.rollback().await }
        }
        3 => {
            let mut session = db.acquire().await?;
            let mut tx = session.begin().await?;
            move_money(&mut tx, a, b).await?;
            if a < b { tx.commit().await } else { Ok(()) }
        }
        4 => {
            let mut session = db.acquire().await?;
            session.execute("BEGIN IMMEDIATE", ()).await?;
            session.execute("UPDATE accounts SET balance = balance + 1", ()).await.map(|_| ())
        }
        5 => db.execute_many(insert, (0..ROWS).map(|_| (batch,))).await.map(|_| ()),
        6 => {
            let mut tx = db.begin().await?;
            tx.execute_many(insert, (0..ROWS).map(|_| (batch,))).await?;
            move_money(&mut tx, a, b).await?;
            tx.commit().await
        }
        7 => {
            let fill = "INSERT INTO log (batch) WITH RECURSIVE n(i) AS \
                (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) SELECT ?1 FROM n";
            db.execute(fill, params![batch, ROWS]).await.map(|_| ())
        }
        8 => {
            let half = (0..ROWS).map(|_| (insert, params![batch])).collect::<Vec<_>>();
            db.batch(half).await.map(|_| ())
        }
        9 => {
            let mut rows = db.stream("SELECT * FROM log", ());
            let mut wanted = a * 100;
            while let (Some(_), true) = (rows.try_next().await?, wanted > 0) {
                wanted -= 1;
            }
            Ok(())
        }
        10 => {
            let snapshot = db.snapshot().await?;
            let sum = "SELECT sum(balance) FROM accounts";
            let (first, second) = tokio::join!(
                snapshot.query_value::<i64>(sum, ()),
                snapshot.query_value::<i64>("SELECT count(batch) FROM log", ())
            );
            assert_eq!((first?, second? % ROWS), (TOTAL, 0), "one moment, and a whole one");
            let mut rows = snapshot.stream("SELECT * FROM log ORDER BY batch", ());
            for _ in 0..a * 50 {
                rows.try_next().await?;
            }
            drop(rows);
            assert_eq!(snapshot.query_value::<i64>(sum, ()).await?, TOTAL);
            Ok(())
        }
        11 => db.query_value::<i64>(ENDLESS, ()).await.map(|_| ()),
        12 => db.execute(ENDLESS_INSERT, ()).await.map(|_| ()),
        13 => {
            let mut tx = db.begin().await?;
            let mut rows = tx.stream("SELECT * FROM log", ());
            for _ in 0..a * 10 {
                rows.try_next().await?;
            }
            drop(rows);
            move_money(&mut tx, a, b).await?;
            tx.commit().await
        }
        14 => {
            let rows: Vec<Row> = db.table("accounts").select().filter("id", a).all().await?;
            assert_eq!(rows.len(), 1);
            let spare = db.table("log").insert(record! { "batch" => None::<i64> }).await?;
            db.table("log").delete(&spare).await.map(|_| ())
        }
        15 | 16 => db.execute("DELETE FROM log WHERE batch < ?", params![batch]).await.map(|_| ()),
        _ => {
            let rows = db.query::<(i64, i64)>("SELECT * FROM accounts", ()).await?;
            assert_eq!(rows.iter().map(|(_, balance)| balance).sum::<i64>(), TOTAL);
            Ok(())
        }
    }
}

async fn drop_at_random(db: Database, seed: u64, task: usize) -> [usize; 3] {
    let mut rng = fastrand::Rng::with_seed(seed + task as u64);
    let mut fates = [0; 3];
    for round in 0..DROPS / TASKS {
        let (a, b) = (rng.i64(1..=ACCOUNTS), rng.i64(1..=ACCOUNTS));
        // Some also have their own time limit.
        let db = match rng.u8(0..5) {
            0 => db.timeout(Duration::from_micros(rng.u64(0..3_000))),
            _ => db.clone(),
        };
        let batch = (task * DROPS + round) as i64;
        let choice = rng.u8(0..20);
        let call = operation(db, choice, a, b, batch);
        match perhaps(&mut rng, call).await {
            Some(Ok(())) => fates[0] += 1,
            Some(Err(error)) => {
                use ubiqlite::ErrorKind::{Cancelled, Timeout};
                assert!(
                    [Cancelled, Timeout].contains(&error.kind()),
                    "operation {choice}: {error:?}"
                );
                fates[1] += 1;
            }
            None => fates[2] += 1,
        }
    }
    fates
}

async fn ten_thousand_drops(options: Options) {
    let seed =
        std::env::var("UBIQLITE_SEED").map_or_else(|_| fastrand::u64(..), |s| s.parse().unwrap());
    println!("UBIQLITE_SEED={seed}");
    let options = options.readers(READERS).sessions(SESSIONS).busy_timeout(NEVER);
    let fresh = Fresh::with(options, SCHEMA).await;
    let db = &fresh.db;
    let fill = (1..=ACCOUNTS).map(|id| (id, 1_000));
    db.execute_many("INSERT INTO accounts VALUES (?, ?)", fill).await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let auditor = tokio::spawn({
        let (db, over) = (db.clone(), Arc::clone(&over));
        async move {
            while !over.load(Ordering::Relaxed) {
                assert_eq!(number(&db, "SELECT sum(balance) FROM accounts").await, TOTAL);
                tokio::task::yield_now().await;
            }
        }
    });
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        tasks.push(tokio::spawn(drop_at_random(db.clone(), seed, task)));
    }
    let mut fates = [0; 3];
    for task in tasks {
        let limit = Duration::from_secs(300);
        let told = tokio::time::timeout(limit, task)
            .await
            .unwrap_or_else(|_| panic!("a task hangs"))
            .unwrap();
        fates.iter_mut().zip(told).for_each(|(sum, of_task)| *sum += of_task);
    }
    over.store(true, Ordering::Relaxed);
    within("the auditor", auditor).await.unwrap();
    println!("{} done, {} refused, {} dropped", fates[0], fates[1], fates[2]);
    let parts = "SELECT count(*) FROM (SELECT 1 FROM log WHERE batch IS NOT NULL \
                 GROUP BY batch HAVING count(*) <> 1300)";
    assert_eq!(number(db, parts).await, 0, "half a batch was committed");
    assert_eq!(number(db, "SELECT sum(balance) FROM accounts").await, TOTAL);
    // At most the threads of the pools, including those of additional readers.
    let most = 64 + SESSIONS + 1;
    assert!(threads().len() <= most, "{:?}", threads());
    assert_whole(&fresh, READERS, SESSIONS).await;
    support::eventually("all threads end", || threads().is_empty()).await;
}

#[test]
fn ten_thousand_dropped_futures_leave_nothing_behind() {
    // One after another, because each counts threads.
    for options in [
        Database::options(),
        Database::options().synchronous(Synchronous::Normal),
        Database::options().inline(false).leases(false),
    ] {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(4).enable_time().build().unwrap();
        runtime.block_on(ten_thousand_drops(options));
    }
}
