//! The guide's page about observing.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use ubiqlite::Database;

#[tokio::test]
async fn statistics_say_who_waits() -> ubiqlite::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path().join("app.db")).await?;
    db.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)").await?;
    let held = db.begin().await?;
    // #region stats
    let stats = db.stats()?;
    println!("{} commits; {} writes wait", stats.commits, stats.waiting_writes);
    println!("a write waits for {:?} on average", stats.write_waits.mean());
    if let Some(age) = stats.transaction_age {
        println!("a transaction has been open for {age:?}");
    }
    if let Some(age) = stats.oldest_reader {
        println!("{} pages in the log; the oldest read began {age:?} ago", stats.log_pages);
    }
    // #endregion stats
    assert_eq!(stats.commits, 1);
    assert!(stats.transaction_age.is_some());
    held.rollback().await?;
    assert_eq!(db.stats()?.transaction_age, None);
    db.close().await
}
