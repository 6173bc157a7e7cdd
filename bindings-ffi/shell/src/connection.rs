//! The database of the shell: one session, for everything that is SQL.

use std::path::{Path, PathBuf};

use ubiqlite::{Database, ErrorKind, FromRow, Params, RunResult, Session};

use crate::failure::{Failure, Result};
use crate::wait::wait;

/// The database, which is opened when it is needed: a mistyped name makes no file.
#[derive(Default)]
pub(crate) struct Connection {
    path: Option<PathBuf>,
    read_only: bool,
    real: Option<Open>,
    /// A database in memory, as long as there is no file and nothing was written.
    stand_in: Option<Open>,
}

/// An open database.
pub(crate) struct Open {
    // Dropped before the database: it must be returned.
    pub(crate) session: Session,
    pub(crate) db: Database,
}

impl Connection {
    pub(crate) fn new(path: Option<PathBuf>, read_only: bool) -> Self {
        let path = path.filter(|path| path.as_os_str() != ":memory:");
        Self { path, read_only, ..Self::default() }
    }

    /// The file; `None` for a database in memory.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Whether there is no file yet.
    pub(crate) fn is_missing(&self) -> bool {
        self.real.is_none() && self.path.as_ref().is_some_and(|path| !path.exists())
    }

    /// Returns the open database. `writes`: what follows may write, so it is made if it is missing.
    pub(crate) fn open(&mut self, writes: bool) -> Result<&mut Open> {
        let real = self.real.is_some() || writes || self.read_only || !self.is_missing();
        if real && self.real.is_none() {
            let db = self.opened()?;
            self.stand_in = None;
            self.real = Some(Open::new(db)?);
        } else if !real && self.stand_in.is_none() {
            self.stand_in = Some(Open::new(wait(None, small().open(":memory:"))?)?);
        }
        let open = if real { &mut self.real } else { &mut self.stand_in };
        open.as_mut().ok_or_else(|| Failure::new("no database is open"))
    }

    fn opened(&self) -> Result<Database> {
        let Some(path) = &self.path else { return wait(None, small().open(":memory:")) };
        if let Some(lock) = wasm_lock(path) {
            return Err(Failure::Message(format!(
                "{} is in use by ubiqlite's wasm engine in Node, which shares a file with nobody: end \
                 that program, or open the database there with {{ engine: 'native' }}. If it has been \
                 killed, remove {}",
                path.display(),
                lock.display()
            )));
        }
        wait(None, small().read_only(self.read_only).open(path))
    }

    /// Closes the database.
    pub(crate) fn close(&mut self) -> Result<()> {
        for open in [self.stand_in.take(), self.real.take()].into_iter().flatten() {
            let Open { session, db } = open;
            drop(session);
            wait(None, db.close())?;
        }
        Ok(())
    }
}

/// Few connections, and none that keeps a read transaction while nobody types.
fn small() -> ubiqlite::Options {
    Database::options().readers(2).sessions(2).leases(false)
}

/// Returns the lock of Node's wasm engine on a database, if there is one. That engine has none of
/// SQLite's locks (`bindings-wasm/ts/node/lock.ts`).
fn wasm_lock(path: &Path) -> Option<PathBuf> {
    let mut lock = path.canonicalize().ok()?.into_os_string();
    lock.push(".ubiqlite-lock");
    Some(PathBuf::from(lock)).filter(|lock| lock.exists())
}

impl Open {
    fn new(db: Database) -> Result<Self> {
        let session = wait(Some(&db), db.acquire())?;
        Ok(Self { session, db })
    }

    /// Runs a statement, all of it.
    pub(crate) fn run(&mut self, sql: &str, params: impl Into<Params>) -> Result<RunResult> {
        wait(Some(&self.db), self.session.run(sql, params))
    }

    /// Returns the rows of a short query.
    pub(crate) fn query<T: FromRow>(
        &mut self,
        sql: &str,
        params: impl Into<Params>,
    ) -> Result<Vec<T>> {
        wait(Some(&self.db), self.session.query(sql, params))
    }

    /// Returns the first value of a short query, if it has a row.
    pub(crate) fn value<T: FromRow>(
        &mut self,
        sql: &str,
        params: impl Into<Params>,
    ) -> Result<Option<T>> {
        wait(Some(&self.db), self.session.query_optional(sql, params))
    }

    /// Whether a transaction is open, which nothing but an attempt tells. One that SQLite has rolled
    /// back is ended for the session too.
    pub(crate) fn in_transaction(&mut self) -> Result<bool> {
        let begun = wait(None, self.session.run("BEGIN", ()));
        let over = match begun {
            Ok(_) => true,
            Err(Failure::Database(error)) => error.kind() == ErrorKind::Cancelled,
            Err(other) => return Err(other),
        };
        if over {
            wait(None, self.session.run("ROLLBACK", ()))?;
        }
        Ok(!over)
    }
}
