//! Opening a database, with its migrations.

use std::path::Path;

use crate::api::database::Database;
use crate::error::{Error, Result};
use crate::exec::trace::TraceSettings;
use crate::migrations::Migrations;
use crate::options::Options;

impl Options {
    /// Opens a database file, or `:memory:`, with these settings.
    ///
    /// # Errors
    /// As [`Database::open`], and what applying the migrations returns
    /// ([`Migrator::run`](crate::Migrator::run)), if there are any: the database is closed again
    /// then.
    pub async fn open(mut self, path: impl AsRef<Path>) -> Result<Database> {
        let migrations = self.migrations.take();
        let trace = TraceSettings::new(path.as_ref(), self.slow());
        let backend = crate::backend::open(path.as_ref(), self).await?;
        migrated(Database::traced(backend, trace), migrations, path.as_ref()).await
    }

    /// Opens a database with the backend of browsers and Node, to test that backend
    /// on this machine.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[doc(hidden)]
    #[cfg(any(target_family = "wasm", test, feature = "single-thread"))]
    pub fn open_single_thread(self, path: impl AsRef<Path>) -> Result<Database> {
        if self.migrations.is_some() {
            return Err(Error::invalid(
                "migrations take time: open it with open_single_thread_migrated",
            ));
        }
        let trace = TraceSettings::new(path.as_ref(), self.slow());
        let backend = crate::backend::single_thread::SingleThread::open(path.as_ref(), self)?;
        Ok(Database::traced(Box::new(backend), trace))
    }

    /// As [`open_single_thread`](Self::open_single_thread), with migrations.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[doc(hidden)]
    #[cfg(any(target_family = "wasm", test, feature = "single-thread"))]
    pub async fn open_single_thread_migrated(mut self, path: impl AsRef<Path>) -> Result<Database> {
        let migrations = self.migrations.take();
        migrated(self.open_single_thread(path.as_ref())?, migrations, path.as_ref()).await
    }
}

async fn migrated(db: Database, migrations: Option<Migrations>, path: &Path) -> Result<Database> {
    let Some(migrations) = migrations else { return Ok(db) };
    match db.migrations(&migrations).run().await {
        Ok(_) => Ok(db),
        Err(error) => {
            // What went wrong first is what its caller has to know.
            let _ = db.close().await;
            Err(of_path(error, Some(path)))
        }
    }
}

/// Adds the path of the database that is being opened, if the error has none.
pub(crate) fn of_path(error: Error, path: Option<&Path>) -> Error {
    match path {
        Some(path) if error.path().is_none() => error.with_path(path),
        _ => error,
    }
}
