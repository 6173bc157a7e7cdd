//! Open databases, each shared by the clients that want the same.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ubiqlite::ext::wire::Settings;
use ubiqlite::{Database, Result};

use crate::open::settings;

/// A file, and the options that it is opened with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Wanted {
    /// Its canonical name.
    file: PathBuf,
    /// Another file may have got that name since.
    identity: Option<(u64, u64)>,
    settings: Settings,
}

impl Wanted {
    /// `None` if there is no such file.
    fn find(path: &str, settings: &Settings) -> Option<Self> {
        let file = fs::canonicalize(path).ok()?;
        let identity = identity_of(&fs::metadata(&file).ok()?);
        Some(Self { file, identity, settings: settings.clone() })
    }
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems have none")]
fn identity_of(file: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((file.dev(), file.ino()))
}

/// On Windows a file that is open keeps its name.
#[cfg(not(unix))]
fn identity_of(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}

/// The databases that are open for somebody. Those in memory are not here: each is separate.
#[derive(Default)]
pub(super) struct Databases(Mutex<HashMap<Wanted, Arc<Database>>>);

/// One client's share of a database.
pub(super) struct SharedDatabase {
    /// `None` for one in memory.
    wanted: Option<Wanted>,
    database: Arc<Database>,
}

impl SharedDatabase {
    pub(super) fn database(&self) -> &Database {
        &self.database
    }
}

impl Databases {
    pub(super) async fn open(&self, path: &str, options: &str) -> Result<SharedDatabase> {
        let settings = settings(options)?;
        // A file that does not exist has nobody who has it open.
        if let Some(wanted) = Wanted::find(path, &settings) {
            let known = self.all().get(&wanted).map(Arc::clone);
            if let Some(database) = known {
                return Ok(SharedDatabase { wanted: Some(wanted), database });
            }
        }
        let opened = settings.options()?.open(path).await?;
        let Some(wanted) = Wanted::find(path, &settings) else {
            return Ok(SharedDatabase { wanted: None, database: Arc::new(opened) });
        };
        let (shared, unused) = self.share(wanted, opened);
        if let Some(unused) = unused {
            // Nothing was done with it.
            let _ = unused.close().await;
        }
        Ok(shared)
    }

    /// Returns a share of the database that others have opened in the meantime, and the one just
    /// `opened`, which is not needed then.
    fn share(&self, wanted: Wanted, opened: Database) -> (SharedDatabase, Option<Database>) {
        let mut all = self.all();
        let known = all.get(&wanted).map(Arc::clone);
        let (database, unused) = match known {
            Some(database) => (database, Some(opened)),
            None => {
                let database = Arc::new(opened);
                all.insert(wanted.clone(), Arc::clone(&database));
                (database, None)
            }
        };
        (SharedDatabase { wanted: Some(wanted), database }, unused)
    }

    /// Gives a share back, and closes the database if it was the last one.
    pub(super) async fn release(&self, shared: SharedDatabase) -> Result<()> {
        let SharedDatabase { wanted, database } = shared;
        let last = {
            let mut all = self.all();
            if let Some(wanted) = &wanted {
                // Shares are only made with the lock held: this one, and the map's own.
                if Arc::strong_count(&database) == 2 {
                    all.remove(wanted);
                }
            }
            Arc::into_inner(database)
        };
        match last {
            Some(database) => database.close().await,
            None => Ok(()),
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Wanted, Arc<Database>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
