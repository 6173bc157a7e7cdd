//! How a database is opened.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::migrations::Migrations;

/// The settings of a database, with defaults that are safe and fast. Created by
/// [`Database::options`](crate::Database::options).
///
/// # Example
/// ```no_run
/// # async fn example() -> ubiqlite::Result<()> {
/// use std::time::Duration;
/// use ubiqlite::{Database, Synchronous};
/// let db = Database::options()
///     .readers(4)
///     .busy_timeout(Duration::from_secs(1))
///     .synchronous(Synchronous::Normal)
///     .open("app.db")
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) read_only: bool,
    pub(crate) create: bool,
    pub(crate) readers: usize,
    pub(crate) sessions: usize,
    pub(crate) busy_timeout: Duration,
    pub(crate) acquire_timeout: Duration,
    /// The mode that the caller requested, if any.
    pub(crate) journal_mode: Option<JournalMode>,
    pub(crate) synchronous: Synchronous,
    pub(crate) foreign_keys: bool,
    pub(crate) trusted_schema: bool,
    pub(crate) cache_kib: u32,
    pub(crate) statement_cache: usize,
    pub(crate) inline: bool,
    pub(crate) leases: bool,
    pub(crate) wal_limit: u64,
    pub(crate) stall_timeout: Duration,
    pub(crate) vfs: Option<String>,
    pub(crate) immutable: bool,
    pub(crate) page_size: Option<u32>,
    pub(crate) auto_vacuum: Option<AutoVacuum>,
    pub(crate) mmap_size: u64,
    pub(crate) temp_store: Option<TempStore>,
    pub(crate) application_id: Option<i32>,
    pub(crate) pragmas: Vec<(String, String)>,
    pub(crate) idle_timeout: Duration,
    pub(crate) migrations: Option<Migrations>,
    #[cfg(feature = "tracing")]
    pub(crate) slow: Option<Duration>,
}

/// When a commit waits for the disk, <https://sqlite.org/pragma.html#pragma_synchronous>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Never: a power failure may damage the database.
    Off,
    /// In WAL mode, only at checkpoints: a power failure may lose the last
    /// commits, but damages nothing.
    Normal,
    /// At every commit: acknowledged commits are durable. The default.
    #[default]
    Full,
    /// Also after the journal is deleted, for journal mode `DELETE`.
    Extra,
}

/// How SQLite makes commits atomic, <https://sqlite.org/pragma.html#pragma_journal_mode>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JournalMode {
    /// A write-ahead log: readers and the writer do not wait for each other. The
    /// default for a new database. In all other modes a commit waits for readers,
    /// including streams and snapshots, and returns `Busy` after
    /// [`busy_timeout`](Options::busy_timeout).
    #[default]
    Wal,
    /// A rollback journal, deleted after each commit.
    Delete,
    /// A rollback journal, truncated after each commit.
    Truncate,
    /// A rollback journal, its header overwritten after each commit.
    Persist,
    /// A rollback journal in memory: a crash during a commit damages the database.
    Memory,
}

/// What happens to pages that no longer hold anything,
/// <https://sqlite.org/pragma.html#pragma_auto_vacuum>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AutoVacuum {
    /// They are reused; `VACUUM` shrinks the file.
    #[default]
    None,
    /// They are removed from the file at every commit.
    Full,
    /// They are removed from the file by `PRAGMA incremental_vacuum`.
    Incremental,
}

/// Where temporary tables and indexes are kept,
/// <https://sqlite.org/pragma.html#pragma_temp_store>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TempStore {
    /// In files.
    File,
    /// In memory.
    Memory,
}

impl AutoVacuum {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Full => "full",
            Self::Incremental => "incremental",
        }
    }
}

impl TempStore {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Memory => "memory",
        }
    }
}

impl std::str::FromStr for AutoVacuum {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::None, Self::Full, Self::Incremental]
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                Error::invalid(format!(
                    "auto-vacuum must be \"none\", \"full\" or \"incremental\", not {name:?}"
                ))
            })
    }
}

impl std::str::FromStr for TempStore {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::File, Self::Memory]
            .into_iter()
            .find(|store| store.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                Error::invalid(format!(
                    "the store for temporary tables must be \"file\" or \"memory\", not {name:?}"
                ))
            })
    }
}

impl Synchronous {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Normal => "normal",
            Self::Full => "full",
            Self::Extra => "extra",
        }
    }
}

impl JournalMode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wal => "wal",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
            Self::Persist => "persist",
            Self::Memory => "memory",
        }
    }
}

impl std::str::FromStr for Synchronous {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::Off, Self::Normal, Self::Full, Self::Extra]
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                Error::invalid(format!(
                    "synchronous must be \"off\", \"normal\", \"full\" or \"extra\", not {name:?}"
                ))
            })
    }
}

