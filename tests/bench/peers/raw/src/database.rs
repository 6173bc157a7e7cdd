//! rusqlite as an expert would use it.

use bench_common::{CREATE_ITEMS, INSERT_ITEM, Item, SELECT_ONE, Settings, leaked_items, weight};
use rusqlite::{Connection, OpenFlags, Result, Row, params};

/// Opens a connection for one thread, without SQLite's own mutex.
pub fn open(settings: &Settings) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(&settings.path, flags)?;
    db.execute_batch(&settings.pragmas())?;
    Ok(db)
}

/// Makes the data set with `n` rows, and leaves no log behind.
pub fn create(db: &Connection, n: u64) -> Result<()> {
    db.execute_batch(CREATE_ITEMS)?;
    let transaction = db.unchecked_transaction()?;
    {
        let mut statement = db.prepare(INSERT_ITEM)?;
        for item in leaked_items(n) {
            statement.execute(params![item.id, item.name, item.data, item.status, item.value])?;
        }
    }
    transaction.commit()?;
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
}

/// Reads a row by its id, and returns its weight.
pub fn read(db: &Connection, id: i64) -> Result<u64> {
    db.prepare_cached(SELECT_ONE)?.query_row([id], weight_of)
}

/// Reads all rows of a statement, and returns the sum of their weights.
pub fn stream(db: &Connection, sql: &str) -> Result<u64> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut sum = 0_u64;
    while let Some(row) = rows.next()? {
        sum = sum.wrapping_add(weight_of(row)?);
    }
    Ok(sum)
}

/// Inserts all rows in one transaction.
pub fn insert_all(db: &Connection, sql: &str, rows: &[Item]) -> Result<()> {
    let transaction = db.unchecked_transaction()?;
    {
        let mut statement = db.prepare_cached(sql)?;
        for row in rows {
            statement.execute(params![row.name, row.data, row.status, row.value])?;
        }
    }
    transaction.commit()
}

fn weight_of(row: &Row<'_>) -> Result<u64> {
    Ok(weight(
        row.get_ref(0)?.as_i64()?,
        row.get_ref(1)?.as_str()?,
        row.get_ref(2)?.as_str()?,
        row.get_ref(3)?.as_str()?,
        row.get_ref(4)?.as_f64()?,
    ))
}

/// Runs a script with SQLite's own `sqlite3_exec`.
pub fn exec(db: &Connection, script: String) -> bench_common::Result<()> {
    let script = std::ffi::CString::new(script)?;
    // SAFETY: the connection is open, and the script is a C string.
    let code = unsafe {
        let (none, nobody) = (std::ptr::null_mut(), std::ptr::null_mut());
        rusqlite::ffi::sqlite3_exec(db.handle(), script.as_ptr(), None, none, nobody)
    };
    if code == rusqlite::ffi::SQLITE_OK {
        Ok(())
    } else {
        Err(format!("sqlite3_exec: {code}").into())
    }
}
