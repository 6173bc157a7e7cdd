//! The programs of the page about testing.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::Duration;

use ubiqlite::{Database, ErrorKind, record};

// #region fixture
const SCHEMA: &str = "
    CREATE TABLE items (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, status TEXT NOT NULL DEFAULT 'new');
    CREATE TABLE log (item_id INTEGER NOT NULL REFERENCES items (id), text TEXT NOT NULL);";

async fn fresh() -> Database {
    let db = Database::open(":memory:").await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    db
}
// #endregion fixture

// #region test
#[tokio::test]
async fn an_item_begins_as_new() {
    let db = fresh().await;
    let id = db.table("items").insert(record! { "name" => "lamp" }).await.unwrap();
    let status: String =
        db.query_value("SELECT status FROM items WHERE id = ?", [&id]).await.unwrap();
    assert_eq!(status, "new");
}
// #endregion test

#[tokio::test]
async fn databases_in_memory_share_nothing() {
    // #region parallel
    let (first, second) = tokio::join!(fresh(), fresh());
    first.table("items").insert(record! { "name" => "lamp" }).await.unwrap();
    assert_eq!(first.table("items").count().await.unwrap(), 1);
    assert_eq!(second.table("items").count().await.unwrap(), 0);
    // #endregion parallel
    first.close().await.unwrap();
    assert_eq!(second.table("items").count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_database_in_memory_has_what_a_file_has() {
    let db = fresh().await;
    // #region same
    let before = db.snapshot().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.table("items").insert(record! { "name" => "lamp" }).await.unwrap();
    assert_eq!(db.table("items").count().await.unwrap(), 0); // not committed yet
    tx.commit().await.unwrap();
    assert_eq!(db.table("items").count().await.unwrap(), 1);
    assert_eq!(before.table("items").count().await.unwrap(), 0); // still the earlier moment
    // #endregion same
    let mode: String = db.query_value("PRAGMA journal_mode", ()).await.unwrap();
    assert_eq!(mode, "wal");
    let mut rows = db.stream("SELECT * FROM items", ());
    assert!(rows.try_next().await.unwrap().is_some());
    let error = db.execute("INSERT INTO log VALUES (99, 'sold')", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation);
}

#[tokio::test]
async fn a_file_keeps_what_was_written() -> ubiqlite::Result<()> {
    // #region file
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let db = Database::open(&path).await?;
    db.batch(SCHEMA).await?;
    db.table("items").insert(record! { "name" => "lamp" }).await?;
    db.close().await?;

    let again = Database::open(&path).await?;
    assert_eq!(again.table("items").count().await?, 1);
    again.close().await?; // before `folder` is removed
    // #endregion file
    let left: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["app.db"]);
    Ok(())
}

#[tokio::test]
async fn a_closed_database_in_memory_is_gone() {
    let db = fresh().await;
    db.close().await.unwrap();
    let error = db.table("items").count().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    let other = Database::open(":memory:").await.unwrap();
    assert_eq!(other.table("items").count().await.unwrap_err().kind(), ErrorKind::NoSuchTable);
}

#[tokio::test]
async fn a_lock_is_held_by_the_test() -> ubiqlite::Result<()> {
    // #region busy
    let options = Database::options().busy_timeout(Duration::from_millis(20));
    let db = options.open(":memory:").await?;
    db.batch(SCHEMA).await?;
    let holder = db.begin().await?;
    let refused = db.table("items").insert(record! { "name" => "lamp" }).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Busy);
    holder.rollback().await?;
    // #endregion busy
    db.table("items").insert(record! { "name" => "lamp" }).await?;
    Ok(())
}