impl std::str::FromStr for JournalMode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::Wal, Self::Delete, Self::Truncate, Self::Persist, Self::Memory]
            .into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                Error::invalid(format!(
                    "the journal mode must be \"wal\", \"delete\", \"truncate\", \"persist\" or \"memory\", not {name:?}"
                ))
            })
    }
}

/// The longest timeout. Longer ones are as good as none, and clocks can't express them all.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

impl Default for Options {
    fn default() -> Self {
        Self {
            read_only: false,
            create: true,
            readers: crate::platform::parallelism().clamp(2, 8),
            sessions: 8,
            busy_timeout: Duration::from_secs(5),
            acquire_timeout: Duration::from_secs(30),
            journal_mode: None,
            synchronous: Synchronous::default(),
            foreign_keys: true,
            trusted_schema: false,
            cache_kib: 8 * 1024,
            statement_cache: 128,
            inline: true,
            leases: true,
            wal_limit: 64 * 1024 * 1024,
            stall_timeout: Duration::from_secs(5),
            vfs: None,
            immutable: false,
            page_size: None,
            auto_vacuum: None,
            mmap_size: 0,
            temp_store: None,
            application_id: None,
            pragmas: Vec::new(),
            idle_timeout: Duration::from_secs(10),
            migrations: None,
            #[cfg(feature = "tracing")]
            slow: None,
        }
    }
}

