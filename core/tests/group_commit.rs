//! Writes that wait at the same time share a commit, and nothing else.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::pin::Pin;
use std::time::{Duration, Instant};

use support::{ENDLESS_INSERT, Fresh, NEVER, kind, number, start, within};
use ubiqlite::{Database, ErrorKind, Executed, Result, params};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE,
        value INTEGER CHECK (value >= 0));
    CREATE TABLE owners (id INTEGER PRIMARY KEY);
    CREATE TABLE owned (id INTEGER PRIMARY KEY,
        owner INTEGER REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE log (id INTEGER PRIMARY KEY, batch INTEGER);
    CREATE TRIGGER strict BEFORE INSERT ON items WHEN new.name = 'forbidden'
        BEGIN SELECT RAISE(ROLLBACK, 'forbidden'); END;";

type Job<'a> = Pin<Box<dyn Future<Output = Result<Executed>> + Send + 'a>>;

async fn fresh() -> Fresh {
    let options = Database::options().readers(2).busy_timeout(NEVER);
    let fresh = Fresh::with(options, SCHEMA).await;
    // Makes the statements known as writes, so that each queues at its first poll.
    for sql in [INSERT, OWE, OWN] {
        let _ = fresh.db.execute(sql, params![-1, "warm"]).await;
    }
    fresh.db.batch("DELETE FROM items; DELETE FROM owned; DELETE FROM owners").await.unwrap();
    fresh
}

const INSERT: &str = "INSERT INTO items (id, name) VALUES (?, ?)";
const OWE: &str = "INSERT INTO owned (owner, id) VALUES (?, abs(length(?)))";
const OWN: &str = "INSERT INTO owners (id) SELECT ?1 WHERE ?2 IS NOT NULL";

/// Makes all jobs wait behind a transaction, and returns the result of each.
async fn together(db: &Database, mut jobs: Vec<Job<'_>>) -> Vec<Result<Executed>> {
    let held = db.begin().await.unwrap();
    let mut early = Vec::new();
    for job in &mut jobs {
        // Only a statement that can't be prepared fails immediately.
        let result = start(job).await;
        assert!(!matches!(result, Some(Ok(_))), "it waits behind the transaction: {result:?}");
        early.push(result);
        // A statement with a new text takes a moment to reach the queue.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    held.commit().await.unwrap();
    let mut results = Vec::new();
    for (job, early) in jobs.into_iter().zip(early) {
        results.push(match early {
            Some(result) => result,
            None => within("a job", job).await,
        });
    }
    results
}

fn insert<'a>(db: &'a Database, id: i64, name: &'a str) -> Job<'a> {
    Box::pin(db.execute(INSERT, params![id, name]))
}

fn run<'a>(db: &'a Database, sql: &'a str) -> Job<'a> {
    Box::pin(db.execute(sql, ()))
}

async fn names(db: &Database) -> Vec<String> {
    db.query("SELECT name FROM items ORDER BY id", ()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_write_fails_alone() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let script =
        "INSERT INTO items VALUES (50, 'half', 1); INSERT INTO items VALUES (51, 'c', -1);";
    let jobs: Vec<Job<'_>> = vec![
        insert(db, 1, "a"),
        insert(db, 2, "a"),
        insert(db, 3, "c"),
        Box::pin(async { db.batch(script).await.map(|_| Executed::default()) }),
        run(db, "INSERT INTO missing VALUES (1)"),
        insert(db, 1, "d"),
        run(db, "INSERT OR FAIL INTO items VALUES (60, 'g', 1), (61, 'bad', -1), (62, 'never', 1)"),
        insert(db, 7, "h"),
    ];
    let results = together(db, jobs).await;
    let kinds: Vec<_> =
        results.iter().map(|a| a.as_ref().err().map(ubiqlite::Error::kind)).collect();
    use ErrorKind::{CheckViolation, NoSuchTable, PrimaryKeyViolation, UniqueViolation};
    let wanted = [
        None,
        Some(UniqueViolation),
        None,
        Some(CheckViolation),
        Some(NoSuchTable),
        Some(PrimaryKeyViolation),
        Some(CheckViolation),
        None,
    ];
    assert_eq!(kinds, wanted);
    // OR FAIL does not leave the rows before the one that failed either.
    assert_eq!(names(db).await, ["a", "c", "h"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_rolls_back_the_transaction_takes_no_other_with_it() {
    let ends = [
        ("INSERT OR ROLLBACK INTO items (id, name) VALUES (9, 'a')", ErrorKind::UniqueViolation),
        ("INSERT INTO items (id, name) VALUES (9, 'forbidden')", ErrorKind::TriggerViolation),
        ("UPDATE OR ROLLBACK items SET value = -1", ErrorKind::CheckViolation),
    ];
    for (end, wanted) in ends {
        for place in 0..4 {
            let fresh = fresh().await;
            let db = &fresh.db;
            let mut jobs = vec![insert(db, 1, "a"), insert(db, 2, "b"), insert(db, 3, "c")];
            // In the first place there is no row yet that it could conflict with.
            let offends = place > 0 || wanted == ErrorKind::TriggerViolation;
            jobs.insert(place, run(db, end));
            for (index, result) in together(db, jobs).await.into_iter().enumerate() {
                if index == place && offends {
                    assert_eq!(kind(result), wanted, "{end} at {place}");
                } else if offends {
                    assert_eq!(result.unwrap().rows_changed, 1, "{end} at {place}");
                }
            }
            if offends {
                assert_eq!(names(db).await, ["a", "b", "c"], "{end} at {place}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_pays_another_s_deferred_debt() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let jobs: Vec<Job<'_>> = vec![
        insert(db, 1, "a"),
        // Violated at its own commit, although the next job would satisfy it.
        Box::pin(db.execute(OWE, params![7, "x"])),
        Box::pin(db.execute(OWN, params![7, "x"])),
        insert(db, 2, "b"),
        // Its parent exists by now.
        Box::pin(db.execute(OWE, params![7, "xy"])),
        Box::pin(db.execute(OWE, params![8, "xyz"])),
        Box::pin(async {
            // It satisfies its own constraint.
            let both = "INSERT INTO owned VALUES (40, 9); INSERT INTO owners VALUES (9);";
            db.batch(both).await.map(|_| Executed::default())
        }),
        insert(db, 3, "c"),
    ];
    let results = together(db, jobs).await;
    for (index, result) in results.into_iter().enumerate() {
        match index {
            1 | 5 => assert_eq!(kind(result), ErrorKind::ForeignKeyViolation, "job {index}"),
            _ => drop(result.unwrap()),
        }
    }
    assert_eq!(names(db).await, ["a", "b", "c"]);
    let owned: Vec<(i64, i64)> = db.query("SELECT id, owner FROM owned", ()).await.unwrap();
    assert_eq!(owned, [(2, 7), (40, 9)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_write_is_told_its_own_rowid_and_rows() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let jobs = vec![
        insert(db, 100, "a"),
        run(db, "UPDATE items SET value = 1"),
        insert(db, 7, "b"),
        run(db, "DELETE FROM items WHERE id = 12345"),
        run(db, "CREATE TABLE late (a)"),
        insert(db, 100, "refused"),
        run(db, "UPDATE items SET value = 2"),
    ];
    let results: Vec<_> = together(db, jobs).await.into_iter().map(Result::ok).collect();
    let told = |rows_changed, last_row_id| Some(Executed { rows_changed, last_row_id });
    let wanted = [told(1, 100), told(1, 0), told(1, 7), told(0, 0), told(0, 0), None, told(2, 0)];
    assert_eq!(results, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_together_get_their_returning_rows() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let sql = "INSERT INTO items (name) VALUES (?1), (?1 || '2') RETURNING id, name";
    let held = db.begin().await.unwrap();
    let mut jobs = Vec::new();
    for name in ["a", "b", "a", "c"] {
        let mut job = Box::pin(db.query::<(i64, String)>(sql, params![name]));
        assert!(start(&mut job).await.is_none());
        jobs.push(job);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    held.rollback().await.unwrap();
    let mut rows = Vec::new();
    for job in jobs {
        rows.push(within("a job", job).await.map_err(|error| error.kind()));
    }
    let mut wanted = db.query::<(i64, String)>("SELECT id, name FROM items", ()).await.unwrap();
    wanted.sort();
    assert_eq!(rows.iter().filter(|rows| **rows == Err(ErrorKind::UniqueViolation)).count(), 1);
    let mut got: Vec<(i64, String)> = rows.into_iter().flatten().flatten().collect();
    got.sort();
    assert_eq!((got.len(), got), (6, wanted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_given_up_while_it_waits_never_runs() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let held = db.begin().await.unwrap();
    let mut jobs: Vec<Job<'_>> =
        ["a", "b", "c", "d"].into_iter().zip(1..).map(|(name, id)| insert(db, id, name)).collect();
    for job in &mut jobs {
        assert!(start(job).await.is_none());
    }
    drop(jobs.remove(1));
    held.commit().await.unwrap();
    for job in jobs {
        assert_eq!(within("a job", job).await.unwrap().rows_changed, 1);
    }
    assert_eq!(names(db).await, ["a", "c", "d"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_write_that_is_dropped_frees_the_writer_and_leaves_nothing() {
    let fresh = fresh().await;
    let db = &fresh.db;
    // Makes the statement known as a write first.
    let _ = tokio::time::timeout(Duration::from_millis(50), db.execute(ENDLESS_INSERT, ())).await;
    let held = db.begin().await.unwrap();
    let mut before = insert(db, 1, "a");
    assert!(start(&mut before).await.is_none());
    let mut endless = run(db, ENDLESS_INSERT);
    assert!(start(&mut endless).await.is_none());
    let mut after = insert(db, 2, "b");
    assert!(start(&mut after).await.is_none());
    held.commit().await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(300), &mut after).await;
    assert!(early.is_err(), "it waits behind the endless one");
    let since = Instant::now();
    drop(endless);
    assert_eq!(within("the one before", before).await.unwrap().rows_changed, 1);
    assert_eq!(within("the one after", after).await.unwrap().rows_changed, 1);
    assert!(since.elapsed() < Duration::from_secs(10), "freed after {:?}", since.elapsed());
    assert_eq!(names(db).await, ["a", "b"]);
    assert_eq!(number(db, "SELECT count(*) FROM log").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_share_a_transaction_runs_alone_among_those_that_can() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let jobs = vec![
        insert(db, 1, "a"),
        run(db, "VACUUM"),
        insert(db, 2, "b"),
        run(db, "PRAGMA user_version = 7"),
        run(db, "BEGIN"),
        run(db, "PRAGMA foreign_keys = OFF"),
        insert(db, 3, "c"),
    ];
    let results = together(db, jobs).await;
    let failed: Vec<usize> =
        results.iter().enumerate().filter(|(_, a)| a.is_err()).map(|(index, _)| index).collect();
    assert_eq!(failed, [4, 5], "{results:?}");
    assert_eq!(names(db).await, ["a", "b", "c"]);
    assert_eq!(number(db, "PRAGMA user_version").await, 7);
}

#[tokio::test]
async fn a_failure_in_the_middle_of_a_trigger_keeps_nothing_whoever_else_writes() {
    let schema = "CREATE TABLE t (id INTEGER PRIMARY KEY);
        CREATE TABLE u (id INTEGER PRIMARY KEY);
        CREATE TABLE w (id INTEGER PRIMARY KEY, x UNIQUE);
        CREATE TRIGGER three BEFORE INSERT ON t BEGIN
            INSERT INTO u SELECT new.id * 10 + value FROM (SELECT 1 AS value UNION ALL SELECT 2 UNION ALL SELECT 3);
        END;
        CREATE TRIGGER second AFTER INSERT ON u WHEN new.id % 10 = 2 BEGIN
            SELECT RAISE(FAIL, 'the second');
        END;";
    let fresh = Fresh::with(Database::options().busy_timeout(NEVER), schema).await;
    let db = &fresh.db;
    const FAILS: &str = "INSERT INTO t VALUES (?)";
    const OR_FAIL: &str = "INSERT OR FAIL INTO w VALUES (1, ?), (2, 'x'), (3, 'x'), (4, 'y')";
    const GOOD: &str = "INSERT INTO w VALUES (?, ?)";
    // Alone first, which also makes each known as a write.
    assert!(db.execute(FAILS, params![1]).await.is_err());
    assert_eq!(number(db, "SELECT count(*) FROM u").await, 0);
    assert!(db.execute(OR_FAIL, params!["a"]).await.is_err());
    assert_eq!(number(db, "SELECT count(*) FROM w").await, 0);
    db.execute(GOOD, params![100, "w"]).await.unwrap();
    let jobs: Vec<Job<'_>> = vec![
        Box::pin(db.execute(GOOD, params![101, "w1"])),
        Box::pin(db.execute(FAILS, params![2])),
        Box::pin(db.execute(GOOD, params![102, "w2"])),
        Box::pin(db.execute(OR_FAIL, params!["b"])),
        Box::pin(db.execute(GOOD, params![103, "w3"])),
    ];
    let results = together(db, jobs).await;
    let done: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(done, [true, false, true, false, true]);
    assert_eq!(number(db, "SELECT count(*) FROM u").await, 0, "nothing of what was refused");
    assert_eq!(number(db, "SELECT count(*) FROM w").await, 4);
}
