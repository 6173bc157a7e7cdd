//! Helpers that several test files share.
#![allow(dead_code, reason = "each test file is a crate that uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails fails its test")]

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use ubiqlite::{Database, Error, Options, Result, Row, RowStream, Value};

/// A query that never ends and returns no row.
pub(crate) const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";

/// A query that returns rows for ever.
pub(crate) const ROWS_FOR_EVER: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";

/// A statement that inserts into `log` and never ends.
pub(crate) const ENDLESS_INSERT: &str = "INSERT INTO log (batch) \
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";

/// Longer than any test should wait: a hang, reported as a failure.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// A timeout that no test reaches: a call that waits for it hangs.
pub(crate) const NEVER: Duration = Duration::from_secs(600);

/// Waits for the future. One that hangs fails the test with a message that names `what`.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(HANG, future).await {
        Ok(done) => done,
        Err(_) => panic!("{what} hangs"),
    }
}

/// A database in its own directory, which is removed with it.
pub(crate) struct Fresh {
    pub(crate) db: Database,
    pub(crate) dir: tempfile::TempDir,
}

impl Fresh {
    /// A database with these settings and this schema.
    pub(crate) async fn with(options: Options, schema: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = within("opening", options.open(dir.path().join("app.db"))).await.unwrap();
        within("the schema", db.batch(schema)).await.unwrap();
        Self { db, dir }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("app.db")
    }

    /// A plain connection from outside.
    pub(crate) fn outside(&self) -> rusqlite::Connection {
        let outside = rusqlite::Connection::open(self.path()).unwrap();
        outside.busy_timeout(Duration::from_secs(10)).unwrap();
        outside
    }
}

/// Waits until `so` returns true.
pub(crate) async fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !so() {
        assert!(since.elapsed() < HANG, "it never came about that {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Polls the future `times` times, yielding after each, then drops it.
pub(crate) async fn poll_times<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..times {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(done) = polled {
            return Some(done);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// Polls the future once, which sends whatever it requests at its first poll.
pub(crate) async fn start<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| {
        Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        })
    })
    .await
}

/// All values of all rows.
pub(crate) fn cells(rows: &[Row]) -> Vec<Vec<Value>> {
    rows.iter().map(|row| row.iter().map(|(_, value)| value.to_value()).collect()).collect()
}

/// Returns the one number that the query reads.
pub(crate) async fn number(db: &Database, sql: &str) -> i64 {
    within(sql, db.query_value(sql, ())).await.unwrap()
}

/// Returns the kind of error of a call that must fail.
pub(crate) fn kind<T: std::fmt::Debug>(result: Result<T>) -> ubiqlite::ErrorKind {
    result.as_ref().map_err(Error::kind).expect_err("it should have failed")
}

/// Returns the names of the library's threads in this process, except the timer's.
pub(crate) fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| name.starts_with("ubiqlite") && name != "ubiqlite-timer")
        .collect()
}

/// Takes and keeps every reader that there can be.
pub(crate) async fn all_readers(db: &Database) -> Vec<RowStream<'static>> {
    all_readers_but(db, 0).await
}

/// Takes and keeps every reader but `left` of them.
pub(crate) async fn all_readers_but(db: &Database, left: usize) -> Vec<RowStream<'static>> {
    let mut streams = Vec::new();
    for _ in left..64 {
        let mut stream = db.stream(ROWS_FOR_EVER, ());
        let row = within("a reader of all", stream.try_next()).await.unwrap();
        assert!(row.is_some());
        streams.push(stream);
    }
    streams
}

/// Checks that nothing is left behind: every reader and session and the writer are available,
/// all at once, no transaction is open, and the file is sound. Then closes the database, which
/// with a busy timeout of `NEVER` waits for anything still in use.
pub(crate) async fn assert_whole(fresh: &Fresh, readers: usize, sessions: usize) {
    let db = &fresh.db;
    let mut streams = Vec::new();
    for _ in 0..readers {
        let mut stream = db.stream(ROWS_FOR_EVER, ());
        let row = within("a reader of the pool", stream.try_next()).await.unwrap();
        assert!(row.is_some());
        streams.push(stream);
    }
    let mut lent = Vec::new();
    for _ in 0..sessions {
        let mut session = within("a session of the pool", db.acquire()).await.unwrap();
        let one: i64 = session.query_value("SELECT 1", ()).await.unwrap();
        assert_eq!(one, 1);
        lent.push(session);
    }
    let mut tx = within("the writer", db.begin()).await.unwrap();
    within("a write", tx.execute("CREATE TABLE whole (a)", ())).await.unwrap();
    within("a rollback", tx.rollback()).await.unwrap();
    drop((streams, lent));
    let outside = fresh.outside();
    // It reports busy (1) while any transaction of any connection is open.
    let log = || outside.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    eventually("no transaction is open", || matches!(log(), Ok(0i64))).await;
    let sound: String = outside.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let mut orphans = outside.prepare("PRAGMA foreign_key_check").unwrap();
    assert!(!orphans.exists([]).unwrap(), "a row without its parent");
    within("closing: something is still out, and it", db.close()).await.unwrap();
}
