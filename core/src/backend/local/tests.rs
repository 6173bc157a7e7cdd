//! What this backend alone has to keep; the scenarios run on it too.

use super::*;
use crate::{Database, ErrorKind, Row, record};
async fn fresh() -> Database {
    let local = Local::open(Path::new(":memory:"), Options::default()).unwrap();
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
