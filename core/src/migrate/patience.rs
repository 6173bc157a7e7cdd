//! Waiting for those who hold the write lock, perhaps to apply the same migrations.

use std::time::Duration;

use super::ledger;
use crate::api::database::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::migrations::{Entry, Migrations};
use crate::platform;

/// Between two tries. Waiting itself is done with the busy timeout, where that is longer.
const PAUSE: Duration = Duration::from_millis(10);

/// How long the wait for a lock may go on.
pub(super) struct Patience<'a> {
    db: &'a Database,
    limit: Duration,
    since: Duration,
    /// How many migrations there were when the time began to count.
    seen: usize,
}

impl<'a> Patience<'a> {
    pub(super) fn new(db: &'a Database, migrations: &Migrations) -> Self {
        Self { db, limit: migrations.lock_timeout, since: platform::now(), seen: 0 }
    }

    /// Reads the ledger. Outside WAL mode that waits for a long migration too.
    pub(super) async fn read(&mut self) -> Result<Option<Vec<Entry>>> {
        loop {
            match ledger::read(self.db.target()).await {
                Err(error) => self.after(error).await?,
                ledger => return ledger,
            }
        }
    }

    /// Counts the time anew: there was progress.
    pub(super) fn renew(&mut self) {
        self.since = platform::now();
    }

    /// Waits a little after an error that says that somebody holds the lock.
    ///
    /// # Errors
    /// The error, if it is another one, or if nothing has been done for too long.
    pub(super) async fn after(&mut self, error: Error) -> Result<()> {
        if error.kind() != ErrorKind::Busy {
            return Err(error);
        }
        if let Ok(Some(ledger)) = ledger::read(self.db.target()).await
            && ledger.len() > self.seen
        {
            self.seen = ledger.len();
            self.renew();
        }
        if platform::now().saturating_sub(self.since) >= self.limit {
            return Err(error.prefixed(&format!(
                "the migrations could not be applied, since the write lock was held for {:?}",
                self.limit
            )));
        }
        platform::sleep(PAUSE).await;
        Ok(())
    }
}
