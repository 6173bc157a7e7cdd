//! The guide's page about continuous backup.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use std::time::{Duration, SystemTime};

use ubiqlite::{Database, ReplicaMoment, restore_replica};

#[tokio::test]
async fn a_database_is_replicated_and_restored() -> ubiqlite::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let (path, backup) = (dir.path().join("app.db"), dir.path().join("backup"));
    // #region replicate
    let db = Database::open(path).await?;
    let replica = db
        .replicate(&backup)
        .interval(Duration::from_millis(500))
        .keep(Duration::from_secs(30 * 24 * 3600))
        .await?;
    // #endregion replicate
    db.batch("CREATE TABLE notes (body TEXT); INSERT INTO notes VALUES ('buy milk')").await?;
    // #region flush
    replica.flush().await?;
    // #endregion flush
    // #region state
    let state = replica.state();
    println!("{} transactions are stored, {} are not yet", state.transaction, state.lag);
    if let Some(error) = state.error {
        eprintln!("the backup has stopped: {error}");
    }
    // #endregion state
    assert_eq!(state.lag, 0);
    let time = SystemTime::now();
    let restored = dir.path().join("restored.db");
    // #region restore
    restore_replica(&backup, ReplicaMoment::Time(time), &restored).await?;
    // #endregion restore
    let copy = Database::open(&restored).await?;
    assert_eq!(copy.query_value::<String>("SELECT body FROM notes", ()).await?, "buy milk");
    copy.close().await?;
    db.close().await
}

mod bucket {
    use std::collections::BTreeMap;
    use std::io::{self, Cursor, Read};
    use std::sync::{Arc, Mutex};

    use ubiqlite::ReplicaStorage;

    /// Stands in for the client of an object store.
    #[derive(Clone, Default)]
    pub(crate) struct Bucket(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

    // #region storage
    impl ReplicaStorage for Bucket {
        fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()> {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            self.0.lock().unwrap().insert(name.to_owned(), bytes);
            Ok(())
        }

        fn list(&self) -> io::Result<Vec<String>> {
            Ok(self.0.lock().unwrap().keys().cloned().collect())
        }

        fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
            match self.0.lock().unwrap().get(name) {
                Some(bytes) => Ok(Box::new(Cursor::new(bytes.clone()))),
                None => Err(io::ErrorKind::NotFound.into()),
            }
        }

        fn remove(&self, name: &str) -> io::Result<()> {
            self.0.lock().unwrap().remove(name);
            Ok(())
        }
    }
    // #endregion storage
}

#[tokio::test]
async fn a_database_is_replicated_into_a_bucket() -> ubiqlite::Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path().join("app.db")).await?;
    db.batch("CREATE TABLE notes (body TEXT); INSERT INTO notes VALUES ('buy milk')").await?;
    let bucket = bucket::Bucket::default();
    // #region bucket
    let replica = db.replicate_to(bucket.clone()).await?;
    // #endregion bucket
    replica.flush().await?;
    let restored = dir.path().join("restored.db");
    let from = std::sync::Arc::new(bucket);
    ubiqlite::restore_replica_from(from, ReplicaMoment::Latest, &restored).await?;
    let copy = Database::open(&restored).await?;
    assert_eq!(copy.query_value::<i64>("SELECT count(*) FROM notes", ()).await?, 1);
    copy.close().await?;
    db.close().await
}
