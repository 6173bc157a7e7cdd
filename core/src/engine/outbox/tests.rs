#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use crate::changes::Observation;
use crate::engine::{Connection, Role};
use crate::error::ErrorKind;
use crate::ffi;
use crate::options::{Options, Synchronous};
use crate::program::{Fetch, Program, Step};

fn run(connection: &mut Connection, sql: &str) -> crate::error::Result<()> {
    connection.run_whole(&Program::one(Step::new(sql, (), Fetch::Nothing))).map(drop)
}

/// A connection that records a table, and lets values have so many bytes.
fn recording(most: i32) -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::default().synchronous(Synchronous::Off);
    let mut connection =
        Connection::open(&folder.path().join("a.db"), &options, Role::Writer).unwrap();
    for sql in [
        "CREATE TABLE items (id INTEGER PRIMARY KEY, x)",
        "CREATE TABLE ubiqlite_outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, bytes BLOB NOT NULL)",
        "CREATE TABLE ubiqlite_outbox_tables (name TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID",
        "INSERT INTO ubiqlite_outbox_tables VALUES ('items')",
    ] {
        run(&mut connection, sql).unwrap();
    }
    connection.record_commits(Arc::new(Observation::default()));
    connection.length_limit = most;
    // SAFETY: the connection is open.
    unsafe { ffi::sqlite3_limit(connection.raw, ffi::SQLITE_LIMIT_LENGTH, most) };
    (folder, connection)
}

const COUNTS: &str =
    "SELECT (SELECT count(*) FROM items) * 1000 + (SELECT count(*) FROM ubiqlite_outbox)";

#[test]
fn a_transaction_whose_changes_are_longer_than_a_value_fails_and_says_so() {
    let (_folder, mut connection) = recording(10_000);
    let insert = "INSERT INTO items (x) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12)
                      SELECT zeroblob(990) FROM n";
    let failed = run(&mut connection, insert).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::TooBig, "{failed}");
    assert!(failed.message().contains("outbox") && failed.message().contains("10000"), "{failed}");
    assert_eq!(connection.integer(COUNTS).unwrap(), 0);
    // In parts it is recorded, up to the last byte that fits.
    for _ in 0..3 {
        run(&mut connection, "INSERT INTO items (x) VALUES (zeroblob(9900))").unwrap();
    }
    run(&mut connection, "DELETE FROM items WHERE id = 1").unwrap();
    assert_eq!(connection.integer(COUNTS).unwrap(), 2_004);
    assert!(run(&mut connection, "DELETE FROM items").is_err());
    assert_eq!(connection.integer(COUNTS).unwrap(), 2_004);
}

#[test]
fn a_change_set_may_be_longer_than_what_runs_on_a_callers_thread() {
    let (_folder, mut connection) = recording(1_000_000);
    // SAFETY: the connection is open. As it is while a short write runs.
    unsafe { ffi::sqlite3_limit(connection.raw, ffi::SQLITE_LIMIT_LENGTH, 2_000) };
    run(&mut connection, "INSERT INTO items (x) VALUES (zeroblob(1500)), (zeroblob(1500))")
        .unwrap();
    // SAFETY: the connection is open; a negative value only asks.
    let limit = unsafe { ffi::sqlite3_limit(connection.raw, ffi::SQLITE_LIMIT_LENGTH, -1) };
    assert_eq!(limit, 2_000, "as before");
    assert_eq!(connection.integer(COUNTS).unwrap(), 2_001);
}

#[test]
fn the_memory_of_a_long_transaction_is_given_back() {
    let (_folder, mut connection) = recording(100_000_000);
    let kept = |connection: &Connection| {
        let outbox = connection.recorder.as_ref().unwrap().context.outbox.borrow();
        outbox.tables.iter().map(|table| table.log.capacity()).sum::<usize>()
    };
    for end in ["COMMIT", "ROLLBACK"] {
        connection.control("BEGIN IMMEDIATE").unwrap();
        let insert = "INSERT INTO items (x) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
                          SELECT zeroblob(1000) FROM n";
        connection.run(&Program::one(Step::new(insert, (), Fetch::Nothing)), None).unwrap();
        assert!(kept(&connection) > 5_000_000);
        connection.control(end).unwrap();
        run(&mut connection, "INSERT INTO items (x) VALUES (1)").unwrap();
        assert!(kept(&connection) <= 64 * 1024, "{} bytes after {end}", kept(&connection));
    }
}
