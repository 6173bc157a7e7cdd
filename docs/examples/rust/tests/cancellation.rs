//! The guide's page about cancellation and timeouts.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::time::Duration;

use ubiqlite::{Database, ErrorKind, Options, Result, Row, params, record};

const SCHEMA: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    INSERT INTO items (name) VALUES ('lamp'), ('chair');
    CREATE TABLE payments (id TEXT PRIMARY KEY, amount INTEGER NOT NULL);";

const REPORT: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
    SELECT count(*) FROM n";

const IMPORT: &str = "INSERT INTO items (name)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'part ' || i FROM n";

const SHORT: Duration = Duration::from_millis(50);

async fn fresh(options: Options) -> Result<(tempfile::TempDir, Database)> {
    let dir = tempfile::tempdir().unwrap();
    let db = options.open(dir.path().join("app.db")).await?;
    db.batch(SCHEMA).await?;
    Ok((dir, db))
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_cancelled_by_dropping_its_future() -> Result<()> {
    let (_dir, db) = fresh(Database::options().readers(1)).await?;
    let mut stopped = false;
    // #region cancel
    let report = db.query_value::<i64>(REPORT, ());
    tokio::select! {
        count = report => println!("{}", count?),
        // The other branch is ready first: the future of the report is dropped.
        () = tokio::time::sleep(Duration::from_millis(50)) => stopped = true,
    }
    // #endregion cancel
    assert!(stopped);
    assert!(tokio::time::timeout(SHORT, db.execute(IMPORT, ())).await.is_err());
    // The reader and the writer are free, and nothing was written.
    assert_eq!(db.table("items").count().await?, 2);
    let patient = db.timeout(Duration::from_secs(5));
    patient.execute("INSERT INTO items (name) VALUES ('table')", ()).await?;
    // A write that waits never runs.
    let tx = db.begin().await?;
    assert!(tokio::time::timeout(SHORT, db.execute("DELETE FROM items", ())).await.is_err());
    tx.commit().await?;
    assert_eq!(db.table("items").count().await?, 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    let mut late = false;
    // #region limit
    match db.timeout(Duration::from_millis(50)).execute(IMPORT, ()).await {
        Err(error) if error.kind() == ErrorKind::Timeout => late = true, // nothing was imported
        other => println!("{} rows", other?.rows_changed),
    }
    // #endregion limit
    assert!(late);
    assert_eq!(db.table("items").count().await?, 2);
    // #region handle
    let quick = db.timeout(Duration::from_millis(500)); // the same database
    let count = quick.table("items").count().await?;
    let lamp: Row = quick.query_one("SELECT * FROM items WHERE name = ?", params!["lamp"]).await?;
    // #endregion handle
    assert_eq!(count, 2);
    assert_eq!(lamp.get::<i64>("id")?, 1);
    // #region transaction
    db.timeout(Duration::from_millis(500))
        .transaction(async |tx| {
            // each call in it, the beginning and the commit: 500 ms
            tx.table("items").insert(record! { "name" => "table" }).await
        })
        .await?;
    // #endregion transaction
    assert_eq!(db.table("items").count().await?, 3);
    let slow = db
        .timeout(SHORT)
        .transaction(async |tx| {
            tokio::time::sleep(SHORT * 4).await;
            assert_eq!(kind(tx.query_value::<i64>(REPORT, ()).await), ErrorKind::Timeout);
            Ok(())
        })
        .await;
    assert!(slow.is_ok(), "the time between the calls does not count");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupt() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    let mut stopped = false;
    // #region interrupt
    let (report, ()) = tokio::join!(db.query_value::<i64>(REPORT, ()), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        db.interrupt(); // of every task's calls
    });
    match report {
        Err(error) if error.kind() == ErrorKind::Cancelled => stopped = true,
        other => println!("{}", other?),
    }
    // #endregion interrupt
    assert!(stopped);
    assert_eq!(db.table("items").count().await?, 2);
    // Calls that wait are not affected.
    let tx = db.begin().await?;
    let waiting = db.execute("DELETE FROM items", ());
    let (deleted, ended) = tokio::join!(waiting, async {
        tokio::time::sleep(SHORT).await;
        db.interrupt();
        tokio::time::sleep(SHORT).await;
        tx.commit().await
    });
    ended?;
    assert_eq!(deleted?.rows_changed, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_a_transaction() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    // A read that is stopped leaves the transaction as it was.
    db.transaction(async |tx| {
        tx.table("items").insert(record! { "name" => "table" }).await?;
        let report = tx.query_value::<i64>(REPORT, ());
        assert!(tokio::time::timeout(SHORT, report).await.is_err());
        Ok(())
    })
    .await?;
    assert_eq!(db.table("items").count().await?, 3);
    // A write that is stopped while it runs ends the transaction, also in a savepoint.
    for limited in [true, false] {
        let handle = if limited { db.timeout(SHORT) } else { db.clone() };
        let mut tx = handle.begin().await?;
        tx.execute("DELETE FROM items", ()).await?;
        let mut sp = tx.begin_savepoint().await?;
        if limited {
            assert_eq!(kind(sp.execute(IMPORT, ()).await), ErrorKind::Timeout);
        } else {
            assert!(tokio::time::timeout(SHORT, sp.execute(IMPORT, ())).await.is_err());
        }
        drop(sp);
        assert_eq!(kind(tx.commit().await), ErrorKind::Cancelled);
        assert_eq!(db.table("items").count().await?, 3);
    }
    // A transaction whose future is dropped is rolled back before the next write.
    let block = db.transaction(async |tx| {
        tx.execute("DELETE FROM items", ()).await?;
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(())
    });
    assert!(tokio::time::timeout(SHORT, block).await.is_err());
    assert_eq!(db.execute("UPDATE items SET name = 'x'", ()).await?.rows_changed, 3);
    Ok(())
}

#[tokio::test]
async fn a_write_that_can_be_repeated() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    // #region repeat
    let payment = params!["order 1042", 30];
    let insert = "INSERT INTO payments (id, amount) VALUES (?, ?) ON CONFLICT (id) DO NOTHING";
    match db.execute(insert, payment.clone()).await {
        Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
            db.execute(insert, payment.clone()).await?; // changes nothing if the first one was done
        }
        other => drop(other?),
    }
    // #endregion repeat
    assert_eq!(db.execute(insert, payment).await?.rows_changed, 0);
    assert_eq!(db.table("payments").count().await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn closing() -> Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.db");
    // #region close
    let db = Database::open(&path).await?;
    db.batch("CREATE TABLE notes (text TEXT)").await?;
    db.close().await?;
    // #endregion close
    assert_eq!(kind(db.query::<Row>("SELECT * FROM notes", ()).await), ErrorKind::Closed);
    db.close().await?;
    // Calls that were accepted are done.
    let db = Database::open(&path).await?;
    let insert = "INSERT INTO notes VALUES ('a'), ('b')";
    let (write, closed) = tokio::join!(biased; db.execute(insert, ()), db.close());
    closed?;
    assert_eq!(write?.rows_changed, 2);
    // What is open has the busy timeout to end, and is then rolled back.
    let options = Database::options().busy_timeout(Duration::from_millis(200));
    let db = options.open(&path).await?;
    let mut tx = db.begin().await?;
    tx.execute("DELETE FROM notes", ()).await?;
    db.close().await?;
    assert_eq!(kind(tx.commit().await), ErrorKind::Closed);
    let db = Database::open(&path).await?;
    assert_eq!(db.table("notes").count().await?, 2);
    Ok(())
}
