//! Watches that begin, wait and end while others write: the last result is always the truth.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ubiqlite::{Watch, params};

use super::{open, texts, truth};

/// A table so large that a run of a query that reads it does not end within the call.
const LARGE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO t SELECT i, 'value ' || i FROM n;";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_watch_that_begins_during_writes_misses_none() {
    let place = open().await;
    let db = &place.db;
    db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); CREATE TABLE busy (v INT);")
        .await
        .unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for writer in 0..2 {
        let (db, stop) = (db.clone(), Arc::clone(&stop));
        writers.push(tokio::spawn(async move {
            let mut i = 0;
            while !stop.load(Ordering::Relaxed) {
                i += 1;
                if i % 7 == 0 {
                    let mut tx = db.begin().await.unwrap();
                    tx.execute("INSERT OR REPLACE INTO t VALUES (?, ?)", params![writer, i])
                        .await
                        .unwrap();
                    tokio::task::yield_now().await;
                    tx.execute("INSERT INTO busy VALUES (?)", params![i]).await.unwrap();
                    tx.commit().await.unwrap();
                } else {
                    db.execute("INSERT OR REPLACE INTO t VALUES (?, ?)", params![writer, i])
                        .await
                        .unwrap();
                }
                if i % 50 == 0 {
                    // A pause, in which the watches must come to rest at the truth.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }));
    }
    let until = Instant::now() + Duration::from_secs(4);
    let mut begun = 0;
    while Instant::now() < until {
        begun += 1;
        let sql = format!("SELECT id, v + {} FROM t ORDER BY id", begun % 5);
        let mut live = db.watch(&sql, ());
        for _ in 0..begun % 4 {
            let _ = tokio::time::timeout(Duration::from_millis(5), live.try_next()).await;
        }
        if begun % 40 == 0 {
            // Everything stops: what is delivered last must be what is there.
            stop.store(true, Ordering::Relaxed);
            for writer in writers.drain(..) {
                writer.await.unwrap();
            }
            let mut last = None;
            while let Ok(next) =
                tokio::time::timeout(Duration::from_millis(100), live.try_next()).await
            {
                last = next.unwrap();
            }
            if let Some(last) = last {
                assert_eq!(texts(&last), truth(db, &sql).await, "round {begun}");
            }
            stop.store(false, Ordering::Relaxed);
            for writer in 0..2 {
                let (db, stop) = (db.clone(), Arc::clone(&stop));
                writers.push(tokio::spawn(async move {
                    let mut i = 1_000_000;
                    while !stop.load(Ordering::Relaxed) {
                        i += 1;
                        db.execute("INSERT OR REPLACE INTO t VALUES (?, ?)", params![writer, i])
                            .await
                            .unwrap();
                    }
                }));
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn waiting_watches_that_are_dropped_keep_no_other_waiting() {
    let place = open().await;
    let db = &place.db;
    db.batch(LARGE).await.unwrap();
    let sql = "SELECT count(*), max(v) FROM t WHERE v LIKE '%value%'";
    for round in 0..40 {
        let (mut dropped, mut kept) = (db.watch(sql, ()), db.watch(sql, ()));
        let driver = tokio::spawn(async move {
            let _ =
                tokio::time::timeout(Duration::from_micros(round * 50), dropped.try_next()).await;
        });
        let first = tokio::time::timeout(Duration::from_secs(20), kept.try_next()).await;
        assert!(first.expect("it must come").unwrap().is_some(), "round {round}");
        driver.await.unwrap();
        db.execute("DELETE FROM t WHERE id = ?", params![round as i64 + 1]).await.unwrap();
        let third = tokio::time::timeout(Duration::from_secs(20), kept.try_next()).await;
        assert!(third.expect("it must come").unwrap().is_some(), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn first_results_that_are_asked_for_at_once_all_come() {
    let place = open().await;
    let db = &place.db;
    db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1);")
        .await
        .unwrap();
    for round in 0..100 {
        let mut tasks = Vec::new();
        for watch in 0..8 {
            let mut live = db.watch(&format!("SELECT v + {watch} FROM t"), ());
            tasks.push(tokio::spawn(async move {
                let first = live.try_next().await.unwrap().is_some();
                (first, live)
            }));
        }
        let mut watches = Vec::new();
        for task in tasks {
            let (first, live) =
                tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
            assert!(first, "round {round}");
            watches.push(live);
        }
        let waits: Vec<_> = watches
            .into_iter()
            .map(|mut live| tokio::spawn(async move { live.try_next().await.unwrap().is_some() }))
            .collect();
        db.execute("UPDATE t SET v = v + 1", ()).await.unwrap();
        for task in waits {
            let second = tokio::time::timeout(Duration::from_secs(20), task).await;
            assert!(second.unwrap().unwrap(), "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_result_that_is_asked_for_after_a_commit_has_it_though_the_query_is_slow() {
    let place = open().await;
    let db = &place.db;
    // What there was before must not be taken for current while the query runs.
    db.batch(LARGE).await.unwrap();
    let sql = "SELECT count(*) FROM t WHERE v LIKE '%value%'";
    let first = async |live: &mut Watch| {
        let next = tokio::time::timeout(Duration::from_secs(20), live.try_next()).await;
        texts(&next.expect("it must come").unwrap().unwrap())
    };
    let mut early = db.watch(sql, ());
    assert_eq!(first(&mut early).await, truth(db, sql).await);
    for id in 1..=20 {
        db.execute("DELETE FROM t WHERE id = ?", params![id]).await.unwrap();
        let mut late = db.watch(sql, ());
        assert_eq!(first(&mut late).await, truth(db, sql).await, "a watch that begins, {id}");
        assert_eq!(first(&mut early).await, truth(db, sql).await, "one that went on, {id}");
    }
}
