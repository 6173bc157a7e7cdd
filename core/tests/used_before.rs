//! A program that has a file open with this copy of SQLite, by another crate, before it first uses
//! this library. SQLite took its own kind of locks then, and all locks of one file must be of one
//! kind: else one of them is never released.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::process::Command;

use rusqlite::Connection;
use ubiqlite::Database;

const PART: &str = "UBIQLITE_TEST_PART";
const FILE: &str = "UBIQLITE_TEST_FILE";

/// Runs a part in a process of its own: what is tested is the first use in a process.
fn run(part: &str, file: &std::path::Path) -> bool {
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "locks_are_of_one_kind_and_all_released", "--nocapture"])
        .env(PART, part)
        .env(FILE, file)
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&done.stderr));
    assert!(String::from_utf8_lossy(&done.stdout).contains("1 passed") || !done.status.success());
    done.status.success()
}

async fn part(part: &str, file: &std::path::Path) {
    let open = || Connection::open(file).unwrap();
    match part {
        "write" => {
            let other = open();
            other.busy_timeout(std::time::Duration::ZERO).unwrap();
            other.execute_batch("BEGIN IMMEDIATE; UPDATE t SET a = a + 1; COMMIT").unwrap();
        }
        // The first reader has what is a lock of the process, the last one releases it.
        "rollback" => {
            let first = open();
            first.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
            first.execute_batch("BEGIN; SELECT * FROM t").unwrap();
            let db = Database::open(file).await.unwrap();
            let snapshot = db.snapshot().await.unwrap();
            let _: i64 = snapshot.query_value("SELECT a FROM t", ()).await.unwrap();
            first.execute_batch("COMMIT").unwrap();
            drop(snapshot);
            db.execute("UPDATE t SET a = 5", ()).await.unwrap();
            assert!(run("write", file), "a lock is left");
            db.close().await.unwrap();
        }
        _ => {
            let first = open();
            first
                .execute_batch(
                    "PRAGMA journal_mode = wal; CREATE TABLE t (a); INSERT INTO t VALUES (1)",
                )
                .unwrap();
            let db = Database::open(file).await.unwrap();
            first.execute_batch("UPDATE t SET a = a + 1").unwrap();
            first.close().unwrap();
            let mode: String = db.query_value("PRAGMA journal_mode = DELETE", ()).await.unwrap();
            assert_eq!(mode, "delete");
            assert_eq!(db.execute("UPDATE t SET a = a + 1", ()).await.unwrap().rows_changed, 1);
            assert!(run("write", file), "a lock is left");
            db.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn locks_are_of_one_kind_and_all_released() {
    if let (Some(which), Some(file)) = (std::env::var_os(PART), std::env::var_os(FILE)) {
        return part(which.to_str().unwrap(), file.as_ref()).await;
    }
    for which in ["rollback", "wal"] {
        let folder = tempfile::tempdir().unwrap();
        assert!(run(which, &folder.path().join("a.db")), "{which}");
    }
}