impl Options {
    /// Opens the file read-only; it must exist. Default: false.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Creates the file if it is missing. Default: true.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// How many connections read concurrently, from 1 to 64, each opened when
    /// first needed. Additional ones, up to 64 in all, replace those held by
    /// streams, snapshots and long queries, and are closed when no longer
    /// needed. Default: the number of processors, at least 2 and at most 8.
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.clamp(1, 64);
        self
    }

    /// How many sessions [`acquire`](crate::Database::acquire) gives out at once,
    /// from 1 to 64. Default: 8.
    pub fn sessions(mut self, sessions: usize) -> Self {
        self.sessions = sessions.clamp(1, 64);
        self
    }

    /// How long a write waits for the write lock before it returns `Busy`. The lock may
    /// be held by another process, or by a stalled transaction of this one: one in which
    /// no call has run, waited or ended for this long. A write keeps waiting for a
    /// transaction that makes progress. Default: 5 s.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.min(LONGEST);
        self
    }

    /// How long a call waits for a connection if none is free, before it returns
    /// `Timeout`: queries, reads of tables, streams,
    /// [`snapshot`](crate::Database::snapshot) and
    /// [`acquire`](crate::Database::acquire). Default: 30 s.
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout.min(LONGEST);
        self
    }

    /// How SQLite makes commits atomic. The file is switched to this mode. Default:
    /// [`JournalMode::Wal`] for a new database; an existing one keeps its mode.
    pub fn journal_mode(mut self, mode: JournalMode) -> Self {
        self.journal_mode = Some(mode);
        self
    }

    /// When a commit waits for the disk. Default: [`Synchronous::Full`], which
    /// group commit makes affordable.
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Whether foreign keys are enforced. Default: true.
    pub fn foreign_keys(mut self, on: bool) -> Self {
        self.foreign_keys = on;
        self
    }

    /// Whether views and triggers of the file may use functions that are not
    /// marked innocuous. Default: false.
    pub fn trusted_schema(mut self, on: bool) -> Self {
        self.trusted_schema = on;
        self
    }

    /// The page cache of each connection, in KiB. Default: 8,192.
    pub fn cache_kib(mut self, kib: u32) -> Self {
        self.cache_kib = kib;
        self
    }

    /// How many prepared statements each connection keeps. Default: 128.
    pub fn statement_cache(mut self, statements: usize) -> Self {
        self.statement_cache = statements;
        self
    }

    /// Whether short statements run on the caller's thread: a hop to another
    /// costs more than a cached point read. They are bounded (about 2,000 steps
    /// of SQLite's virtual machine; never a wait for a lock or for the disk's
    /// write cache), and handed to another thread if they take longer. Default: true.
    pub fn inline(mut self, on: bool) -> Self {
        self.inline = on;
        self
    }

    /// Whether a reader keeps its read transaction open between two reads while
    /// nobody commits. Default: true.
    pub fn leases(mut self, on: bool) -> Self {
        self.leases = on;
        self
    }

    /// The size in bytes to which stalled readers may let the write-ahead log grow.
    /// Beyond it, a stream, snapshot or session that has been idle for
    /// [`stall_timeout`](Self::stall_timeout) is ended. Default: 64 MiB.
    pub fn wal_limit(mut self, bytes: u64) -> Self {
        self.wal_limit = bytes;
        self
    }

    /// Whether SQLite may assume that nobody changes the file, as on read-only media. It
    /// then takes no locks, checks for no changes and reads no log. Implies
    /// [`read_only`](Self::read_only). If the file does change, reads return wrong data,
    /// <https://sqlite.org/uri.html#uriimmutable>. Default: false.
    pub fn immutable(mut self, immutable: bool) -> Self {
        self.immutable = immutable;
        self.read_only |= immutable;
        self
    }

    /// The page size of a new file in bytes: a power of two from 512 to 65,536. An
    /// existing file keeps its own, <https://sqlite.org/pragma.html#pragma_page_size>.
    /// Default: SQLite's, 4,096.
    pub fn page_size(mut self, bytes: u32) -> Self {
        self.page_size = Some(bytes);
        self
    }

    /// What happens to the pages of a new file that no longer hold anything. An existing
    /// file stays as it is. Default: [`AutoVacuum::None`].
    pub fn auto_vacuum(mut self, mode: AutoVacuum) -> Self {
        self.auto_vacuum = Some(mode);
        self
    }

    /// How many bytes of the file may be read through a memory map,
    /// <https://sqlite.org/mmap.html>. With a map, no statement runs on the caller's
    /// thread, because nothing bounds how long a page takes to come from the disk.
    /// Default: 0, no map.
    pub fn mmap_size(mut self, bytes: u64) -> Self {
        self.mmap_size = bytes;
        self
    }

    /// Where temporary tables and indexes are kept. Default: as SQLite was compiled,
    /// in files.
    pub fn temp_store(mut self, store: TempStore) -> Self {
        self.temp_store = Some(store);
        self
    }

    /// The number that identifies the application of the file,
    /// <https://sqlite.org/pragma.html#pragma_application_id>. A file that has none
    /// gets it; one with a different number is refused when opened. Default: none.
    pub fn application_id(mut self, id: i32) -> Self {
        self.application_id = Some(id);
        self
    }

    /// Sets another `PRAGMA` on each connection when it is opened; also `encoding`, for
    /// a new file. A pragma that SQLite does not know, that has its own option, or
    /// that is not a connection setting is refused when the database is opened.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
    /// let options = ubiqlite::Database::options().pragma("recursive_triggers", "on");
    /// let db = options.open(":memory:").await?;
    /// assert!(db.query_value::<bool>("PRAGMA recursive_triggers", ()).await?);
    /// # Ok(()) }
    /// ```
    pub fn pragma(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.pragmas.push((name.into(), value.into()));
        self
    }

    /// The migrations to apply when the database is opened, before
    /// [`open`](Self::open) returns: those that it does not have yet. Default: none.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
    /// use ubiqlite::{Database, Migrations};
    /// let migrations = Migrations::new([("0001_items.sql", "CREATE TABLE items (id)")])?;
    /// let db = Database::options().migrations(migrations).open(":memory:").await?;
    /// assert_eq!(db.query_value::<i64>("SELECT count(*) FROM items", ()).await?, 0);
    /// # Ok(()) }
    /// ```
    pub fn migrations(mut self, migrations: Migrations) -> Self {
        self.migrations = Some(migrations);
        self
    }

    /// The VFS to open the file with, by its registered name:
    /// see [`vfs`](crate::ext::vfs). Default: SQLite's own.
    pub fn vfs(mut self, name: impl Into<String>) -> Self {
        self.vfs = Some(name.into());
        self
    }

    /// How long a connection beyond [`readers`](Self::readers), opened by a burst of
    /// streams or long queries, or the thread of any connection may stay unused before
    /// it is released. Default: 10 s.
    #[doc(hidden)]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout.min(LONGEST);
        self
    }

    /// Sets that a statement that runs for at least this long is reported, as an event of the level
    /// `WARN` and the target `ubiqlite::slow`. What it waits before it runs does not count. Default:
    /// none is.
    #[cfg(feature = "tracing")]
    pub fn slow_statement(mut self, limit: Duration) -> Self {
        self.slow = Some(limit);
        self
    }

    /// Returns from how long on a statement is reported as slow.
    pub(crate) fn slow(&self) -> Option<Duration> {
        #[cfg(feature = "tracing")]
        return self.slow;
        #[cfg(not(feature = "tracing"))]
        return None;
    }

    /// How long a stream or snapshot may stay idle while the write-ahead log
    /// is beyond [`wal_limit`](Self::wal_limit). Its next call then returns
    /// `Timeout`. Default: 5 s.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout.min(LONGEST);
        self
    }
}
