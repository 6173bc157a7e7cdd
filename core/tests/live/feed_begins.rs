//! What a commit feed reports of commits around the moment at which it begins.

use ubiqlite::params;

use super::feed::{SCHEMA, next};
use super::open;

#[tokio::test]
async fn a_transaction_that_was_open_when_the_feed_began_is_an_event() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute("DELETE FROM kv WHERE k = 'a'", ()).await.unwrap();
    let mut feed = db.commits().tables(["plain"]);
    tx.commit().await.unwrap();
    let event = next(&mut feed).await;
    assert!(event.everything && !event.external, "{event:?}");
    // What was committed unnoticed can make the next commits count for others' as well; then they are
    // known exactly.
    for i in 0.. {
        let mut tx = db.begin().await.unwrap();
        tx.execute("UPDATE plain SET v = ?", params![i]).await.unwrap();
        tx.commit().await.unwrap();
        let event = next(&mut feed).await;
        if !event.everything {
            assert_eq!(event.tables.len(), 1, "{event:?}");
            break;
        }
        assert!(i < 10, "{event:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_feed_that_begins_during_writes_misses_none() {
    let place = open().await;
    let db = &place.db;
    db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT)").await.unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut writers = Vec::new();
    for writer in 0..3_i64 {
        let (db, stop) = (db.clone(), std::sync::Arc::clone(&stop));
        writers.push(tokio::spawn(async move {
            let mut i = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                i += 1;
                let (sql, params) = ("REPLACE INTO t VALUES (?, ?)", params![writer, i]);
                match writer {
                    0 => drop(db.execute(sql, params).await.unwrap()),
                    1 => {
                        let mut tx = db.begin().await.unwrap();
                        tx.execute(sql, params).await.unwrap();
                        tokio::task::yield_now().await;
                        tx.commit().await.unwrap();
                    }
                    _ => {
                        let mut session = db.acquire().await.unwrap();
                        session.execute(sql, params).await.unwrap();
                    }
                }
            }
        }));
    }
    let rows = async || -> std::collections::BTreeMap<i64, i64> {
        db.query::<(i64, i64)>("SELECT id, v FROM t", ()).await.unwrap().into_iter().collect()
    };
    for round in 0..150 {
        // What is read after the feed began, and read again later, differs by what it reported.
        let mut feed = db.commits();
        let before = rows().await;
        for _ in 0..round % 5 {
            tokio::task::yield_now().await;
        }
        let after = rows().await;
        let differing: Vec<_> = after.keys().filter(|id| before.get(id) != after.get(id)).collect();
        let mut reported = std::collections::BTreeSet::new();
        let mut all = false;
        // A read may see a commit a moment before it is reported.
        while !all && !differing.iter().all(|id| reported.contains(*id)) {
            let event = next(&mut feed).await;
            all |= event.everything || event.tables.iter().any(|table| table.rows.is_none());
            for row in event.tables.iter().flat_map(|table| table.rows.iter().flatten()) {
                reported.insert(row.key[0].as_i64().unwrap());
            }
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn a_feed_that_begins_after_many_commits_takes_none_for_anothers() {
    let memory = ubiqlite::Database::open(":memory:").await.unwrap();
    let place = open().await;
    for db in [&memory, &place.db] {
        db.batch(SCHEMA).await.unwrap();
        for round in 0..5 {
            let mut feed = db.commits();
            for i in 0..3 {
                let key = params![format!("{round} {i}")];
                db.execute("INSERT INTO kv VALUES (?, '')", key).await.unwrap();
                let event = next(&mut feed).await;
                assert!(!event.everything && !event.external, "{round}, {i}: {event:?}");
            }
            drop(feed);
            for i in 3..10 {
                let key = params![format!("{round} {i}")];
                db.execute("INSERT INTO kv VALUES (?, '')", key).await.unwrap();
            }
        }
    }
}
