//! What a folder of migrations says: numbers, names, headers, checksums, statements, and what has to
//! be done for a database with a given ledger. Nothing here touches a database.

mod checksum;
mod folder;
mod header;
mod plan;
mod replaced;
mod script;
mod tokens;

#[cfg(not(target_family = "wasm"))]
pub(crate) use checksum::sha384;
pub(crate) use checksum::{of_lines, sha256};
pub(crate) use header::Headers;
pub(crate) use plan::{Action, Entry, Way, edited, plan, plan_back};
pub(crate) use replaced::Numbers;
pub(crate) use script::{Part, Script, line_of};
pub(crate) use tokens::{normalized, same_name, trigger_event};

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};

/// How long a migration waits for the write lock while nobody else applies one.
const LOCK_TIMEOUT: Duration = Duration::from_secs(600);

/// The migrations of a database: SQL files, each with a number. They run in the order of their
/// numbers, each once, in a transaction of its own.
///
/// Given to [`Options::migrations`](crate::Options::migrations) they run when the database is
/// opened; [`Database::migrations`](crate::Database::migrations) runs and inspects them by call.
///
/// # Files
/// | name | what it is |
/// |---|---|
/// | `0001_items.sql`, `0001_items.up.sql`, `V1__items.sql` | a migration: its number, of any number of digits, and its name |
/// | `0001_items.down.sql` | how to undo it |
/// | `20240101120000_items/migration.sql` | a migration of a folder that drizzle-kit makes |
/// | `meta/_journal.json` | the order of the files of an older folder of drizzle-kit |
/// | `schema.sql` | the schema that all of them come to, for [`rehearse`](Self::rehearse) |
/// | what is not SQL | passed over |
///
/// # Headers
/// Comments before the first statement can say how a file is to run:
///
/// | header | what it does |
/// |---|---|
/// | `-- alone` | runs outside a transaction, for `VACUUM` and the like: `PRAGMA`s and one statement |
/// | `-- replaces: 1-40` | stands for these migrations: it runs on a new database, and is noted as done where they are done |
/// | `-- breaks: older` | programs that lack this migration can't use the database any more, even with [`allow_newer`](Self::allow_newer) |
/// | `-- rebuild: items` | the file's `CREATE TABLE items` gives the existing table this new form, and keeps its rows, indexes and triggers, and whatever refers to it |
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
/// use ubiqlite::{Database, Migrations};
/// let migrations = Migrations::new([
///     ("0001_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"),
///     ("0002_prices.sql", "ALTER TABLE items ADD COLUMN price REAL"),
/// ])?;
/// let db = Database::options().migrations(migrations).open(":memory:").await?;
/// db.execute("INSERT INTO items (name, price) VALUES ('lamp', 20)", ()).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Migrations {
    files: Arc<[Migration]>,
    schema: Option<Cow<'static, str>>,
    pub(crate) allow_newer: bool,
    pub(crate) accept_edited: bool,
    pub(crate) lock_timeout: Duration,
}

impl fmt::Debug for Migrations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.files.iter().map(|file| &file.name)).finish()
    }
}

/// One migration.
#[derive(Debug)]
pub(crate) struct Migration {
    pub(crate) number: u64,
    /// The file's name without its ending.
    pub(crate) name: String,
    /// Its text, with the line ends of Unix and no byte order mark.
    pub(crate) text: Cow<'static, str>,
    pub(crate) down: Option<Cow<'static, str>>,
    pub(crate) headers: Headers,
    /// SHA-256 of the text, see `checksum.rs`.
    pub(crate) checksum: String,
    /// Made by drizzle-kit: when, in milliseconds since 1970.
    pub(crate) drizzle: Option<Option<i64>>,
}

/// Reads the migrations of a folder when the program is compiled, and embeds them:
/// `migrations!("migrations")` is [`Migrations::new`] with its files. The folder is relative to that
/// of the package's `Cargo.toml`.
///
/// Cargo notices that a file was changed, but not that one was added. A `build.rs` with
/// `println!("cargo::rerun-if-changed=migrations");` tells it.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
/// use ubiqlite::{Database, migrations};
/// let migrations = migrations!("tests/migrate/files")?;
/// let db = Database::options().migrations(migrations).open(":memory:").await?;
/// db.execute("INSERT INTO items (name, price) VALUES ('lamp', 20)", ()).await?;
/// # Ok(()) }
/// ```
#[cfg(feature = "macros")]
#[macro_export]
macro_rules! migrations {
    ($folder:literal) => {
        $crate::Migrations::new($crate::__embed!($folder).iter().copied())
    };
}

