//! The programs of the page about deployment.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ubiqlite::{Database, ErrorKind, JournalMode, Synchronous, params, record};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT NOT NULL);";

async fn fresh() -> (tempfile::TempDir, PathBuf, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let db = Database::open(&path).await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    db.table("items").insert(record! { "name" => "lamp" }).await.unwrap();
    (folder, path, db)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    format!("{}{suffix}", path.display()).into()
}

#[tokio::test]
async fn durability_is_chosen() -> ubiqlite::Result<()> {
    let (_folder, path, full) = fresh().await;
    // #region synchronous
    let db = Database::options().synchronous(Synchronous::Normal).open(&path).await?;
    db.table("items").insert(record! { "name" => "chair" }).await?;
    // #endregion synchronous
    assert_eq!(db.query_value::<i64>("PRAGMA synchronous", ()).await?, 1);
    assert_eq!(full.query_value::<i64>("PRAGMA synchronous", ()).await?, 2);
    db.close().await?;
    full.close().await
}

#[tokio::test]
async fn a_database_is_up_to_three_files() -> ubiqlite::Result<()> {
    let (folder, path, db) = fresh().await;
    assert!(beside(&path, "-wal").exists() && beside(&path, "-shm").exists());
    // Another program copies the file without its log: what was committed is missing in it.
    let alone = folder.path().join("alone.db");
    assert!(Command::new("cp").args([&path, &alone]).status().unwrap().success());
    let copy = Database::open(&alone).await?;
    assert_eq!(copy.table("items").count().await.unwrap_err().kind(), ErrorKind::NoSuchTable);
    copy.close().await?;
    db.close().await?;
    assert!(!beside(&path, "-wal").exists() && !beside(&path, "-shm").exists());
    assert!(Command::new("cp").args([&path, &alone]).status().unwrap().success());
    let copy = Database::open(&alone).await?;
    assert_eq!(copy.table("items").count().await?, 1);
    copy.close().await
}

#[tokio::test]
async fn a_backup_is_made_while_the_database_is_used() -> ubiqlite::Result<()> {
    let (folder, _path, db) = fresh().await;
    let folder = folder.path();
    // #region backup
    let draft = folder.join("backup.draft");
    db.execute("VACUUM INTO ?", [draft.to_str()]).await?;

    let copy = Database::options().read_only(true).open(&draft).await?;
    let state: String = copy.query_value("PRAGMA integrity_check", ()).await?;
    copy.close().await?;
    if state == "ok" {
        std::fs::rename(&draft, folder.join("backup.db")).unwrap();
    }
    // #endregion backup
    let copy = Database::open(folder.join("backup.db")).await?;
    assert_eq!(copy.table("items").count().await?, 1);
    let mode = "PRAGMA journal_mode";
    assert_eq!(copy.query_value::<String>(mode, ()).await?, "delete");
    copy.close().await?;
    let again = db.execute("VACUUM INTO ?", [folder.join("backup.db").to_str()]).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::InvalidArgument);
    let options = Database::options().journal_mode(JournalMode::Wal);
    let restored = options.open(folder.join("backup.db")).await?;
    assert_eq!(restored.query_value::<String>(mode, ()).await?, "wal");
    restored.close().await?;
    db.close().await
}

#[tokio::test]
async fn a_file_is_opened_for_reading_only() -> ubiqlite::Result<()> {
    let (_folder, path, db) = fresh().await;
    db.close().await?;
    // #region read_only
    let db = Database::options().read_only(true).open(&path).await?;
    let names: Vec<String> = db.query("SELECT name FROM items", ()).await?;
    // #endregion read_only
    let refused = db.table("items").insert(record! { "name" => "chair" }).await;
    assert_eq!(names, ["lamp"]);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ReadOnly);
    db.close().await
}

#[tokio::test]
async fn a_log_is_emptied() -> ubiqlite::Result<()> {
    let (_folder, path, db) = fresh().await;
    assert!(std::fs::metadata(beside(&path, "-wal")).unwrap().len() > 0);
    // #region checkpoint
    let (blocked, _, _): (bool, i64, i64) =
        db.query_one("PRAGMA wal_checkpoint(TRUNCATE)", ()).await?;
    if blocked {
        println!("a reader or another process still needs the log");
    }
    // #endregion checkpoint
    assert!(!blocked);
    assert_eq!(std::fs::metadata(beside(&path, "-wal")).unwrap().len(), 0);
    db.close().await
}

#[tokio::test]
async fn a_snapshot_blocks_the_emptying_of_the_log() -> ubiqlite::Result<()> {
    let (_folder, path, db) = fresh().await;
    db.close().await?;
    let db = Database::options().busy_timeout(Duration::from_millis(50)).open(&path).await?;
    let snapshot = db.snapshot().await?;
    assert_eq!(snapshot.table("items").count().await?, 1);
    db.table("items").insert(record! { "name" => "chair" }).await?;
    let emptied = "PRAGMA wal_checkpoint(TRUNCATE)";
    assert!(db.query_value::<bool>(emptied, ()).await?);
    drop(snapshot);
    assert!(!db.query_value::<bool>(emptied, ()).await?);
    db.close().await
}

#[tokio::test]
async fn a_full_disk_changes_nothing() -> ubiqlite::Result<()> {
    let (_folder, _path, db) = fresh().await;
    let mut session = db.acquire().await?;
    session.query::<i64>("PRAGMA max_page_count = 3", ()).await?;
    let large = "x".repeat(100_000);
    let refused = session.table("items").insert(record! { "name" => &large }).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::DiskFull);
    drop(session);
    assert_eq!(db.table("items").count().await?, 1);
    db.table("items").insert(record! { "name" => &large }).await?;
    db.close().await
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_replaced_while_open_takes_no_writes() -> ubiqlite::Result<()> {
    let (folder, path, db) = fresh().await;
    let backup = folder.path().join("backup.db");
    db.execute("VACUUM INTO ?", [backup.to_str()]).await?;
    std::fs::rename(&backup, &path).unwrap();
    let error = db.table("items").insert(record! { "name" => "chair" }).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::ReadOnly, Some(1032)));
    db.close().await
}

// #region shutdown
async fn serve(path: &Path, stop: impl Future<Output = ()>) -> ubiqlite::Result<()> {
    let db = Database::open(path).await?;
    // … hand clones of `db` to the server's tasks …
    stop.await; // tokio::signal::ctrl_c(), for example
    db.close().await
}
// #endregion shutdown

#[tokio::test]
async fn a_server_closes_its_database() {
    let (_folder, path, db) = fresh().await;
    db.close().await.unwrap();
    serve(&path, async {}).await.unwrap();
    assert!(!beside(&path, "-wal").exists());
}

#[tokio::test]
async fn close_waits_for_what_was_accepted() {
    let (_folder, path, db) = fresh().await;
    let sql = "INSERT INTO items (name) VALUES (?)";
    let (done, closed) = tokio::join!(db.execute(sql, params!["chair"]), db.close());
    assert_eq!(done.unwrap().rows_changed, 1);
    closed.unwrap();
    let again = Database::open(&path).await.unwrap();
    assert_eq!(again.table("items").count().await.unwrap(), 2);
}
