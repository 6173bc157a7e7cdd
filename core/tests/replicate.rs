//! Replicas that are kept up to date while a database changes, and what is restored from them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "replicate/ends.rs"]
mod ends;
#[path = "replicate/kills.rs"]
mod kills;
#[path = "replicate/moments.rs"]
mod moments;
#[path = "replicate/official.rs"]
mod official;
#[path = "replicate/others.rs"]
mod others;
#[path = "replicate/owners.rs"]
mod owners;
#[path = "replicate/restores.rs"]
mod restores;
#[path = "replicate/storages.rs"]
mod storages;
#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use support::within;
use ubiqlite::{
    Database, Options, Replica, ReplicaMoment, ReplicaState, Row, Synchronous, restore_replica,
};

/// A folder with a database in it, and room for a replica.
struct Place {
    folder: tempfile::TempDir,
    db: Database,
}

fn options() -> Options {
    Options::default().synchronous(Synchronous::Normal)
}

impl Place {
    async fn new() -> Self {
        Self::with(options()).await
    }

    async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = options.open(folder.path().join("app.db")).await.unwrap();
        db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, data BLOB)")
            .await
            .unwrap();
        Self { folder, db }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn reopen(&mut self) {
        within("closing", self.db.close()).await.unwrap();
        self.db = options().open(self.path("app.db")).await.unwrap();
    }

    /// A replica of which each transaction is a moment.
    async fn replicate(&self) -> Replica {
        let replica = self.db.replicate(self.path("replica")).interval(Duration::ZERO);
        within("beginning", replica.into_future()).await.unwrap()
    }

    async fn insert(&self, bytes: usize) {
        let sql = "INSERT INTO items (name, data) VALUES ('x', randomblob(?))";
        self.db.execute(sql, [i64::try_from(bytes).unwrap()]).await.unwrap();
    }

    /// Restores a moment, and returns the bytes of the database.
    async fn restored(&self, moment: ReplicaMoment) -> ubiqlite::Result<Vec<u8>> {
        let to = self.path("restored.db");
        let restoring = restore_replica(self.path("replica"), moment, &to);
        within("restoring", restoring).await?;
        let bytes = std::fs::read(&to).unwrap();
        std::fs::remove_file(&to).unwrap();
        Ok(bytes)
    }

    /// The names of the replica's files, without their folders.
    fn files(&self) -> Vec<String> {
        let mut names = Vec::new();
        for level in std::fs::read_dir(self.path("replica/ltx")).unwrap() {
            let level = level.unwrap();
            for file in std::fs::read_dir(level.path()).unwrap() {
                let (level, file) = (level.file_name(), file.unwrap().file_name());
                names.push(format!("{}/{}", level.to_string_lossy(), file.to_string_lossy()));
            }
        }
        names.sort();
        names
    }
}

/// All pages of a database as they are now.
async fn pages(db: &Database) -> Vec<u8> {
    let sql = "SELECT data FROM sqlite_dbpage ORDER BY pgno";
    let pages: Vec<Row> = db.query(sql, ()).await.unwrap();
    pages.iter().flat_map(|page| page.get::<Vec<u8>>(0).unwrap()).collect()
}

async fn flush(replica: &Replica) -> ReplicaState {
    within("flushing", replica.flush()).await.unwrap();
    replica.state()
}

use std::future::IntoFuture as _;

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
