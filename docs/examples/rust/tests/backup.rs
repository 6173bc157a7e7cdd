//! The guide's page about backups.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use ubiqlite::Database;

async fn notes() -> ubiqlite::Result<(tempfile::TempDir, Database)> {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path().join("app.db")).await?;
    db.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)").await?;
    db.execute("INSERT INTO notes (body) VALUES ('buy milk')", ()).await?;
    Ok((dir, db))
}

async fn count(db: &Database) -> ubiqlite::Result<i64> {
    db.query_value("SELECT count(*) FROM notes", ()).await
}

#[tokio::test]
async fn a_copy_is_made_and_restored() -> ubiqlite::Result<()> {
    let (dir, db) = notes().await?;
    let daily = dir.path().join("daily.db");
    // #region file
    db.backup(&daily).overwrite(true).await?;
    // #endregion file
    db.execute("DELETE FROM notes", ()).await?;
    // #region restore
    db.restore(&daily).await?;
    // #endregion restore
    assert_eq!(count(&db).await?, 1);
    let copy = Database::open(&daily).await?;
    assert_eq!(count(&copy).await?, 1);
    copy.close().await?;
    db.close().await
}

#[tokio::test]
async fn a_copy_tells_how_far_it_is() -> ubiqlite::Result<()> {
    let (dir, db) = notes().await?;
    let path = dir.path().join("copy.db");
    // #region progress
    let mut backup = db.backup(&path);
    while let Some(progress) = backup.try_next().await? {
        println!("{} of {} pages", progress.done, progress.total);
    }
    // #endregion progress
    assert!(path.exists());
    let small = dir.path().join("small.db");
    // #region compact
    db.backup(&small).compact(true).await?;
    // #endregion compact
    assert!(small.exists());
    db.close().await
}

#[tokio::test]
async fn a_copy_is_read_as_bytes() -> ubiqlite::Result<()> {
    let (dir, db) = notes().await?;
    let received = std::cell::RefCell::new(Vec::new());
    let upload = async |chunk: Vec<u8>| received.borrow_mut().extend(chunk);
    // #region stream
    let mut bytes = db.backup_stream();
    while let Some(chunk) = bytes.try_next().await? {
        upload(chunk).await;
    }
    // #endregion stream
    std::fs::write(dir.path().join("copy.db"), received.into_inner()).unwrap();
    let copy = Database::open(dir.path().join("copy.db")).await?;
    assert_eq!(count(&copy).await?, 1);
    copy.close().await?;
    // #region memory
    let bytes = db.serialize().await?;
    let copy = Database::deserialize(bytes).await?;
    // #endregion memory
    assert_eq!(count(&copy).await?, 1);
    db.close().await
}
