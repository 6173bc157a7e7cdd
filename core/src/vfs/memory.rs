//! Databases in memory, with all that a file has: several connections, on several threads, and
//! reads alongside a writer.
//!
//! SQLite's own databases in memory belong to one connection or, if shared, have locks but no log,
//! so that readers and the writer keep each other waiting. Here a database in memory is a file of a
//! VFS whose files are in memory, and its log's index is shared like any other: it is in WAL mode,
//! and behaves so.

use std::ffi::CString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::node::Node;
use super::nodes::Nodes;
use super::register;
use crate::error::{Error, ErrorKind, Result};
use crate::options::{JournalMode, Options, Synchronous};

/// The path that opens a database in memory.
pub(crate) const ASKED: &str = ":memory:";

/// The VFS that has them.
const VFS: &str = "ubiqlite-memory";

/// Returns where to open a database, and with which settings. One in memory gets a name of its own,
/// and is gone with its last connection. A read-only one stays SQLite's own, which is always empty.
///
/// # Errors
/// `InvalidArgument` where somebody else has registered a VFS of the same name.
pub(crate) fn place(path: &Path, options: Options) -> Result<(PathBuf, Options)> {
    if path.as_os_str() != ASKED || options.read_only {
        return Ok((path.to_owned(), options));
    }
    register_once()?;
    Ok((fresh_name().into(), in_memory(options)))
}

/// As [`place`], for a database in memory with this content.
///
/// # Errors
/// As [`place`], and `OutOfMemory`.
pub(crate) fn place_bytes(bytes: &[u8], options: Options) -> Result<(MemoryFile, Options)> {
    let mode = options.journal_mode.unwrap_or(JournalMode::Wal);
    Ok((MemoryFile::with_content(bytes)?, in_memory(options.journal_mode(mode))))
}

fn in_memory(options: Options) -> Options {
    // Nothing of it survives a power failure.
    options.vfs(VFS).create(true).synchronous(Synchronous::Off)
}

fn fresh_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{ASKED}{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A file in memory with a name of its own. It is there until this, and the last connection to it,
/// are dropped.
struct Held {
    nodes: &'static Nodes,
    node: Arc<Node>,
}

impl Held {
    fn new(make: impl FnOnce(&str) -> Node) -> Result<Self> {
        register_once()?;
        let name = CString::new(VFS).map_err(|_| Error::invalid("the VFS has no name"))?;
        let nodes = register::nodes_of(&name).ok_or_else(|| Error::unsupported("memory"))?;
        Ok(Self { nodes, node: nodes.insert(make(&fresh_name())) })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.nodes.close(&self.node);
    }
}

/// A database file in memory whose content was given.
pub(crate) struct MemoryFile(Held);

impl MemoryFile {
    /// The VFS that has it.
    pub(crate) const VFS: &'static str = VFS;

    /// Makes a file of these bytes.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(crate) fn with_content(bytes: &[u8]) -> Result<Self> {
        let held = Held::new(Node::in_memory)?;
        let written = held.node.write(bytes, 0);
        written.map_err(|error| Error::new(ErrorKind::OutOfMemory, error.to_string()))?;
        Ok(Self(held))
    }

    /// Returns the name by which it is opened.
    pub(crate) fn name(&self) -> &str {
        &self.0.node.name
    }
}

/// A file into which a database is copied, and from which the bytes are taken in order.
pub(crate) struct WindowFile(Held);

impl WindowFile {
    /// The VFS that has it.
    pub(crate) const VFS: &'static str = VFS;

    /// Makes an empty file.
    ///
    /// # Errors
    /// `InvalidArgument` where somebody else has registered a VFS of the same name.
    pub(crate) fn create() -> Result<Self> {
        Held::new(Node::window).map(Self)
    }

    /// Returns the name by which it is opened.
    pub(crate) fn name(&self) -> &str {
        &self.0.node.name
    }

    /// Returns where what is kept begins.
    pub(crate) fn start(&self) -> u64 {
        self.0.node.as_window().map_or(0, |window| window.start())
    }

    /// Takes the bytes up to `end`, all of which were written, or are zeros.
    pub(crate) fn take(&self, end: u64) -> Vec<u8> {
        self.0.node.as_window().map_or_else(Vec::new, |mut window| window.take(end))
    }