impl Migrations {
    /// Reads migrations from the names and texts of files, in any order. A name may be a path, of
    /// which the last parts count.
    ///
    /// # Errors
    /// `InvalidArgument`, with the file's name: an SQL file without a number, two with the same
    /// number, a way back without a way forth, a header that makes no sense.
    ///
    /// # Example
    /// ```
    /// use ubiqlite::Migrations;
    /// let migrations = Migrations::new([
    ///     ("migrations/0001_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY)"),
    ///     ("migrations/0001_items.down.sql", "DROP TABLE items"),
    /// ])?;
    /// assert_eq!(migrations.len(), 1);
    /// let twice = Migrations::new([("1_a.sql", ""), ("01_b.sql", "")]);
    /// assert!(twice.unwrap_err().message().contains("01_b.sql"));
    /// # Ok::<(), ubiqlite::Error>(())
    /// ```
    pub fn new<N, T>(files: impl IntoIterator<Item = (N, T)>) -> Result<Self>
    where
        N: AsRef<str>,
        T: Into<Cow<'static, str>>,
    {
        let files = files.into_iter().map(|(name, text)| (name, text.into()));
        let folder::Folder { migrations, schema } = folder::read(files)?;
        Ok(Self {
            files: migrations.into(),
            schema,
            allow_newer: false,
            accept_edited: false,
            lock_timeout: LOCK_TIMEOUT,
        })
    }

    /// Reads the migrations of a folder.
    ///
    /// # Errors
    /// As [`new`](Self::new); `CannotOpen` or `Io` if the folder or a file can't be read.
    ///
    /// # Example
    /// ```no_run
    /// # async fn example() -> ubiqlite::Result<()> {
    /// use ubiqlite::{Database, Migrations};
    /// let migrations = Migrations::dir("migrations")?;
    /// let db = Database::options().migrations(migrations).open("app.db").await?;
    /// # Ok(()) }
    /// ```
    #[cfg(not(target_family = "wasm"))]
    pub fn dir(path: impl AsRef<std::path::Path>) -> Result<Self> {
        Self::new(folder::files_of(path.as_ref())?)
    }

    /// Whether to go on with a database that has migrations which these files lack: a newer program
    /// has made them. One whose file says `-- breaks: older` is refused all the same. Default:
    /// false, the error is [`SchemaTooNew`](crate::ErrorKind::SchemaTooNew).
    pub fn allow_newer(mut self, allow: bool) -> Self {
        self.allow_newer = allow;
        self
    }

    /// Whether a file that was changed after it was applied counts as applied, as it is now.
    /// Default: false, that is an error, which names the file and the line.
    pub fn accept_edited(mut self, accept: bool) -> Self {
        self.accept_edited = accept;
        self
    }

    /// How long to wait while somebody else holds the write lock, perhaps to apply the same
    /// migrations. The time counts anew whenever another migration is done. Default: 10 minutes.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Returns how many migrations there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(crate) fn files(&self) -> &[Migration] {
        &self.files
    }

    /// Returns the text of `schema.sql`, if it is among the files.
    pub(crate) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// Returns the greatest number.
    pub(crate) fn last(&self) -> Option<u64> {
        self.files.last().map(|file| file.number)
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Migration> {
        let index = self.files.binary_search_by_key(&number, |file| file.number).ok()?;
        self.files.get(index)
    }
}

impl Migration {
    /// Returns the statements, divided as they have to run.
    ///
    /// # Errors
    /// `InvalidArgument` for a statement that no migration may have, with the line.
    pub(crate) fn script(&self) -> Result<Script> {
        Script::new(&self.text, &self.headers, self.drizzle.is_some())
            .map_err(|error| self.explain(error))
    }

    /// Puts the migration's name before the message.
    pub(crate) fn explain(&self, error: Error) -> Error {
        explain(&self.name, error)
    }
}

/// Puts a migration's name before the message of an error in it.
pub(crate) fn explain(name: &str, error: Error) -> Error {
    error.prefixed(&format!("migration {name}"))
}
