//! The threads, descriptors and memory of a burst are released. There is only one test here,
//! since a process has one count of each.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::{Duration, Instant};

use support::{HANG, all_readers, number, threads, within};
use ubiqlite::Database;

/// What the process uses, as the system counts it.
#[derive(Debug, Clone, Copy)]
struct Usage {
    threads: usize,
    descriptors: usize,
    kib: usize,
}

impl Usage {
    fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        Self {
            threads: threads().len(),
            descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            kib: resident.split_whitespace().nth(1).unwrap().parse().unwrap(),
        }
    }
}

/// How often the library's threads, including the timer's, have been woken.
fn wakes() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| {
            let task = task.ok()?.path();
            let name = std::fs::read_to_string(task.join("comm")).ok()?;
            let status = std::fs::read_to_string(task.join("status")).ok()?;
            let line = status.lines().find(|line| line.starts_with("voluntary"))?;
            let count: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
            name.starts_with("ubiqlite").then_some(count)
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_burst_of_streams_took_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let idle = Duration::from_millis(400);
    let options = Database::options().readers(2).sessions(8).idle_timeout(idle);
    let db = within("opening", options.open(dir.path().join("app.db"))).await.unwrap();
    db.batch(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, data BLOB); \
         INSERT INTO items WITH RECURSIVE n(i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
         SELECT i, 'name', randomblob(4000) FROM n",
    )
    .await
    .unwrap();
    // Warm up, to measure what a process that uses the database needs.
    let rows: Vec<(i64, Vec<u8>)> = db.query("SELECT id, data FROM items", ()).await.unwrap();
    drop(rows);
    tokio::time::sleep(idle * 2).await;
    let before = Usage::now();
    for _ in 0..2 {
        let mut streams = Vec::new();
        for _ in 0..64 {
            let mut stream = db.stream("SELECT id, data FROM items", ());
            assert!(within("a row", stream.try_next()).await.unwrap().is_some());
            streams.push(stream);
        }
        for stream in &mut streams {
            for _ in 0..2_000 {
                assert!(within("a row", stream.try_next()).await.unwrap().is_some());
            }
        }
        let mut sessions = Vec::new();
        for _ in 0..8 {
            let mut session = db.acquire().await.unwrap();
            session.query_value::<i64>("SELECT sum(length(data)) FROM items", ()).await.unwrap();
            sessions.push(session);
        }
        drop((streams, sessions));
        drop(all_readers(&db).await);
    }
    let burst = Usage::now();
    assert!(burst.threads > 60 && burst.descriptors > 100, "no burst: {burst:?}");
    let since = Instant::now();
    let after = loop {
        let now = Usage::now();
        let small = now.kib * 2 <= before.kib * 3 + 2 * 8_192;
        if now.threads == 0 && now.descriptors <= 24 && small {
            break now;
        }
        assert!(since.elapsed() < HANG, "before {before:?}, in the burst {burst:?}, now {now:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    println!("before {before:?}, in the burst {burst:?}, after {:?} {after:?}", since.elapsed());
    // Everything was released, so no thread is woken any more, not even the timer's.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let woken = wakes();
    tokio::time::sleep(idle * 3).await;
    assert_eq!(wakes(), woken, "something is looked after though all is back");
    // And everything works as before.
    assert_eq!(number(&db, "SELECT count(*) FROM items").await, 3_000);
    within("a write", db.execute("DELETE FROM items WHERE id = 1", ())).await.unwrap();
    let again = all_readers(&db).await;
    drop(again);
    within("closing", db.close()).await.unwrap();
}