    /// Returns the first bytes of the file, of which one page at most is kept.
    ///
    /// # Errors
    /// `Io` if they were not written.
    pub(crate) fn head(&self, count: u64) -> Result<Vec<u8>> {
        let mut head = vec![0; usize::try_from(count).unwrap_or(0)];
        match self.0.node.read(&mut head, 0) {
            Ok(read) if read == head.len() => Ok(head),
            _ => Err(Error::new(ErrorKind::Io, "the copy has no first page")),
        }
    }

    /// Drops the bytes before `end`, which may not be written yet.
    pub(crate) fn skip(&self, end: u64) {
        drop(self.take(end));
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("name", &self.node.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for WindowFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether this is the name of a database in memory, or of a file next to it. Other names that
/// SQLite passes are those that a statement attaches, or copies into.
pub(super) fn is_ours(name: &[u8]) -> bool {
    name.strip_prefix(ASKED.as_bytes()).is_some_and(|rest| !rest.is_empty())
}

fn register_once() -> Result<()> {
    static REGISTERED: Mutex<bool> = Mutex::new(false);
    let mut registered: MutexGuard<'_, bool> =
        REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*registered {
        register::register_nodes(VFS, Nodes::in_memory())?;
        *registered = true;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;
    use std::time::{Duration, Instant};

    use rusqlite::{Connection, OpenFlags};

    use super::*;

    fn fresh() -> String {
        let (name, _) = place(Path::new(ASKED), Options::default()).unwrap();
        name.to_str().unwrap().to_owned()
    }

    fn connect(name: &str, create: bool) -> Connection {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let db = Connection::open_with_flags_and_vfs(name, flags, VFS).unwrap();
        db.busy_timeout(Duration::from_secs(60)).unwrap();
        db.execute_batch("PRAGMA synchronous = OFF").unwrap();
        db
    }

    fn sizes(name: &str) -> Vec<(String, u64)> {
        register::nodes_of(&CString::new(VFS).unwrap()).unwrap().sizes(name)
    }

    #[test]
    fn a_database_is_gone_with_its_last_connection_and_its_journals_too() {
        for mode in ["wal", "delete", "truncate", "persist", "memory", "off"] {
            let name = fresh();
            let a = connect(&name, true);
            a.execute_batch(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE t (x)")).unwrap();
            let b = connect(&name, false);
            drop(a);
            b.execute_batch("INSERT INTO t VALUES (1)").unwrap();
            let c = connect(&name, false);
            assert_eq!(c.query_row("SELECT x FROM t", (), |row| row.get(0)), Ok(1), "{mode}");
            drop((b, c));
            assert_eq!(sizes(&name), [], "{mode}");
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
            assert!(Connection::open_with_flags_and_vfs(&name, flags, VFS).is_err(), "{mode}");
        }
    }

    #[test]
    fn a_transaction_larger_than_its_cache_is_rolled_back_in_every_mode() {
        for mode in ["wal", "delete", "truncate", "persist"] {
            let name = fresh();
            let db = connect(&name, true);
            db.execute_batch(&format!(
                "PRAGMA journal_mode = {mode}; PRAGMA cache_size = 10; CREATE TABLE t (x);
                 INSERT INTO t VALUES (zeroblob(100000));
                 BEGIN; INSERT INTO t SELECT zeroblob(1000) FROM json_each('[{}1]'); ROLLBACK",
                "1,".repeat(2_000)
            ))
            .unwrap();
            let other = connect(&name, false);
            let count = other.query_row("SELECT count(*) FROM t", (), |row| row.get(0));
            assert_eq!(count, Ok(1), "{mode}");
            let intact = other.query_row("PRAGMA integrity_check", (), |row| row.get(0));
            assert_eq!(intact, Ok("ok".to_owned()), "{mode}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_log_in_memory_stays_small_and_all_memory_goes_back() {
        let (name, options) = place(Path::new(ASKED), Options::default()).unwrap();
        let db = options.open(&name).await.unwrap();
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x)", ()).await.unwrap();
        for round in 0..30_000_i64 {
            let sql = "INSERT OR REPLACE INTO t VALUES (? % 100, zeroblob(100))";
            db.execute(sql, (round,)).await.unwrap();
            db.query_value::<i64>("SELECT count(*) FROM t", ()).await.unwrap();
        }
        let name = name.to_str().unwrap();
        let total: u64 = sizes(name).iter().map(|(_, size)| size).sum();
        // Without checkpoints, 120 MB or more.
        assert!(total < 40 * 1024 * 1024, "{total}");
        db.close().await.unwrap();
        assert_eq!(sizes(name), []);
    }

    /// How many seconds the stress test lasts; more on request.
    fn seconds() -> u64 {
        let asked = std::env::var("UBIQLITE_STRESS_SECONDS");
        asked.ok().and_then(|asked| asked.parse().ok()).unwrap_or(2)
    }

    /// Writers move money between rows, in one or several statements; readers see all of it or
    /// none, and never an older moment after a newer one; one thread checkpoints in every way, and
    /// connections come and go.
    fn stress(mode: &str) {
        const ROWS: i64 = 500;
        let name = fresh();
        let first = connect(&name, true);
        first.execute_batch(&format!("PRAGMA journal_mode = {mode}")).unwrap();
        first
            .execute_batch(&format!(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER, pad TEXT);
                 CREATE TABLE counter (n INTEGER); INSERT INTO counter VALUES (0);
                 WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {ROWS})
                 INSERT INTO t SELECT i, 1000, hex(zeroblob(200)) FROM r"
            ))
            .unwrap();
        let until = Instant::now() + Duration::from_secs(seconds());
        let (reads, commits) = (AtomicU64::new(0), AtomicI64::new(0));
        std::thread::scope(|scope| {
            for seed in 0..2_i64 {
                let (name, commits) = (&name, &commits);
                scope.spawn(move || {
                    let db = connect(name, false);
                    let mut at = seed * 7919;
                    while Instant::now() < until {
                        at = (at * 1_103_515_245 + 12_345).rem_euclid(1 << 31);
                        let (from, to) = (1 + at % ROWS, 1 + (at / ROWS) % ROWS);
                        db.execute_batch(&format!(
                            "BEGIN IMMEDIATE;
                             UPDATE t SET x = x - 1 WHERE id = {from};
                             UPDATE t SET x = x + 1, pad = hex(randomblob({})) WHERE id = {to};
                             UPDATE counter SET n = n + 1",
                            at % 300
                        ))
                        .unwrap();
                        if at % 5 == 0 {
                            db.execute_batch("ROLLBACK").unwrap();
                        } else {
                            db.execute_batch("COMMIT").unwrap();
                            commits.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
            for reader in 0..4 {
                let (name, commits, reads) = (&name, &commits, &reads);
                scope.spawn(move || {
                    let mut db = connect(name, false);
                    let mut last = 0;
                    let mut round = 0;
                    while Instant::now() < until {
                        round += 1;
                        if round % 50 == 0 {
                            db = connect(name, false);
                        }
                        let known = commits.load(Ordering::SeqCst);
                        db.execute_batch("BEGIN").unwrap();
                        let one =
                            |sql: &str| db.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap();
                        let n = one("SELECT n FROM counter");
                        assert!(n >= last && n >= known, "reader {reader}: {n}, {last}, {known}");
                        last = n;
                        assert_eq!(one("SELECT sum(x) FROM t"), 1000 * ROWS);
                        assert_eq!(one("SELECT n FROM counter"), n, "one moment");
                        db.execute_batch("COMMIT").unwrap();
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let name = &name;
            scope.spawn(move || {
                let db = connect(name, false);
                db.busy_timeout(Duration::from_millis(20)).unwrap();
                for kind in ["PASSIVE", "FULL", "RESTART", "TRUNCATE"].iter().cycle() {
                    if Instant::now() >= until {
                        break;
                    }
                    let sql = format!("PRAGMA wal_checkpoint({kind})");
                    let _: rusqlite::Result<i64> = db.query_row(&sql, (), |row| row.get(0));
                    std::thread::sleep(Duration::from_millis(3));
                }
            });
        });
        let one = |sql: &str| first.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(one("SELECT n FROM counter"), commits.into_inner());
        let intact = first.query_row("PRAGMA integrity_check", (), |row| row.get(0));
        assert_eq!(intact, Ok("ok".to_owned()));
        assert!(reads.into_inner() > 0);
        drop(first);
        assert_eq!(sizes(&name), []);
    }

    #[test]
    fn many_threads_read_and_write_one_database_in_memory_with_a_log() {
        stress("wal");
    }

    #[test]
    fn many_threads_read_and_write_one_database_in_memory_with_a_journal() {
        stress("delete");
    }
}
