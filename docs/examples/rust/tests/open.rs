//! The guide's page about opening a database.

// #region import
use ubiqlite::Database;
// #endregion import
use ubiqlite::ErrorKind;

#[tokio::test]
async fn a_file_is_created_and_kept() -> ubiqlite::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.db");
    // #region open
    let db = Database::open(&path).await?;
    db.batch("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        .await?;
    db.execute("INSERT INTO items (name) VALUES (?)", ["lamp"]).await?;
    db.close().await?;
    // #endregion open
    let again = Database::options().create(false).open(&path).await?;
    assert_eq!(again.table("items").count().await?, 1);
    again.close().await
}

#[tokio::test]
async fn each_memory_database_is_its_own() -> ubiqlite::Result<()> {
    // #region memory
    let db = Database::open(":memory:").await?;
    let other = Database::open(":memory:").await?; // shares nothing with the first
    // #endregion memory
    db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY)", ()).await?;
    let error = other.table("items").count().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchTable);
    db.close().await?;
    other.close().await
}

#[tokio::test]
async fn settings_are_given_at_opening() -> ubiqlite::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.db");
    // #region settings
    use std::time::Duration;
    use ubiqlite::Synchronous;

    let db = Database::options()
        .busy_timeout(Duration::from_secs(1))
        .synchronous(Synchronous::Normal)
        .open(&path)
        .await?;
    // #endregion settings
    assert_eq!(db.query_value::<i64>("PRAGMA synchronous", ()).await?, 1);
    db.close().await?;

    // #region readonly
    let report = Database::options().read_only(true).open(&path).await?;
    // #endregion readonly
    let error = report.execute("CREATE TABLE items (id INTEGER)", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    report.close().await
}

#[tokio::test]
async fn the_defaults_hold() -> ubiqlite::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path().join("app.db")).await?;
    // #region defaults
    let journal: String = db.query_value("PRAGMA journal_mode", ()).await?; // "wal"
    let synchronous: i64 = db.query_value("PRAGMA synchronous", ()).await?; // 2: FULL
    let foreign_keys: bool = db.query_value("PRAGMA foreign_keys", ()).await?; // true
    // #endregion defaults
    assert_eq!((journal.as_str(), synchronous, foreign_keys), ("wal", 2, true));
    let error = db.query::<ubiqlite::Row>(r#"SELECT "x""#, ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchColumn);
    db.close().await
}

#[tokio::test]
async fn an_existing_file_keeps_its_mode() -> ubiqlite::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.db");
    let delete = Database::options().journal_mode(ubiqlite::JournalMode::Delete);
    let db = delete.open(&path).await?;
    db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY)").await?;
    db.close().await?;
    let db = Database::open(&path).await?;
    assert_eq!(db.query_value::<String>("PRAGMA journal_mode", ()).await?, "delete");
    db.close().await
}

#[tokio::test]
async fn tasks_share_one_database() -> ubiqlite::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.db");
    let db = Database::open(&path).await?;
    db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)").await?;
    // #region share
    let mut tasks = Vec::new();
    for number in 0..10 {
        let db = db.clone(); // the same database, not a second one
        tasks.push(tokio::spawn(async move {
            let name = format!("item {number}");
            db.execute("INSERT INTO items (name) VALUES (?)", [name]).await
        }));
    }
    for task in tasks {
        task.await.unwrap()?;
    }
    // #endregion share
    assert_eq!(db.table("items").count().await?, 10);

    // A second opening is a second writer, which waits for the first one's lock.
    let impatient = Database::options().busy_timeout(std::time::Duration::from_millis(20));
    let second = impatient.open(&path).await?;
    let transaction = db.begin().await?;
    let error = second.execute("DELETE FROM items", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    drop(transaction);
    second.close().await?;
    db.close().await
}

#[tokio::test]
async fn closing_ends_the_log_and_later_calls() -> ubiqlite::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.db");
    let db = Database::open(&path).await?;
    db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY)").await?;
    assert!(dir.path().join("app.db-wal").exists());
    // #region close
    db.close().await?;

    let error = db.table("items").count().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    db.close().await?; // does nothing
    // #endregion close
    assert!(!dir.path().join("app.db-wal").exists());
    Ok(())
}

#[tokio::test]
async fn a_failed_opening_names_its_path() -> ubiqlite::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.db");
    // #region fail
    match Database::options().create(false).open(&path).await {
        Ok(db) => db.close().await?,
        Err(error) if error.kind() == ErrorKind::CannotOpen => println!("{error}"),
        Err(error) => return Err(error),
    }
    // #endregion fail
    let error = Database::options().create(false).open(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotOpen);
    assert!(error.to_string().contains("app.db"), "{error}");
    assert!(!path.exists());
    Ok(())
}
