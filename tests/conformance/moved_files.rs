//! The file, or its log, is deleted or replaced while it is open.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

#[allow(dead_code, reason = "each test program uses its part")]
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use support::{Other, ask, eventually, hear, log_size, outside, ready, role};
use ubiqlite::{Database, Error, ErrorKind, JournalMode, Options, params, record};

const SCHEMA: &str =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t (x) VALUES ('old');";

/// SQLite's code for a file that has moved.
const MOVED: Option<i32> = Some(1032);

fn options(mode: JournalMode) -> Options {
    Database::options().journal_mode(mode).busy_timeout(Duration::from_secs(20))
}

const NEVER: Duration = Duration::from_secs(60);

/// What happens to the files.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Move {
    Deleted,
    Replaced,
    Away,
    LogDeleted,
}

use Move::{Away, Deleted, LogDeleted, Replaced};

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn happen(what: Move, path: &Path) {
    match what {
        Deleted => std::fs::remove_file(path).unwrap(),
        Replaced => {
            let restored = beside(path, ".restored");
            let backup = outside(&restored);
            backup.execute_batch(&SCHEMA.replace("old", "restored")).unwrap();
            drop(backup);
            std::fs::rename(restored, path).unwrap();
        }
        Away => std::fs::rename(path, beside(path, ".away")).unwrap(),
        LogDeleted => std::fs::remove_file(beside(path, "-wal")).unwrap(),
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>, way: &str) {
    let error = result.expect_err(way);
    assert_eq!((error.kind(), error.code()), (ErrorKind::ReadOnly, MOVED), "{way}: {error}");
    assert!(error.message().contains("close the database, and open it again"), "{way}: {error}");
}

/// Checks that every way to commit is refused.
async fn refused_by_every_way(db: &Database) {
    let insert = "INSERT INTO t (x) VALUES (?)";
    refused(db.execute(insert, params!["lost"]).await, "autocommit");
    refused(db.table("t").insert(record! { "x" => "lost" }).await, "insert");
    refused(db.batch([(insert, params!["lost"]), (insert, params!["lost"])]).await, "batch");
    refused(db.execute_many(insert, (0..100).map(|n| params![n])).await, "execute_many");
    let together = tokio::join!(
        db.execute(insert, params!["lost"]),
        db.execute(insert, params!["lost"]),
        db.execute(insert, params!["lost"]),
        db.execute(insert, params!["lost"]),
    );
    for result in <[_; 4]>::from(together) {
        refused(result, "group commit");
    }
    let transaction =
        db.transaction(async |tx| tx.execute(insert, params!["lost"]).await.map(|_| ())).await;
    refused(transaction, "transaction");
    // A session that was opened before is reused; a new one is refused.
    if let Ok(mut session) = db.acquire().await {
        refused(session.execute(insert, params!["lost"]).await, "session");
        session.execute("BEGIN IMMEDIATE", ()).await.unwrap();
        let lost = session.execute(insert, params!["lost"]).await;
        let lost = if lost.is_ok() { session.execute("COMMIT", ()).await } else { lost };
        refused(lost, "session's own COMMIT");
    }
}

async fn every_way(what: Move, mode: JournalMode) {
    let (_dir, path, db) = support::with(options(mode), SCHEMA).await;
    db.execute("INSERT INTO t (x) VALUES ('acknowledged')", ()).await.unwrap();
    let mut session = db.acquire().await.unwrap();
    session.execute("INSERT INTO t (x) VALUES ('acknowledged')", ()).await.unwrap();
    // A reader has the file open too: one that opens it later finds none (`CannotOpen`).
    assert_eq!(db.query_value::<i64>("SELECT count(*) FROM t", ()).await.unwrap(), 3);
    happen(what, &path);
    refused(session.execute("INSERT INTO t (x) VALUES ('lost')", ()).await, "open session");
    drop(session);
    refused_by_every_way(&db).await;
    // Acknowledged rows are still there for connections that have the file open.
    let seen: Result<i64, _> = db.query_value("SELECT count(*) FROM t", ()).await;
    assert!(seen.is_err() || seen.unwrap() == 3);
    db.close().await.unwrap();
    check_files(what, &path).await;
}

/// Checks what is found afterwards under the file's names.
async fn check_files(what: Move, path: &Path) {
    assert_eq!(log_size(path), 0, "a log is left for the next file of the name");
    let kept = "SELECT count(*) FROM t WHERE x IN ('old', 'acknowledged')";
    match what {
        Deleted => assert!(!path.exists()),
        Replaced => {
            let restored = outside(path);
            assert_eq!(ask(&restored, "SELECT count(*) FROM t WHERE x = 'restored'"), 1);
            assert_eq!(ask(&restored, "SELECT count(*) FROM t"), 1);
        }
        Away => assert_eq!(ask(&outside(&beside(path, ".away")), kept), 3),
        LogDeleted => assert_eq!(ask(&outside(path), kept), 3),
    }
    if path.exists() {
        let ok: String =
            outside(path).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(ok, "ok");
        let again = Database::open(path).await.unwrap();
        again.execute("INSERT INTO t (x) VALUES ('new')", ()).await.unwrap();
        again.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_write_into_a_deleted_file_is_refused() {
    every_way(Deleted, JournalMode::Wal).await;
    every_way(Deleted, JournalMode::Delete).await;
}

#[tokio::test]
async fn a_write_into_a_file_that_was_replaced_by_a_backup_is_refused() {
    every_way(Replaced, JournalMode::Wal).await;
    every_way(Replaced, JournalMode::Delete).await;
}

#[tokio::test]
async fn a_write_into_a_file_that_was_renamed_is_refused() {
    every_way(Away, JournalMode::Wal).await;
    every_way(Away, JournalMode::Delete).await;
}

#[tokio::test]
async fn a_write_into_a_log_that_was_deleted_is_refused() {
    every_way(LogDeleted, JournalMode::Wal).await;
}

#[tokio::test]
async fn a_transaction_during_which_the_file_moves_is_not_committed() {
    for mode in [JournalMode::Wal, JournalMode::Delete, JournalMode::Truncate] {
        let (_dir, path, db) = support::with(options(mode), SCHEMA).await;
        let mut tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO t (x) VALUES ('lost')", ()).await.unwrap();
        happen(Replaced, &path);
        refused(tx.commit().await, "commit");
        db.close().await.unwrap();
        check_files(Replaced, &path).await;
    }
}

/// The readers are opened when they are needed: perhaps after the file was replaced.
#[tokio::test]
async fn a_reader_opened_later_never_reads_another_file() {
    let options = options(JournalMode::Wal).inline(false).readers(4);
    let (_dir, path, db) = support::with(options, SCHEMA).await;
    happen(Replaced, &path);
    refused(db.query_value::<String>("SELECT x FROM t", ()).await, "a reader");
    refused(db.acquire().await.map(|_| ()), "a session");
    refused(db.snapshot().await.map(|_| ()), "a snapshot");
    db.close().await.unwrap();
    check_files(Replaced, &path).await;
}

/// Otherwise it would create a second log, next to the one that the writer has open.
#[tokio::test]
async fn a_session_opened_later_writes_into_no_other_log() {
    let (_dir, path, db) = support::with(options(JournalMode::Wal), SCHEMA).await;
    db.batch(
        "INSERT INTO t (x) VALUES ('acknowledged'); INSERT INTO t (x) VALUES ('acknowledged')",
    )
    .await
    .unwrap();
    happen(LogDeleted, &path);
    refused(db.acquire().await.map(|_| ()), "a session");
    assert!(!beside(&path, "-wal").exists());
    db.close().await.unwrap();
    check_files(LogDeleted, &path).await;
}

/// A program may restore a backup and ours be killed: once the replacement was noticed, no
/// log may be left that is replayed over the backup.
#[tokio::test]
async fn the_log_is_empty_as_soon_as_it_is_noticed() {
    for known in [true, false] {
        let (_dir, path, db) = support::with(options(JournalMode::Wal), SCHEMA).await;
        let insert = "INSERT INTO t (x) VALUES ('lost')";
        if known {
            db.execute(insert, ()).await.unwrap();
        }
        assert!(log_size(&path) > 0);
        happen(Replaced, &path);
        // A statement that was never seen is prepared by a reader, which is opened now.
        refused(db.execute(insert, ()).await, "a write");
        assert!(eventually(NEVER, || log_size(&path) == 0));
        assert_eq!(ask(&outside(&path), "SELECT count(*) FROM t WHERE x = 'restored'"), 1);
        db.close().await.unwrap();
        assert_eq!(ask(&outside(&path), "SELECT count(*) FROM t"), 1);
    }
}

/// Another process has the file open by its new name: the log must not be copied into it.
#[tokio::test]
async fn a_file_that_others_use_by_its_new_name_is_left_alone() {
    if let Some((_, path)) = role() {
        let other = outside(&path);
        ask(&other, "SELECT count(*) FROM sqlite_schema");
        ready();
        hear();
        return;
    }
    let name = "a_file_that_others_use_by_its_new_name_is_left_alone";
    let (_dir, path, db) = support::with(options(JournalMode::Wal), SCHEMA).await;
    db.execute("INSERT INTO t (x) VALUES ('acknowledged')", ()).await.unwrap();
    let before = log_size(&path);
    happen(Away, &path);
    let other = Other::start(name, "other", &beside(&path, ".away"));
    refused(db.execute("INSERT INTO t (x) VALUES ('lost')", ()).await, "a write");
    db.close().await.unwrap();
    assert!(log_size(&path) >= before);
    other.finish();
}
