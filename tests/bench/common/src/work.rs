//! The statements, the settings and the sizes of the workloads.

use std::path::PathBuf;

use crate::Args;

/// The number of concurrent tasks in the works whose name has `_64`.
pub const TASKS: u64 = 64;

/// How often the writer of `point_read_64_writer` commits.
pub const COMMITS_PER_SECOND: u64 = 1_000;

/// How many scans each task of `scan_K` does.
pub const SCANS: u64 = 20;

/// The table that is read.
pub const CREATE_ITEMS: &str = "CREATE TABLE IF NOT EXISTS items(
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, data TEXT NOT NULL,
    status TEXT NOT NULL, value REAL NOT NULL)";

/// The table that is written: a copy of `items`.
pub const CREATE_LOG: &str = "CREATE TABLE IF NOT EXISTS log(
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, data TEXT NOT NULL,
    status TEXT NOT NULL, value REAL NOT NULL)";

/// Reads one row by its id.
pub const SELECT_ONE: &str = "SELECT id, name, data, status, value FROM items WHERE id = ?1";

/// Reads every row.
pub const SELECT_ALL: &str = "SELECT id, name, data, status, value FROM items";

/// Reads every row ten times over: a million rows without a million on disk.
pub const SELECT_MILLION: &str = "SELECT id, name, data, status, value
    FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) CROSS JOIN items";

/// Fills the data set.
pub const INSERT_ITEM: &str =
    "INSERT INTO items(id, name, data, status, value) VALUES (?1, ?2, ?3, ?4, ?5)";

/// Appends a row.
pub const INSERT_LOG: &str = "INSERT INTO log(name, data, status, value) VALUES (?1, ?2, ?3, ?4)";

/// Reads every row: no index can avoid that.
pub const SCAN: &str = "SELECT sum(length(data)) + sum(value) FROM items WHERE name LIKE '%7%'";

/// SQLite's `synchronous`: whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// A commit may be lost in a power failure, but never torn.
    Normal,
    /// A commit is on the disk when it is acknowledged.
    Full,
}

/// The page cache of every connection: the data set fits into it, so that a point read
/// measures the library and SQLite and not the kernel's `pread`.
const CACHE_KIB: u32 = 64 * 1024;

/// The page cache where memory is measured, which is SQLite's default: SQLite's memory must
/// not hide the library's.
const SMALL_CACHE_KIB: u32 = 2_000;

/// How a subject opens the database: the same for all.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database file.
    pub path: PathBuf,
    /// Whether commits wait for the disk.
    pub synchronous: Synchronous,
    /// The page cache of a connection.
    pub cache_kib: u32,
    /// How many connections it may read with, where it has a pool.
    pub readers: usize,
}

impl Settings {
    /// Returns the settings for a work: FULL where its name says so, NORMAL everywhere else.
    #[must_use]
    pub fn of(args: &Args) -> Self {
        let full = args.work.ends_with("_full");
        let memory = args.work == "stream_1m";
        Self {
            path: args.path.clone(),
            synchronous: if full { Synchronous::Full } else { Synchronous::Normal },
            cache_kib: if memory { SMALL_CACHE_KIB } else { CACHE_KIB },
            readers: args.readers,
        }
    }

    /// Returns the pragmas for every connection of every subject.
    #[must_use]
    pub fn pragmas(&self) -> String {
        format!(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous={}; PRAGMA foreign_keys=ON; PRAGMA cache_size=-{};",
            self.synchronous.name(),
            self.cache_kib,
        )
    }
}

impl Synchronous {
    /// Returns the name that the PRAGMA uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::Full => "FULL",
        }
    }
}

/// Returns how many operations a work does, before a slow subject divides that.
#[must_use]
pub fn repeats(work: &str) -> u64 {
    match work {
        "point_read" | "point_read_held" | "point_read_64" | "point_read_64_writer" => 200_000,
        "insert_1_full" | "insert_64_full" => 4_000,
        "insert_1_normal" | "insert_64_normal" => 20_000,
        "idle" => 1_000,
        "script" => 70_000,
        // One for each row of the table.
        _ => crate::ROWS,
    }
}

/// Returns the K of `scan_K`.
#[must_use]
pub fn scan_tasks(work: &str) -> Option<u64> {
    work.strip_prefix("scan_")?.parse().ok()
}

/// Makes a script of `rows` INSERTs, one per line of about 65 bytes, with its own
/// transaction.
#[must_use]
pub fn script(rows: u64) -> String {
    let mut script = String::from("BEGIN;\n");
    for id in 1..=rows {
        script.push_str(&format!(
            "INSERT INTO log VALUES ({id}, 'a name', '{{}}', 'new', {id}.5);\n"
        ));
    }
    script.push_str("COMMIT;\n");
    script
}
