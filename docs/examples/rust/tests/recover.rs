//! The guide's page about backups: damaged files.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use ubiqlite::Database;

#[tokio::test]
async fn a_damaged_file_is_found_and_recovered() -> ubiqlite::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let (path, saved) = (dir.path().join("app.db"), dir.path().join("saved.db"));
    let db = Database::open(&path).await?;
    db.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX by_body ON notes (body)")
        .await?;
    db.execute("INSERT INTO notes (body) VALUES ('buy milk')", ()).await?;
    db.close().await?;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8192..8200].fill(0x5a); // The first bytes of the index.
    std::fs::write(&path, &bytes).unwrap();
    let db = Database::open(&path).await?;
    // #region check
    let damages = db.check().await?;
    for damage in &damages {
        println!("{:?} {:?}: {}", damage.kind, damage.table, damage.message);
    }
    if !damages.is_empty() {
        db.recover(&saved).await?;
    }
    // #endregion check
    db.close().await?;
    assert!(!damages.is_empty());
    std::fs::remove_file(&saved).unwrap();
    bytes[..16].fill(0x5a); // What tells a database from other files.
    std::fs::write(&path, &bytes).unwrap();
    assert!(Database::open(&path).await.is_err());
    // #region recover
    let recovered = ubiqlite::recover(&path, &saved).await?;
    for (table, rows) in &recovered.tables {
        println!("{table}: {rows} rows");
    }
    // #endregion recover
    assert_eq!(recovered.tables, [("notes".to_owned(), 1)]);
    let db = Database::open(&saved).await?;
    assert_eq!(db.check().await?, []);
    db.close().await
}
