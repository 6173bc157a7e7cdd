//! Guarantees that only this backend makes; the scenarios run on it too.

use super::*;
use crate::api::database::Database;
use crate::error::ErrorKind;
use crate::record;
use crate::row::Row;
async fn fresh() -> Database {
    let local = SingleThread::open(Path::new(":memory:"), Options::default()).unwrap();
    let db = Database::from_backend(Box::new(local));
    db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)").await.unwrap();
    db
}

#[tokio::test]
async fn every_operation_works_without_a_thread() {
    let db = fresh().await;
    let id = db.table("items").insert(record! { "name" => "a" }).await.unwrap();
    db.transaction(async |tx| {
        tx.execute("INSERT INTO items (name) VALUES ('b')", ()).await?;
        let failed: Result<()> = tx
            .savepoint(async |sp| {
                sp.execute("INSERT INTO items (name) VALUES ('c')", ()).await?;
                Err(Error::new(ErrorKind::Cancelled, "no"))
            })
            .await;
        assert!(failed.is_err());
        Ok(())
    })
    .await
    .unwrap();
    let names: Vec<String> =
        db.stream("SELECT name FROM items ORDER BY id", ()).collect().await.unwrap();
    assert_eq!(names, ["a", "b"]);
    assert!(db.table("items").get::<Row>(&id).await.unwrap().is_some());
    let snapshot = db.snapshot().await.unwrap();
    let refused = snapshot.query::<Row>("DELETE FROM items RETURNING id", ()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ReadOnly);
    drop(snapshot);
    db.close().await.unwrap();
    assert_eq!(db.table("items").count().await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_write_waits_for_the_transaction_and_comes_after_its_rollback() {
    let db = fresh().await;
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO items (name) VALUES ('gone')", ()).await.unwrap();
    let other = db.clone();
    let write = async move { other.execute("INSERT INTO items (name) VALUES ('kept')", ()).await };
    let drop_it = async move {
        tokio::task::yield_now().await;
        drop(tx);
    };
    let (done, ()) = tokio::join!(write, drop_it);
    done.unwrap();
    let names: Vec<String> = db.query("SELECT name FROM items", ()).await.unwrap();
    assert_eq!(names, ["kept"]);
}

#[tokio::test]
async fn a_write_waits_as_long_as_the_transaction_makes_progress_and_no_longer() {
    let patience = Duration::from_millis(400);
    let options = Options::default().busy_timeout(patience);
    let single = SingleThread::open(Path::new(":memory:"), options).unwrap();
    let db = Database::from_backend(Box::new(single));
    db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY)", ()).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let write = db.execute("INSERT INTO items DEFAULT VALUES", ());
    let progress = async {
        for _ in 0..16 {
            tokio::time::sleep(patience / 8).await;
            tx.execute("INSERT INTO items DEFAULT VALUES", ()).await.unwrap();
        }
        tx.commit().await.unwrap();
    };
    let (done, ()) = tokio::join!(write, progress);
    assert_eq!(done.unwrap().rows_changed, 1);
    let stalled = db.begin().await.unwrap();
    let refused = db.execute("INSERT INTO items DEFAULT VALUES", ()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Busy);
    drop(stalled);
}

/// Opens a database in a file.
fn on_file(name: &str) -> (Database, std::path::PathBuf) {
    let dir = std::env::temp_dir().join(format!("ubiqlite-local-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let local = SingleThread::open(&dir.join("app.db"), Options::default()).unwrap();
    (Database::from_backend(Box::new(local)), dir)
}

#[tokio::test]
async fn reads_go_on_beside_an_open_transaction_and_see_what_was_committed() {
    let (db, dir) = on_file("beside");
    db.batch("CREATE TABLE t(a); INSERT INTO t VALUES (1)").await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t VALUES (2)", ()).await.unwrap();
    assert_eq!(db.query_value::<i64>("SELECT count(*) FROM t", ()).await.unwrap(), 1);
    let mut rows = db.stream("SELECT a FROM t", ());
    assert!(rows.try_next().await.unwrap().is_some());
    tx.commit().await.unwrap();
    assert_eq!(db.query_value::<i64>("SELECT count(*) FROM t", ()).await.unwrap(), 2);
    // The stream reads the state as of its beginning.
    assert!(rows.try_next().await.unwrap().is_none());
    drop(rows);
    db.close().await.unwrap();
    assert!(!dir.join("app.db-wal").exists(), "closing copies the log and removes it");
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test]
async fn writes_asked_for_in_the_same_moment_share_a_commit_and_fail_alone() {
    let (db, dir) = on_file("group");
    db.batch("CREATE TABLE t(a INTEGER PRIMARY KEY)").await.unwrap();
    let local = SingleThread::open(&dir.join("app.db"), Options::default()).unwrap();
    let other = Database::from_backend(Box::new(local));
    let frames = || std::fs::metadata(dir.join("app.db-wal")).unwrap().len();
    let start = frames();
    let inserts = (0..64).map(|n| {
        let db = db.clone();
        // Two of them collide.
        async move { db.execute("INSERT INTO t VALUES (?)", [n % 63]).await }
    });
    let done = futures_join(inserts).await;
    assert_eq!(done.iter().filter(|result| result.is_err()).count(), 1);
    // One commit: a page or two, not 63 times a page.
    assert!(frames() - start < 5 * 4120, "{} bytes of log", frames() - start);
    assert_eq!(other.query_value::<i64>("SELECT count(*) FROM t", ()).await.unwrap(), 63);
    other.close().await.unwrap();
    db.close().await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}

/// Polls all futures concurrently until each is done.
async fn futures_join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|cx| {
        for (future, done) in &mut running {
            if done.is_none()
                && let std::task::Poll::Ready(result) = future.as_mut().poll(cx)
            {
                *done = Some(result);
            }
        }
        if running.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    running.into_iter().filter_map(|(_, done)| done).collect()
}

#[tokio::test]
async fn the_log_stays_small_under_many_writes() {
    let (db, dir) = on_file("log");
    db.batch("CREATE TABLE t(a, b)").await.unwrap();
    for n in 0..6000_i64 {
        db.execute("INSERT INTO t VALUES (?, zeroblob(1000))", [n]).await.unwrap();
    }
    let log = std::fs::metadata(dir.join("app.db-wal")).unwrap().len();
    assert!(log < 6_000 * 4120, "{log} bytes of log");
    db.close().await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test]
async fn closing_waits_for_a_transaction_and_then_rolls_it_back() {
    let local = SingleThread::open(
        ":memory:".as_ref(),
        Options::default().busy_timeout(Duration::from_millis(50)),
    )
    .unwrap();
    let db = Database::from_backend(Box::new(local));
    db.execute("CREATE TABLE t(a)", ()).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
    db.close().await.unwrap();
    assert_eq!(tx.execute("SELECT 1", ()).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_stream_that_stands_still_is_ended_when_the_log_is_beyond_its_limit() {
    let dir = std::env::temp_dir().join(format!("ubiqlite-local-{}-still", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let options = Options::default().wal_limit(1024 * 1024).stall_timeout(Duration::ZERO);
    let local = SingleThread::open(&dir.join("app.db"), options).unwrap();
    let db = Database::from_backend(Box::new(local));
    db.batch("CREATE TABLE t(a, b)").await.unwrap();
    db.execute_many("INSERT INTO t VALUES (?, zeroblob(1000))", (0..2000).map(|n| [n]))
        .await
        .unwrap();
    let mut rows = db.stream("SELECT * FROM t", ());
    assert!(rows.try_next().await.unwrap().is_some());
    for n in 0..2500_i64 {
        db.execute("UPDATE t SET b = zeroblob(1001) WHERE a = ?", [n % 2000]).await.unwrap();
    }
    let ended = async {
        while rows.try_next().await?.is_some() {}
        Ok::<_, Error>(())
    };
    assert_eq!(ended.await.unwrap_err().kind(), ErrorKind::Timeout);
    drop(rows);
    // Its connection serves the next stream.
    let all: Vec<i64> = db.stream("SELECT a FROM t", ()).collect().await.unwrap();
    assert_eq!(all.len(), 2000);
    db.close().await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}
