//! The guide's page "Several processes". A second `open` of the file is the other process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helper fails as the test does"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ubiqlite::{Database, ErrorKind, Result, record};

/// Makes a file with two tables, closed again.
async fn file() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.db");
    let db = Database::open(&path).await.unwrap();
    db.batch(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
         CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
         INSERT INTO accounts VALUES (1, 100);",
    )
    .await
    .unwrap();
    db.close().await.unwrap();
    (dir, path)
}

fn files_of(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn two_processes_on_one_file() -> Result<()> {
    let (dir, path) = file().await;
    // #region share
    let db = Database::open(&path).await?;

    // In another process:
    let other = Database::open(&path).await?;
    other.table("items").insert(record! { "name" => "lamp" }).await?;

    // Here, after that insert has returned:
    let names: Vec<String> = db.query("SELECT name FROM items", ()).await?;
    // #endregion share
    assert_eq!(names, ["lamp"]);
    assert_eq!(files_of(dir.path()), ["app.db", "app.db-shm", "app.db-wal"]);
    other.close().await?;
    db.close().await?;
    assert_eq!(files_of(dir.path()), ["app.db"]);
    Ok(())
}

#[tokio::test]
async fn a_lock_that_another_process_keeps() -> Result<()> {
    let (_dir, path) = file().await;
    let other = Database::open(&path).await?;
    let since = Instant::now();
    // #region busy
    let db = Database::options().busy_timeout(Duration::from_millis(200)).open(&path).await?;

    // In another process, a transaction that stays open:
    let mut tx = other.begin().await?;
    tx.execute("UPDATE accounts SET balance = 0", ()).await?;

    // Here a read does not wait, and sees what was committed before.
    let balance: i64 = db.query_value("SELECT balance FROM accounts WHERE id = 1", ()).await?;
    // A write waits for 200 ms.
    let add = "UPDATE accounts SET balance = balance + 10 WHERE id = 1";
    if let Err(error) = db.execute(add, ()).await {
        println!("{:?}: {error}", error.kind()); // Busy: nothing was changed
    }
    // #endregion busy
    assert_eq!(balance, 100);
    assert!(since.elapsed() >= Duration::from_millis(200));
    assert_eq!(db.execute(add, ()).await.unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(db.begin().await.err().map(|error| error.kind()), Some(ErrorKind::Busy));
    let quick = db.timeout(Duration::from_millis(20));
    assert_eq!(quick.execute(add, ()).await.unwrap_err().kind(), ErrorKind::Timeout);
    tx.commit().await?;
    db.execute(add, ()).await?;
    assert_eq!(db.query_value::<i64>("SELECT balance FROM accounts", ()).await?, 10);
    Ok(())
}

#[tokio::test]
async fn whether_another_sqlite_may_use_the_file() -> Result<()> {
    let (_dir, path) = file().await;
    // #region library
    let db = Database::open(&path).await?;
    if !db.capabilities().coexistence {
        eprintln!("no other copy of SQLite in this process may open the file");
    }
    // #endregion library
    assert_eq!(db.capabilities().coexistence, cfg!(target_os = "linux"));
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_replaced_while_it_is_open()
-> std::result::Result<(), Box<dyn std::error::Error>> {
    let (dir, path) = file().await;
    let backup = dir.path().join("backup.db");
    // #region moved
    let mut db = Database::open(&path).await?;
    db.execute("VACUUM INTO ?", [backup.to_str()]).await?;

    // Another program puts the backup in the place of the open file.
    std::fs::rename(&backup, &path)?;

    if let Err(error) = db.table("items").insert(record! { "name" => "lamp" }).await {
        println!("{:?}, code {:?}", error.kind(), error.code()); // ReadOnly, code Some(1032)
        db.close().await?;
        db = Database::open(&path).await?;
    }
    // #endregion moved
    assert_eq!(db.table("items").count().await?, 0);
    std::fs::remove_file(&path)?;
    let error = db.table("items").insert(record! { "name" => "lamp" }).await.unwrap_err();
    assert!(error.code() == Some(1032) || error.kind() == ErrorKind::CannotOpen, "{error}");
    db.close().await?;
    assert!(!path.exists());
    Ok(())
}
