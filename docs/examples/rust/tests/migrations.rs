//! The guide's page about migrations.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use ubiqlite::{Database, ErrorKind, MigrationAction, Migrations, migrations};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn an_opened_database_is_up_to_date() -> ubiqlite::Result<()> {
    let dir = folder();
    let path = dir.path().join("app.db");
    // #region open
    let migrations = migrations!("migrations")?; // embeds the folder beside Cargo.toml
    let db = Database::options().migrations(migrations).open(&path).await?;
    // #endregion open
    db.execute("INSERT INTO items (name, price) VALUES ('lamp', 20)", ()).await?;
    db.close().await?;

    // #region dir
    let migrations = Migrations::dir("migrations")?; // reads the folder when the program runs
    let db = Database::options().migrations(migrations).open(&path).await?;
    // #endregion dir
    assert_eq!(db.query_value::<i64>("SELECT count(*) FROM items", ()).await?, 1);
    Ok(())
}

#[tokio::test]
async fn migrations_can_be_run_by_hand() -> ubiqlite::Result<()> {
    let db = Database::open(":memory:").await?;
    let migrations = migrations!("migrations")?;
    // #region by_hand
    let migrator = db.migrations(&migrations);
    for step in migrator.pending().await? {
        println!("{} is to be applied", step.name);
    }
    migrator.dry_run().await?; // all of it in a transaction that is rolled back
    let done = migrator.run().await?;
    // #endregion by_hand
    assert_eq!(done.len(), 3);

    db.batch("INSERT INTO items VALUES (1, 'lamp', 20); INSERT INTO parts VALUES (1, 'bulb')")
        .await?;
    // #region to
    let undone = migrator.to(2).await?; // 0003_prices.down.sql, as it was when it was applied
    assert_eq!(undone[0].action, MigrationAction::Revert);
    // #endregion to
    assert_eq!(db.query_value::<i64>("SELECT count(*) FROM parts", ()).await?, 1);
    migrator.run().await?;

    db.execute("ALTER TABLE parts ADD COLUMN by_hand TEXT", ()).await?;
    // #region verify
    for drift in migrator.verify().await? {
        println!("{drift}"); // table parts: column by_hand: not there before, now TEXT
    }
    // #endregion verify
    let drift = migrator.verify().await?;
    assert_eq!(drift[0].to_string(), "table parts: column by_hand: not there before, now TEXT");
    Ok(())
}

#[tokio::test]
async fn an_older_program_is_told() -> ubiqlite::Result<()> {
    let dir = folder();
    let path = dir.path().join("app.db");
    let newer = migrations!("migrations")?;
    Database::options().migrations(newer).open(&path).await?.close().await?;
    let older =
        Migrations::new([("0001_items.sql", include_str!("../migrations/0001_items.sql"))])?;
    // #region too_new
    let opened = Database::options().migrations(older.clone()).open(&path).await;
    assert_eq!(opened.unwrap_err().kind(), ErrorKind::SchemaTooNew);

    let db = Database::options().migrations(older.allow_newer(true)).open(&path).await?;
    // #endregion too_new
    db.close().await
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_of_itself() -> ubiqlite::Result<()> {
    let db = Database::open(":memory:").await?;
    // #region fails
    let migrations = Migrations::new([
        ("1_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY);"),
        ("2_wrong.sql", "CREATE TABLE half (x);\nINSERT INTO itmes VALUES (1);"),
    ])?;
    let error = db.migrations(&migrations).run().await.unwrap_err();
    assert_eq!(error.message(), "migration 2_wrong: line 2: no such table: itmes");
    // #endregion fails
    assert!(db.execute("SELECT * FROM half", ()).await.is_err());
    db.execute("INSERT INTO items VALUES (1)", ()).await?;
    Ok(())
}
