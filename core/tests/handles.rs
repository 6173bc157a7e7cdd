//! What a handle keeps alive, and what closures may fail with.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use support::{Fresh, kind, within};
use ubiqlite::{Database, Error, ErrorKind, Row, record};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO items (name) VALUES ('a'), ('b'), ('c');";

/// The time that a closing database would give its open handles.
const PATIENCE: Duration = Duration::from_millis(50);

async fn fresh() -> Fresh {
    Fresh::with(Database::options().busy_timeout(PATIENCE), SCHEMA).await
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_keep_the_database_open_when_its_last_clone_is_dropped() {
    let Fresh { db, dir } = fresh().await;
    let endless = support::ROWS_FOR_EVER;
    let mut stream = db.stream(endless, ());
    assert!(stream.try_next().await.unwrap().is_some());
    let snapshot = db.snapshot().await.unwrap();
    let mut session = db.acquire().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    drop(db);
    tokio::time::sleep(PATIENCE * 6).await;
    for _ in 0..50_000 {
        assert!(stream.try_next().await.unwrap().is_some());
    }
    tx.execute("DELETE FROM items WHERE id = 1", ()).await.unwrap();
    tx.commit().await.unwrap();
    let count = "SELECT count(*) FROM items";
    assert_eq!(snapshot.query_value::<i64>(count, ()).await.unwrap(), 3);
    drop(stream);
    drop(snapshot);
    assert_eq!(session.query_value::<i64>(count, ()).await.unwrap(), 2);
    drop(session);
    // It closes with its last handle: another process can then have the file to itself.
    let path = dir.path().join("app.db");
    within("closing", async {
        while path.with_extension("db-wal").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn close_ends_a_database_that_handles_would_keep_open() {
    let Fresh { db, dir: _dir } = fresh().await;
    let mut session = db.acquire().await.unwrap();
    within("closing", db.close()).await.unwrap();
    drop(db);
    assert_eq!(kind(session.execute("DELETE FROM items", ()).await), ErrorKind::Closed);
}

#[derive(Debug, PartialEq)]
enum Refused {
    Mine(&'static str),
    Database(ErrorKind),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Database(error.kind())
    }
}

#[tokio::test]
async fn a_closure_fails_with_an_error_of_the_callers_own_and_is_rolled_back() {
    let Fresh { db, dir: _dir } = fresh().await;
    let mine: Result<(), Refused> = db
        .try_transaction(async |tx| {
            tx.execute("DELETE FROM items", ()).await?;
            Err(Refused::Mine("no"))
        })
        .await;
    assert_eq!(mine, Err(Refused::Mine("no")));
    let theirs: Result<Row, Refused> =
        db.try_transaction(async |tx| Ok(tx.query_one("SELECT missing", ()).await?)).await;
    assert_eq!(theirs.unwrap_err(), Refused::Database(ErrorKind::NoSuchColumn));
    let mut session = db.acquire().await.unwrap();
    let left: Result<i64, Refused> = session
        .try_transaction(async |tx| {
            let undone = tx
                .try_savepoint(async |sp| {
                    sp.try_savepoint(async |inner| {
                        inner.execute("DELETE FROM items", ()).await?;
                        Err::<(), _>(Refused::Mine("undone"))
                    })
                    .await
                })
                .await;
            assert_eq!(undone, Err(Refused::Mine("undone")));
            Ok(tx.query_value("SELECT count(*) FROM items", ()).await?)
        })
        .await;
    assert_eq!(left, Ok(3));
    // The error's type need not be named where it is this crate's.
    db.transaction(async |tx| {
        tx.savepoint(async |sp| sp.execute("DELETE FROM items", ()).await).await?;
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_borrowed_from_a_slice_go_in_from_a_spawned_task() {
    let Fresh { db, dir: _dir } = fresh().await;
    let task = tokio::spawn(async move {
        let items: Vec<(i64, String)> = (10..5010).map(|id| (id, format!("item {id}"))).collect();
        let slice = &items[..];
        let sql = "INSERT INTO items VALUES (?, ?)";
        let (first, rest) = slice.split_at(3);
        db.execute_many(sql, first.iter().map(|(id, name)| (*id, name))).await?;
        let odd = rest.iter().filter(|item| item.0 % 2 == 1);
        db.transaction(async |tx| tx.execute_many(sql, odd.map(|item| (item.0, &item.1))).await)
            .await?;
        let even = rest.iter().filter(|item| item.0 % 2 == 0);
        let records = even.map(|(id, name)| record! { "id" => id, "name" => name });
        db.table("items").insert_many(records).await?;
        let keys = slice.iter().map(|item| &item.0);
        db.table("items").update_many(keys, record! { "name" => "new" }).await
    });
    assert_eq!(task.await.unwrap().unwrap(), 5000);
}
