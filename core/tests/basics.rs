//! The operations of a database, on a real file.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use ubiqlite::{Database, ErrorKind, Key, Row, params, record};

async fn fresh() -> (tempfile::TempDir, Database) {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path().join("app.db")).await.unwrap();
    db.batch(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, status TEXT, value INTEGER);
         CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));",
    )
    .await
    .unwrap();
    (dir, db)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_read() {
    let (_dir, db) = fresh().await;
    let items = db.table("items");
    let id = items.insert(record! { "name" => "lamp", "status" => "new" }).await.unwrap();
    assert_eq!(id, Key::from(1));
    let row: Row = items.get(&id).await.unwrap().unwrap();
    assert_eq!(row.get::<&str>("name").unwrap(), "lamp");
    assert!(items.update(&id, record! { "status" => "done" }).await.unwrap());
    let done: Vec<(i64, String)> =
        db.query("SELECT id, name FROM items WHERE status = ?", params!["done"]).await.unwrap();
    assert_eq!(done, [(1, "lamp".to_owned())]);
    let error = items.insert(record! { "name" => "lamp" }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert_eq!(error.columns(), ["name"]);
    assert!(items.delete(&id).await.unwrap());
    assert_eq!(items.count().await.unwrap(), 0);
    db.close().await.unwrap();
    assert_eq!(items.count().await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_seen_whole_or_not_at_all() {
    let (_dir, db) = fresh().await;
    let failed: Result<(), _> = db
        .transaction(async |tx| {
            tx.execute("INSERT INTO items (name) VALUES ('a')", ()).await?;
            let seen: i64 = db.query_value("SELECT count(*) FROM items", ()).await?;
            assert_eq!(seen, 0, "nobody sees it before the commit");
            let own: i64 = tx.query_value("SELECT count(*) FROM items", ()).await?;
            assert_eq!(own, 1);
            tx.execute("INSERT INTO items (name) VALUES ('a')", ()).await?;
            Ok(())
        })
        .await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::UniqueViolation);
    assert_eq!(db.table("items").count().await.unwrap(), 0);
    db.transaction(async |tx| {
        tx.execute("INSERT INTO items (name) VALUES ('a')", ()).await?;
        let tried: Result<(), _> = tx
            .savepoint(async |sp| {
                sp.execute("INSERT INTO items (name) VALUES ('b')", ()).await?;
                sp.execute("INSERT INTO items (name) VALUES ('a')", ()).await?;
                Ok(())
            })
            .await;
        assert!(tried.is_err());
        Ok(())
    })
    .await
    .unwrap();
    let names: Vec<String> = db.query("SELECT name FROM items", ()).await.unwrap();
    assert_eq!(names, ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_stream_with_a_writer_beside() {
    let (_dir, db) = fresh().await;
    let rows = (0..50_000).map(|n| (format!("item {n}"), n));
    let changed =
        db.execute_many("INSERT INTO items (name, value) VALUES (?, ?)", rows).await.unwrap();
    assert_eq!(changed, 50_000);
    let mut stream = db.stream("SELECT * FROM items ORDER BY id", ());
    let mut seen = 0;
    while let Some(row) = stream.try_next().await.unwrap() {
        assert_eq!(row.get::<i64>("value").unwrap(), seen);
        seen += 1;
        if seen == 10 {
            db.execute("DELETE FROM items WHERE id > 20000", ()).await.unwrap();
        }
    }
    assert_eq!(seen, 50_000, "the stream is of one moment");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_transfer_moves_nothing() {
    let (_dir, db) = fresh().await;
    let accounts = db.table("accounts");
    accounts.insert_many((1..=3).map(|id| record! { "id" => id, "balance" => 100 })).await.unwrap();
    accounts.transfer("balance", [(1, 2, 50), (2, 3, 25)]).await.unwrap();
    let error = accounts.transfer("balance", [(1, 2, 10), (1, 9, 5)]).await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::NotFound, Some(1)));
    let error = accounts.transfer("balance", [(1, 2, 51)]).await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::CheckViolation, Some(0)));
    let balances: Vec<i64> =
        db.query("SELECT balance FROM accounts ORDER BY id", ()).await.unwrap();
    assert_eq!(balances, [50, 125, 125]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_runs_in_a_spawned_task() {
    let (_dir, db) = fresh().await;
    let (task, name) = (db.clone(), "spawned".to_owned());
    let spawned = tokio::spawn(async move {
        task.transaction(async |tx| {
            tx.execute("INSERT INTO items (name) VALUES (?)", params![&name]).await?;
            tx.savepoint(async |sp| sp.table("items").insert(record! { "name" => "nested" }).await)
                .await
        })
        .await
    });
    assert_eq!(spawned.await.unwrap().unwrap(), Key::from(2));
    let mut session = db.acquire().await.unwrap();
    let spawned = tokio::spawn(async move {
        session.transaction(async |tx| tx.execute("DELETE FROM items", ()).await).await
    });
    assert_eq!(spawned.await.unwrap().unwrap().rows_changed, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_snapshots_that_are_held_keep_no_read_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::options().readers(2).open(dir.path().join("app.db")).await.unwrap();
    db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)", ()).await.unwrap();
    db.execute_many("INSERT INTO items (name) VALUES (?)", (0..5_000).map(|n| (n,))).await.unwrap();
    let first = db.snapshot().await.unwrap();
    let second = db.snapshot().await.unwrap();
    let mut outer = db.stream("SELECT id FROM items", ());
    for _ in 0..10 {
        let row = outer.try_next().await.unwrap().unwrap();
        let mut inner =
            db.stream("SELECT id FROM items WHERE id >= ?", params![row.get::<i64>(0).unwrap()]);
        let mut innermost = db.stream("SELECT id FROM items", ());
        assert!(inner.try_next().await.unwrap().is_some());
        assert!(innermost.try_next().await.unwrap().is_some());
        assert_eq!(db.table("items").count().await.unwrap(), 5_000);
    }
    let seen: i64 = first.query_value("SELECT count(*) FROM items", ()).await.unwrap();
    assert_eq!(seen, 5_000);
    drop((first, second, outer));
    db.close().await.unwrap();
}
