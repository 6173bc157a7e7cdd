//! A database in which every transaction changes every row, so that half a transaction is
//! noticed.

use rusqlite::OpenFlags;
use ubiqlite::{Database, JournalMode, Result, Row, Synchronous, params};

use crate::disk::{Crash, Disk, Image};

pub(crate) const NAME: &str = "accounts.db";
pub(crate) const ROWS: i64 = 24;

/// A value of `bulk`: more bytes of a log than the VFS gathers.
pub(crate) const LARGE: i64 = 300_000;

/// A text that depends on its generation, long enough that few rows share a page.
const PAD: &str = "replace(hex(zeroblob(295)), '0', char(97 + ?1 % 26))";

/// The accounts, and the disk that they are on.
pub(crate) struct Accounts {
    pub(crate) vfs: String,
    pub(crate) disk: Disk,
    pub(crate) mode: JournalMode,
    pub(crate) synchronous: Synchronous,
    /// The bytes that each generation adds to the rest.
    pub(crate) bulk: i64,
}

impl Accounts {
    /// Makes accounts on their own disk.
    pub(crate) fn new(vfs: impl Into<String>, mode: JournalMode) -> Self {
        let (vfs, disk) = (vfs.into(), Disk::default());
        ubiqlite::ext::vfs::register(&vfs, disk.clone()).unwrap();
        Self { vfs, disk, mode, synchronous: Synchronous::Full, bulk: 0 }
    }

    /// Returns the disk as generation 1 left it.
    pub(crate) fn first(&self) -> Image {
        self.disk.insert(&Image::new());
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let vfs = self.vfs.as_str();
        let db = rusqlite::Connection::open_with_flags_and_vfs(NAME, flags, vfs).unwrap();
        db.execute_batch(
            "PRAGMA page_size = 1024;
             CREATE TABLE accounts (id INTEGER PRIMARY KEY, generation INT, balance INT, pad TEXT);
             CREATE TABLE history (generation INT, pad TEXT);
             CREATE TABLE bulk (data BLOB);",
        )
        .unwrap();
        for id in 1..=ROWS {
            let sql = format!("INSERT INTO accounts VALUES ({id}, ?1, 100, {PAD})");
            db.execute(&sql, [1]).unwrap();
        }
        drop(db);
        self.disk.image(Crash::PowerNothing)
    }

    pub(crate) fn open(&self) -> Result<Database> {
        Database::options()
            .vfs(self.vfs.as_str())
            .journal_mode(self.mode)
            .synchronous(self.synchronous)
            // Pages are written before the commit, whatever the transaction.
            .cache_kib(1)
            .open_single_thread(NAME)
    }

    /// Makes the next generation: every row changes, money moves, the file grows.
    pub(crate) async fn advance(&self, db: &Database, generation: i64) -> Result<()> {
        db.transaction(async |tx| {
            let insert = "INSERT INTO bulk VALUES (zeroblob(?))";
            tx.execute(insert, params![self.bulk]).await?;
            let update = format!("UPDATE accounts SET generation = ?1, pad = {PAD}");
            tx.execute(&update, params![generation]).await?;
            for (id, amount) in [(generation, -7), (ROWS - generation, 7)] {
                let sql = "UPDATE accounts SET balance = balance + ? WHERE id = ?";
                tx.execute(sql, params![amount, id]).await?;
            }
            for _ in 0..3 {
                let insert = format!("INSERT INTO history VALUES (?1, {PAD})");
                tx.execute(&insert, params![generation]).await?;
            }
            Ok(())
        })
        .await
    }

    /// Returns the generation of the database, or what is wrong with it.
    pub(crate) async fn generation(&self, db: &Database) -> std::result::Result<i64, String> {
        let words = |error: ubiqlite::Error| error.to_string();
        let check: String = db.query_value("PRAGMA integrity_check", ()).await.map_err(words)?;
        if check != "ok" {
            return Err(check);
        }
        let sql = "SELECT min(generation), max(generation), count(*), sum(balance) FROM accounts";
        let row: Row = db.query_one(sql, ()).await.map_err(words)?;
        let number = |row: &Row, column: usize| row.get::<i64>(column).map_err(words);
        let (low, high) = (number(&row, 0)?, number(&row, 1)?);
        let (count, sum) = (number(&row, 2)?, number(&row, 3)?);
        if low != high || count != ROWS || sum != ROWS * 100 {
            return Err(format!("generations {low} to {high}, {count} rows, {sum} in all"));
        }
        let sql = format!(
            "SELECT (SELECT count(*) FROM accounts WHERE pad <> {PAD}),
                    (SELECT count(*) FROM history), (SELECT ifnull(max(generation), 1) FROM history),
                    (SELECT count(*) FROM bulk WHERE length(data) = ?2)"
        );
        let row: Row = db.query_one(&sql, params![low, self.bulk]).await.map_err(words)?;
        let (wrong, history) = (number(&row, 0)?, number(&row, 1)?);
        let (last, bulk) = (number(&row, 2)?, number(&row, 3)?);
        if (wrong, history, last, bulk) != (0, (low - 1) * 3, low, low - 1) {
            return Err(format!(
                "generation {low}: {wrong} wrong, {history} to {last} in history, {bulk} in bulk"
            ));
        }
        Ok(low)
    }
}
