//! Live queries follow what another process does to long values and to the log.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

#[allow(dead_code, reason = "each test program uses its part")]
mod support;

use std::time::Duration;

use support::{Other, hear, outside, ready, role, tell};
use ubiqlite::{Database, Options, Row, Synchronous, Watch};

fn options() -> Options {
    Database::options().synchronous(Synchronous::Off)
}

/// A watch, and the query that it is of.
struct Live {
    sql: &'static str,
    watch: Watch,
    got: Vec<Vec<String>>,
}

impl Live {
    async fn of(db: &Database, sql: &'static str) -> Self {
        let mut live = Self { sql, watch: db.watch(sql, ()), got: Vec::new() };
        live.follow(db, "the first result").await;
        live
    }

    /// Waits until the watch has delivered what the query returns by itself.
    async fn follow(&mut self, db: &Database, what: &str) {
        let rows: Vec<Row> = db.query(self.sql, ()).await.unwrap();
        let wanted: Vec<_> = rows.iter().map(words).collect();
        while self.got != wanted {
            let next = tokio::time::timeout(Duration::from_secs(60), self.watch.try_next()).await;
            let next = next.unwrap_or_else(|_| panic!("{what}: {} has missed it", self.sql));
            self.got = next.unwrap().unwrap().iter().map(|row| words(&row)).collect();
        }
    }
}

fn words(row: &Row) -> Vec<String> {
    row.iter().map(|(_, value)| format!("{value:?}")).collect()
}

/// Another process, which runs each statement whose number it is sent.
fn run(all: &[String]) {
    let (_, path) = role().unwrap();
    let db = outside(&path);
    ready();
    while let Some(number) = hear() {
        db.execute_batch(&all[usize::try_from(number).unwrap()]).unwrap();
        tell(1);
    }
}

impl Other {
    fn run(&mut self, number: usize) {
        self.send(number as u64);
        self.receive();
    }
}

/// Changes of the last bytes of values that are on pages of their own, of which the first page of a
/// row says nothing.
fn tails() -> Vec<String> {
    let tail = |id: i64, number: i64| {
        format!(
            "UPDATE files SET body = substr(body, 1, length(body) - 4) || '{number:04}' WHERE id = {id}"
        )
    };
    (0..40).map(|number| tail(1 + number % 3, number)).collect()
}

#[tokio::test]
async fn the_tail_of_a_long_value_is_seen_to_change() {
    const TEST: &str = "the_tail_of_a_long_value_is_seen_to_change";
    let tails = tails();
    if role().is_some() {
        return run(&tails);
    }
    let (_dir, path, db) = support::with(
        options(),
        "CREATE TABLE files (id INTEGER PRIMARY KEY, name TEXT, body TEXT);
         INSERT INTO files VALUES (1, 'a', hex(zeroblob(4500))), (2, 'b', hex(zeroblob(50000))),
             (3, 'c', hex(zeroblob(4500)));",
    )
    .await;
    let mut lives = Vec::new();
    for sql in [
        "SELECT body FROM files WHERE id = 1",
        "SELECT body FROM files WHERE id = 2",
        "SELECT id, substr(body, -4) FROM files ORDER BY id",
        "SELECT count(*) FROM files WHERE substr(body, -1) < '5'",
        "SELECT name FROM files ORDER BY id",
    ] {
        lives.push(Live::of(&db, sql).await);
    }
    let mut other = Other::start(TEST, "writer", &path);
    for (number, tail) in tails.iter().enumerate() {
        // Each row is written by both.
        if number % 2 == 0 {
            other.run(number);
        } else {
            db.execute(tail, ()).await.unwrap();
        }
        for live in &mut lives {
            live.follow(&db, tail).await;
        }
    }
    other.finish();
    db.close().await.unwrap();
}

/// What another process does to the log, and to the row that is watched.
fn restarts() -> Vec<String> {
    let raise = "UPDATE t SET v = v + 1 WHERE id = 1";
    let checkpoint = |mode: &str| format!("PRAGMA wal_checkpoint({mode})");
    let mut all = Vec::new();
    for mode in ["RESTART", "TRUNCATE", "FULL", "PASSIVE"] {
        // The log has as many frames after each of these as it had before.
        all.push(format!("{}; {raise}", checkpoint(mode)));
        all.push(format!("{raise}; {}", checkpoint(mode)));
        // More, and fewer.
        all.push(format!("{raise}; {raise}; {}; {raise}", checkpoint(mode)));
        all.push(checkpoint(mode));
        // What is undone is the same as before, and what follows is not.
        all.push(format!(
            "UPDATE t SET v = v - 1 WHERE id = 1; {}; {raise}; {}; UPDATE t SET v = v + 3 WHERE id = 1",
            checkpoint(mode),
            checkpoint(mode)
        ));
    }
    all
}

#[tokio::test]
async fn a_log_that_another_process_begins_anew_hides_no_commit() {
    const TEST: &str = "a_log_that_another_process_begins_anew_hides_no_commit";
    let restarts = restarts();
    if role().is_some() {
        return run(&restarts);
    }
    let (_dir, path, db) = support::with(
        options(),
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1), (2, 2);",
    )
    .await;
    let mut row = Live::of(&db, "SELECT v FROM t WHERE id = 1").await;
    let mut all = Live::of(&db, "SELECT sum(v) FROM t").await;
    let mut other = Other::start(TEST, "writer", &path);
    for round in 0..3 {
        for (number, script) in restarts.iter().enumerate() {
            other.run(number);
            row.follow(&db, script).await;
            all.follow(&db, script).await;
            // This process writes into the log that was begun anew, or begins it anew.
            if (number + round) % 3 == 0 {
                db.execute("UPDATE t SET v = v + 1", ()).await.unwrap();
                if round == 1 {
                    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
                    let _: Vec<Row> = db.query(checkpoint, ()).await.unwrap();
                }
                row.follow(&db, "a commit here").await;
                all.follow(&db, "a commit here").await;
            }
        }
    }
    other.finish();
    db.close().await.unwrap();
}

#[tokio::test]
async fn what_a_killed_process_has_committed_is_seen_and_nothing_else() {
    const TEST: &str = "what_a_killed_process_has_committed_is_seen_and_nothing_else";
    if let Some((_, path)) = role() {
        let db = outside(&path);
        // A few pages, so that some are in the log before the commit.
        db.execute_batch("PRAGMA cache_size = 3; PRAGMA wal_autocheckpoint = 0").unwrap();
        ready();
        db.execute_batch(&format!("UPDATE t SET v = v + {}", hear().unwrap())).unwrap();
        db.execute_batch("BEGIN; UPDATE t SET v = -1, pad = hex(zeroblob(500))").unwrap();
        tell(1);
        // This process is killed here, or the other has failed and ended.
        hear();
        return;
    }
    let (_dir, path, db) = support::with(
        options(),
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT, pad TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
             INSERT INTO t SELECT i, 0, hex(zeroblob(300)) FROM n;",
    )
    .await;
    let mut live = Live::of(&db, "SELECT sum(v), sum(length(pad)) FROM t").await;
    let mut sum = 0;
    for round in 1..=5 {
        let mut other = Other::start(TEST, "killed", &path);
        other.send(round);
        other.receive();
        other.kill();
        live.follow(&db, "a commit of a process that is gone").await;
        sum += 200 * round;
        assert_eq!(live.got, [[format!("Integer({sum})"), "Integer(120000)".to_owned()]]);
        db.execute("UPDATE t SET v = v + 1 WHERE id = 1", ()).await.unwrap();
        live.follow(&db, "a commit here after that").await;
        sum += 1;
    }
    db.close().await.unwrap();
}
