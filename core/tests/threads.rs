//! The threads of a database live no longer than it does. Only one test at a time can count
//! the threads of the process, so they take turns.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::{Duration, Instant};

use support::{Fresh, ROWS_FOR_EVER, eventually, kind, threads, within};
use tokio::sync::{Mutex, MutexGuard};
use ubiqlite::{Database, ErrorKind};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)";

static TURN: Mutex<()> = Mutex::const_new(());

/// Exclusive use of the process by one test.
struct Alone {
    _turn: MutexGuard<'static, ()>,
    /// The number of threads left over by an earlier test that failed.
    left: usize,
}

impl Alone {
    async fn now() -> Self {
        let turn = TURN.lock().await;
        let since = Instant::now();
        while !threads().is_empty() && since.elapsed() < Duration::from_secs(3) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self { _turn: turn, left: threads().len() }
    }

    /// Waits until this test's threads have ended.
    async fn no_thread_is_left(&self) {
        eventually("all threads end", || threads().len() <= self.left).await;
    }
}

/// Makes the database start every one of its threads.
async fn work(db: &Database) {
    db.execute("INSERT INTO items (name) VALUES ('b')", ()).await.unwrap();
    let mut first = db.stream(ROWS_FOR_EVER, ());
    let mut second = db.stream(ROWS_FOR_EVER, ());
    assert!(first.try_next().await.unwrap().is_some());
    assert!(second.try_next().await.unwrap().is_some());
    let mut session = db.acquire().await.unwrap();
    session.execute("INSERT INTO items (name) VALUES ('a')", ()).await.unwrap();
}

async fn fresh() -> Fresh {
    let options = Database::options().readers(2).busy_timeout(Duration::from_millis(200));
    Fresh::with(options, SCHEMA).await
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_last_handle_without_closing_ends_all_threads() {
    let alone = Alone::now().await;
    let Fresh { db, dir: _dir } = fresh().await;
    let clone = db.clone();
    within("the work", work(&db)).await;
    drop(db);
    within("more work", work(&clone)).await;
    assert!(
        threads().len() >= alone.left + 4,
        "readers, a session's and the writer: {:?}",
        threads()
    );
    drop(clone);
    alone.no_thread_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_last_handle_under_open_holders_ends_all_threads() {
    let alone = Alone::now().await;
    let Fresh { db, dir: _dir } = fresh().await;
    let mut tx = db.begin().await.unwrap();
    let snapshot = db.snapshot().await.unwrap();
    let mut session = db.acquire().await.unwrap();
    session.query_value::<i64>("SELECT 1", ()).await.unwrap();
    drop(db);
    // The handles keep the database open until the last of them is dropped.
    within("a late call", tx.execute("DELETE FROM items", ())).await.unwrap();
    within("a late read", snapshot.query_value::<i64>("SELECT 1", ())).await.unwrap();
    drop((tx, snapshot, session));
    alone.no_thread_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_all_threads_before_it_answers() {
    let alone = Alone::now().await;
    let fresh = fresh().await;
    within("the work", work(&fresh.db)).await;
    within("closing", fresh.db.close()).await.unwrap();
    // The thread that closes replies just before it ends.
    eventually("all threads end", || threads().iter().all(|name| name == "ubiqlite-close")).await;
    alone.no_thread_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_can_not_be_opened_leaves_no_thread() {
    let alone = Alone::now().await;
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let missing = Database::open(dir.path().join("missing").join("app.db"));
        assert_eq!(kind(within("opening", missing).await), ErrorKind::CannotOpen);
    }
    alone.no_thread_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_is_dropped_leaves_no_thread() {
    let alone = Alone::now().await;
    let dir = tempfile::tempdir().unwrap();
    for round in 0..50 {
        let opening = Database::open(dir.path().join("app.db"));
        drop(support::poll_times(round % 5, opening).await);
    }
    alone.no_thread_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_databases_opened_and_closed_leave_no_thread_and_no_file_open() {
    let alone = Alone::now().await;
    let files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = files();
    for round in 0..100 {
        let Fresh { db, dir } = fresh().await;
        within("a read", db.query_value::<i64>("SELECT count(*) FROM items", ())).await.unwrap();
        if round % 2 == 0 {
            within("closing", db.close()).await.unwrap();
        }
        drop((db, dir));
    }
    alone.no_thread_is_left().await;
    assert!(files() <= before + 8, "{before} files were open, now {}", files());
}
