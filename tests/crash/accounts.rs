//! A database in which every transaction changes every row, so that half of one
//! shows.

use rusqlite::OpenFlags;
use ubiqlite::{Database, JournalMode, Options, Result, Row, Synchronous, params};

use crate::disk::{Crash, Disk, Image};

pub(crate) const NAME: &str = "accounts.db";

const ROWS: i64 = 40;

/// A text that tells the generation it is of, long enough that few rows share a
/// page.
const PAD: &str = "replace(hex(zeroblob(295)), '0', char(97 + ?1 % 26))";

/// The database as generation 1 left it.
pub(crate) fn first(vfs: &str, disk: &Disk) -> Image {
    disk.insert(&Image::new());
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let db = rusqlite::Connection::open_with_flags_and_vfs(NAME, flags, vfs).unwrap();
    db.execute_batch(
        "PRAGMA page_size = 1024;
         CREATE TABLE accounts (id INTEGER PRIMARY KEY, generation INT, balance INT, pad TEXT);
         CREATE TABLE history (generation INT, pad TEXT);",
    )
    .unwrap();
    for id in 1..=ROWS {
        let sql = format!("INSERT INTO accounts VALUES ({id}, ?1, 100, {PAD})");
        db.execute(&sql, [1]).unwrap();
    }
    drop(db);
    disk.image(Crash::PowerNothing)
}

pub(crate) fn options(vfs: &str, mode: JournalMode) -> Options {
    Database::options()
        .vfs(vfs)
        .journal_mode(mode)
        .synchronous(Synchronous::Full)
        // Pages are written before the commit, whatever the transaction.
        .cache_kib(1)
}

/// Makes the next generation: every row changes, money moves, the file grows.
pub(crate) async fn advance(db: &Database, generation: i64) -> Result<()> {
    db.transaction(async |tx| {
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

/// The generation that the database is of, or what is wrong with it.
pub(crate) async fn generation(db: &Database) -> std::result::Result<i64, String> {
    let words = |error: ubiqlite::Error| error.to_string();
    let check: String = db.query_value("PRAGMA integrity_check", ()).await.map_err(words)?;
    if check != "ok" {
        return Err(check);
    }
    let sql = "SELECT min(generation), max(generation), count(*), sum(balance) FROM accounts";
    let row: Row = db.query_one(sql, ()).await.map_err(words)?;
    let [low, high, count, sum] = [0, 1, 2, 3].map(|column| row.get::<i64>(column).unwrap_or(-1));
    if low != high || count != ROWS || sum != ROWS * 100 {
        return Err(format!("generations {low} to {high}, {count} rows, {sum} in all"));
    }
    let sql = format!(
        "SELECT (SELECT count(*) FROM accounts WHERE pad <> {PAD}),
                (SELECT count(*) FROM history), (SELECT max(generation) FROM history)"
    );
    let row: Row = db.query_one(&sql, params![low]).await.map_err(words)?;
    let [wrong, history, last] = [0, 1, 2].map(|column| row.get::<i64>(column).unwrap_or(1));
    if wrong != 0 || history != (low - 1) * 3 || last != low {
        return Err(format!("generation {low}: {wrong} wrong, {history} of {last} in history"));
    }
    Ok(low)
}
