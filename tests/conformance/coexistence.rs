//! Another copy of SQLite in the same process uses the same file: the system's library, such
//! as Python's `sqlite3` or the driver of another package loads.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

#[path = "coexistence/another.rs"]
mod another;
#[allow(dead_code, reason = "each test program uses its part")]
mod support;

use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use another::Another;
use support::{ask, outside, role};
use ubiqlite::{Database, ErrorKind, JournalMode, Options, Synchronous, params};

const SCHEMA: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, number INTEGER, pad TEXT);
    CREATE INDEX by_who ON t (who, number);";
const INSERT: &str =
    "INSERT INTO t (who, number, pad) VALUES (?, ?, hex(randomblob(abs(random()) % 300)))";

fn options(mode: JournalMode) -> Options {
    Database::options()
        .journal_mode(mode)
        .synchronous(Synchronous::Off)
        .busy_timeout(Duration::from_secs(30))
        .readers(2)
}

/// Repeatedly opens the database, writes and reads a little, and closes it, until `until`
/// returns true. Reports each acknowledged write to `note` before it does anything else.
async fn write(
    path: &Path,
    mode: JournalMode,
    who: &str,
    until: impl Fn() -> bool,
    note: impl Fn(i64),
) {
    let mut number = 0;
    while !until() {
        let db = options(mode).open(path).await.unwrap();
        for round in 0..20 {
            match db.execute(INSERT, params![who, number]).await {
                Ok(_) => {
                    note(number);
                    number += 1;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{who}: {error}"),
            }
            if round % 5 == 0 {
                let sql = "SELECT count(*) FROM t WHERE who = ?";
                let seen: i64 = db.query_value(sql, params![who]).await.unwrap();
                assert!(seen >= number, "{who} sees {seen} of {number}");
            }
        }
        db.close().await.unwrap();
    }
}

/// The second process: it writes until it is killed, and records its acknowledged writes in
/// a file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writer_of_another_process() {
    let Some((life, path)) = role() else { return };
    let (mode, life) = life.split_once(' ').unwrap();
    let who = format!("process {life}");
    let noted = path.with_extension(format!("noted-{life}"));
    let note = |number: i64| std::fs::write(&noted, number.to_string()).unwrap();
    write(&path, mode.parse().unwrap(), &who, || false, note).await;
}

