//! Reads of a file in WAL mode, without its log, where nothing can be written.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

#[allow(dead_code, reason = "each test program uses its part")]
mod support;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use support::{outside, role};
use ubiqlite::{Database, Error, ErrorKind, params};

/// The id of the user `nobody`, since root may write everywhere.
const NOBODY: u32 = 65_534;

const SCHEMA: &str =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t (x) VALUES ('one');";

fn permit(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Serializes copying and running: while a program is being copied, a child that another thread
/// starts has the copy open for writing too, and the copy can't be run.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs a test of this program as a user who owns nothing.
fn as_nobody(test: &str, path: &Path) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // This program may be in a directory that no other user may read.
    let program = path.parent().unwrap().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    permit(&program, 0o755);
    let done = Command::new(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("UBIQLITE_TEST_ROLE", "nobody")
        .env("UBIQLITE_TEST_FILE", path)
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let out = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&out));
}

/// Returns whether this process runs as root. Only root can become another user; for any other
/// user the owner's permissions already apply.
fn is_root() -> bool {
    std::fs::metadata("/proc/self")
        .is_ok_and(|data| std::os::unix::fs::MetadataExt::uid(&data) == 0)
}

async fn reads(path: &Path) -> Result<(), Error> {
    let db = Database::options().read_only(true).open(path).await?;
    let names: Vec<(String,)> = db.query("SELECT x FROM t ORDER BY id", ()).await?;
    assert_eq!(names, [("one".to_owned(),)]);
    let found: String = db.query_value("SELECT x FROM t WHERE id = ?", params![1]).await?;
    assert_eq!(found, "one");
    let refused = db.execute("INSERT INTO t (x) VALUES ('two')", ()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnly);
    let snapshot = db.snapshot().await?;
    assert_eq!(snapshot.query_value::<i64>("SELECT count(*) FROM t", ()).await?, 1);
    drop(snapshot);
    db.close().await
}

#[tokio::test]
async fn a_file_that_was_closed_opens_where_nothing_can_be_written() {
    if let Some((_, path)) = role() {
        return reads(&path).await.unwrap();
    }
    let (dir, path, db) = support::with(Database::options(), SCHEMA).await;
    db.close().await.unwrap();
    assert!(!path.with_extension("db-wal").exists());
    permit(&path, 0o444);
    permit(dir.path(), 0o755);
    if is_root() {
        as_nobody("a_file_that_was_closed_opens_where_nothing_can_be_written", &path);
    } else {
        permit(dir.path(), 0o555);
        reads(&path).await.unwrap();
        permit(dir.path(), 0o755);
    }
}

#[tokio::test]
async fn a_file_whose_directory_can_be_written_is_read_with_a_log() {
    if let Some((_, path)) = role() {
        reads(&path).await.unwrap();
        return;
    }
    let (dir, path, db) = support::with(Database::options(), SCHEMA).await;
    db.close().await.unwrap();
    permit(&path, 0o444);
    permit(dir.path(), 0o777);
    if is_root() {
        as_nobody("a_file_whose_directory_can_be_written_is_read_with_a_log", &path);
    } else {
        reads(&path).await.unwrap();
    }
}

/// The user who runs this may change the file, so it is not treated as one that never changes.
/// The message says what the obstacle is.
#[tokio::test]
async fn a_directory_that_can_not_be_written_is_told() {
    if let Some((_, path)) = role() {
        let error = Database::options().read_only(true).open(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
        assert!(error.message().contains("make the directory writable"), "{error}");
        return;
    }
    let (dir, path, db) = support::with(Database::options(), SCHEMA).await;
    db.close().await.unwrap();
    permit(&path, 0o666);
    permit(dir.path(), 0o755);
    if is_root() {
        as_nobody("a_directory_that_can_not_be_written_is_told", &path);
    }
}

/// Otherwise the content of the log would be missing.
#[tokio::test]
async fn a_file_with_something_in_its_log_is_not_read_without_it() {
    if let Some((_, path)) = role() {
        let error = reads(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CannotOpen, "{error}");
        assert!(error.message().contains("directory"), "{error}");
        return;
    }
    let (dir, path) = support::fresh();
    let plain = outside(&path);
    plain
        .execute_batch(&format!("PRAGMA journal_mode = WAL; CREATE TABLE u (x); {SCHEMA}"))
        .unwrap();
    // As a killed process leaves it.
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", path.display());
        std::fs::copy(from, dir.path().join(format!("left.db{suffix}"))).unwrap();
    }
    let left = dir.path().join("left.db");
    for name in ["left.db", "left.db-wal"] {
        permit(&dir.path().join(name), 0o444);
    }
    permit(dir.path(), 0o755);
    if is_root() {
        as_nobody("a_file_with_something_in_its_log_is_not_read_without_it", &left);
    }
    drop(plain);
}