fn start(path: &Path, mode: JournalMode, life: u32) -> Child {
    let mode = if mode == JournalMode::Wal { "wal" } else { "delete" };
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer_of_another_process", "--nocapture", "--test-threads=1"])
        .env("UBIQLITE_TEST_ROLE", format!("{mode} {life}"))
        .env("UBIQLITE_TEST_FILE", path)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

/// One file, three writers: this library, another SQLite in this process, and other
/// processes that are killed at random.
async fn together(mode: JournalMode, length: Duration) {
    let (_dir, path, db) = support::with(options(mode), SCHEMA).await;
    assert!(db.capabilities().coexistence || std::env::var_os("UBIQLITE_LOCKS").is_some());
    db.close().await.unwrap();
    let end = Instant::now() + length;
    let over = Arc::new(AtomicBool::new(false));

    // The other SQLite in this process.
    let (theirs, done) = (path.clone(), Arc::clone(&over));
    let other = std::thread::spawn(move || {
        let mut written = 0;
        let sqlite = Another::load();
        while !done.load(Ordering::Relaxed) {
            let connection = sqlite.open(&theirs);
            connection.run("SELECT count(*) FROM t").unwrap();
            for _ in 0..3 {
                let sql = format!("INSERT INTO t (who, number) VALUES ('another', {written})");
                if connection.run(&sql).is_ok() {
                    written += 1;
                }
            }
            drop(connection);
            std::thread::sleep(Duration::from_millis(u64::from(fastrand::u8(0..4))));
        }
        written
    });

    // Other processes, one after another.
    let (theirs, done) = (path.clone(), Arc::clone(&over));
    let killed = std::thread::spawn(move || {
        let mut life = 0;
        while !done.load(Ordering::Relaxed) {
            let mut child = start(&theirs, mode, life);
            std::thread::sleep(Duration::from_millis(fastrand::u64(150..700)));
            child.kill().unwrap();
            child.wait().unwrap();
            life += 1;
        }
        life
    });

    let acknowledged = AtomicI64::new(0);
    let note = |number| acknowledged.store(number + 1, Ordering::Relaxed);
    write(&path, mode, "ours", || Instant::now() > end, note).await;
    over.store(true, Ordering::Relaxed);
    let (another, lives) = (other.join().unwrap(), killed.join().unwrap());

    let plain = outside(&path);
    let ok: String = plain.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(ok, "ok");
    let count = |who: &str| {
        ask(&plain, &format!("SELECT count(DISTINCT number) FROM t WHERE who = '{who}'"))
    };
    let ours = acknowledged.into_inner();
    println!("{ours} by this library, {another} by the other, {lives} processes killed");
    assert!(ours > 0 && another > 0 && lives > 0);
    assert_eq!(count("ours"), ours);
    assert_eq!(count("another"), another);
    for life in 0..lives {
        let noted = std::fs::read_to_string(path.with_extension(format!("noted-{life}")));
        // The process may have been killed while it wrote this.
        let last = noted.ok().and_then(|number| number.parse::<i64>().ok()).unwrap_or(-1);
        assert!(count(&format!("process {life}")) > last, "process {life} lost some of {last}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_beside_another_sqlite_in_the_process() {
    together(JournalMode::Wal, Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_beside_another_sqlite_with_a_rollback_journal() {
    together(JournalMode::Delete, Duration::from_secs(5)).await;
}

/// Shows that the tests above can fail: runs this same program with POSIX locks.
#[test]
fn with_posix_locks_the_file_is_destroyed() {
    let test = "nothing_is_lost_beside_another_sqlite_in_the_process";
    let failed = (0..5).any(|_| {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--test-threads=1"])
            .env("UBIQLITE_LOCKS", "posix")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        !status.success()
    });
    assert!(failed, "POSIX locks held as well: the test shows nothing");
}

/// Where there are no locks of open file descriptions the file can still be used, but the
/// capability reports that another SQLite may not use it in the same process.
#[tokio::test]
async fn without_these_locks_coexistence_is_not_promised() {
    if let Some((_, path)) = support::role() {
        let db = Database::open(&path).await.unwrap();
        assert!(!db.capabilities().coexistence);
        db.batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").await.unwrap();
        assert_eq!(db.query_value::<i64>("SELECT x FROM t", ()).await.unwrap(), 1);
        return db.close().await.unwrap();
    }
    let (_dir, path) = support::fresh();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "without_these_locks_coexistence_is_not_promised", "--test-threads=1"])
        .env("UBIQLITE_LOCKS", "posix")
        .env("UBIQLITE_TEST_ROLE", "posix")
        .env("UBIQLITE_TEST_FILE", &path)
        .status()
        .unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn the_other_sqlite_and_this_one_see_each_others_locks() {
    for mode in [JournalMode::Wal, JournalMode::Delete] {
        let options = options(mode).busy_timeout(Duration::ZERO);
        let (_dir, path, db) = support::with(options, SCHEMA).await;
        let sqlite = Another::load();
        let theirs = sqlite.open(&path);
        theirs.set_busy_timeout(0);
        theirs.run("BEGIN IMMEDIATE").unwrap();
        let busy = db.execute(INSERT, params!["ours", 1]).await.unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::Busy);
        theirs.run("COMMIT").unwrap();
        let mut tx = db.begin().await.unwrap();
        tx.execute(INSERT, params!["ours", 1]).await.unwrap();
        // Closing this connection drops none of our locks.
        let passing = sqlite.open(&path);
        passing.run("SELECT 1 FROM sqlite_schema").unwrap();
        drop(passing);
        theirs.run("BEGIN IMMEDIATE").unwrap_err();
        tx.commit().await.unwrap();
        theirs.run("BEGIN IMMEDIATE; COMMIT").unwrap();
        db.close().await.unwrap();
    }
}
