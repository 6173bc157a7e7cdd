//! A transaction that is open in one task is invisible to every other.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::{Duration, Instant};

use support::{Fresh, kind, number, within};
use ubiqlite::{Database, ErrorKind, Result, params};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)";

async fn fresh() -> Fresh {
    Fresh::with(Database::options().busy_timeout(Duration::from_millis(300)), SCHEMA).await
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_a_transaction_the_database_reads_the_state_before_it() {
    let fresh = fresh().await;
    let db = &fresh.db;
    db.execute("INSERT INTO items (name) VALUES ('old')", ()).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute("UPDATE items SET name = 'new'", ()).await.unwrap();
    let outer: String =
        within("a read", db.query_value("SELECT name FROM items", ())).await.unwrap();
    let inner: String = tx.query_value("SELECT name FROM items", ()).await.unwrap();
    assert_eq!((outer.as_str(), inner.as_str()), ("old", "new"));
    let streamed: Vec<String> =
        within("a stream", db.stream("SELECT name FROM items", ()).collect()).await.unwrap();
    assert_eq!(streamed, ["old"]);
    assert_eq!(within("a count", db.table("items").count()).await.unwrap(), 1);
    tx.commit().await.unwrap();
    let after: String = db.query_value("SELECT name FROM items", ()).await.unwrap();
    assert_eq!(after, "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_through_the_database_inside_a_transaction_is_busy_and_says_why() {
    let fresh = fresh().await;
    let db = &fresh.db;
    within(
        "the transaction",
        db.transaction(async |tx| {
            tx.execute("INSERT INTO items (name) VALUES ('a')", ()).await?;
            let since = Instant::now();
            let error = db.execute("INSERT INTO items (name) VALUES ('b')", ()).await.unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::Busy, Some(5)));
            assert!(error.message().contains("through the transaction itself"), "{error}");
            assert!(!error.message().contains("another connection"), "two advices: {error}");
            assert!(error.message().contains("transaction"), "{error}");
            assert!(since.elapsed() >= Duration::from_millis(300), "it waited for its turn");
            for again in ["INSERT INTO items (name) VALUES ('b')", "DELETE FROM items"] {
                assert_eq!(kind(db.execute(again, ()).await), ErrorKind::Busy);
            }
            let rows = (0..2_000).map(|row| (row, row.to_string()));
            let many = db.execute_many("INSERT INTO items VALUES (?, ?)", rows).await;
            assert_eq!(kind(many), ErrorKind::Busy);
            assert_eq!(kind(db.table("items").delete(1).await), ErrorKind::Busy);
            tx.execute("INSERT INTO items (name) VALUES ('c')", ()).await?;
            Ok(())
        }),
    )
    .await
    .unwrap();
    let names: Vec<String> = db.query("SELECT name FROM items ORDER BY id", ()).await.unwrap();
    assert_eq!(names, ["a", "c"], "what was refused never ran");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_the_database_inside_a_transaction_is_busy() {
    let fresh = fresh().await;
    let db = &fresh.db;
    within(
        "the transaction",
        db.transaction(async |tx| {
            tx.execute("INSERT INTO items (name) VALUES ('a')", ()).await?;
            let nested = db
                .transaction(async |inner| inner.execute("DELETE FROM items", ()).await.map(|_| ()))
                .await;
            assert_eq!(kind(nested), ErrorKind::Busy);
            // A session's own transaction waits for the same writer.
            let mut session = db.acquire().await?;
            let nested = session.transaction(async |_| Ok(())).await;
            assert_eq!(kind(nested), ErrorKind::Busy);
            let single = session.execute("DELETE FROM items", ()).await;
            assert_eq!(kind(single), ErrorKind::Busy);
            tx.execute("INSERT INTO items (name) VALUES ('b')", ()).await.map(|_| ())
        }),
    )
    .await
    .unwrap();
    assert_eq!(number(db, "SELECT count(*) FROM items").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_whose_holder_waits_long_refuses_nobody_who_came_in_time() {
    let fresh =
        Fresh::with(Database::options().busy_timeout(Duration::from_secs(30)), SCHEMA).await;
    let tx = fresh.db.begin().await.unwrap();
    let db = fresh.db.clone();
    let write =
        tokio::spawn(async move { db.execute("INSERT INTO items (name) VALUES ('a')", ()).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!write.is_finished());
    tx.commit().await.unwrap();
    assert_eq!(within("the write", write).await.unwrap().unwrap().rows_changed, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_tasks_never_share_a_transaction() {
    let fresh = Fresh::with(Database::options(), SCHEMA).await;
    let mut tasks: Vec<tokio::task::JoinHandle<Result<()>>> = Vec::new();
    for task in 0..8 {
        let db = fresh.db.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..25 {
                let mut tx = db.begin().await?;
                let before: i64 = tx.query_value("SELECT count(*) FROM items", ()).await?;
                tx.execute(
                    "INSERT INTO items (name) VALUES (?)",
                    params![format!("{task}-{round}")],
                )
                .await?;
                tokio::task::yield_now().await;
                let after: i64 = tx.query_value("SELECT count(*) FROM items", ()).await?;
                assert_eq!(after, before + 1, "only its own row came");
                // Half of them leave nothing, some through a rollback, some through a drop.
                match round % 4 {
                    0 => tx.rollback().await?,
                    1 => drop(tx),
                    _ => tx.commit().await?,
                }
            }
            Ok(())
        }));
    }
    for task in tasks {
        within("a task", task).await.unwrap().unwrap();
    }
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM items").await, 8 * 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_begin_can_not_put_tasks_into_one_transaction() {
    let fresh = fresh().await;
    let db = &fresh.db;
    for sql in ["BEGIN", " /* x */ begin immediate", "COMMIT", "ROLLBACK", "SAVEPOINT a", "END"] {
        assert_eq!(kind(db.execute(sql, ()).await), ErrorKind::InvalidArgument, "{sql}");
        assert_eq!(kind(db.query::<(i64,)>(sql, ()).await), ErrorKind::InvalidArgument, "{sql}");
    }
    let script =
        "INSERT INTO items (name) VALUES ('a'); COMMIT; INSERT INTO items (name) VALUES ('b')";
    assert_eq!(kind(db.batch(script).await), ErrorKind::InvalidArgument);
    let mut tx = db.begin().await.unwrap();
    assert_eq!(kind(tx.execute("COMMIT", ()).await), ErrorKind::InvalidArgument);
    assert_eq!(kind(tx.batch(script).await), ErrorKind::InvalidArgument);
    tx.commit().await.unwrap();
    assert_eq!(number(db, "SELECT count(*) FROM items").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_inside_a_transaction_rolls_back_and_frees_the_writer() {
    let fresh = fresh().await;
    for round in 0..10 {
        let db = fresh.db.clone();
        let task = tokio::spawn(async move {
            db.transaction(async |tx| {
                tx.execute("INSERT INTO items (name) VALUES ('lost')", ()).await?;
                if round % 2 == 0 {
                    assert!(
                        tx.query_value::<i64>("SELECT 1", ()).await? == 2,
                        "a panic on purpose"
                    );
                }
                tx.savepoint(async |sp| {
                    sp.execute("INSERT INTO items (name) VALUES ('deep')", ()).await?;
                    panic!("a panic on purpose, deeper");
                })
                .await
            })
            .await
        });
        let joined: std::result::Result<Result<()>, _> = within("the task", task).await;
        assert!(joined.unwrap_err().is_panic());
        let db = &fresh.db;
        within("the next write", db.execute("INSERT INTO items (name) VALUES (?)", params![round]))
            .await
            .unwrap();
    }
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM items").await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_iterator_leaves_nothing_of_its_rows() {
    let fresh = fresh().await;
    let db = fresh.db.clone();
    let task = tokio::spawn(async move {
        let rows = (0..5_000).map(|row| {
            assert!(row < 3_000, "a panic on purpose");
            (row, row.to_string())
        });
        db.execute_many("INSERT INTO items VALUES (?, ?)", rows).await
    });
    assert!(within("the task", task).await.unwrap_err().is_panic());
    within("the next write", fresh.db.execute("DELETE FROM items", ())).await.unwrap();
    assert_eq!(number(&fresh.db, "SELECT count(*) FROM items").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_sqlite_ended_lets_nothing_follow() {
    let fresh = fresh().await;
    let db = &fresh.db;
    db.execute("INSERT INTO items VALUES (1, 'a')", ()).await.unwrap();
    let end = "INSERT OR ROLLBACK INTO items VALUES (2, 'a')";
    let follow = "INSERT INTO items VALUES (3, 'follows')";
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO items VALUES (9, 'lost')", ()).await.unwrap();
    assert_eq!(kind(tx.execute(end, ()).await), ErrorKind::UniqueViolation);
    assert_eq!(kind(tx.execute(follow, ()).await), ErrorKind::Cancelled);
    assert_eq!(kind(tx.commit().await), ErrorKind::Cancelled);
    assert_eq!(number(db, "SELECT count(*) FROM items").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_s_transaction_that_sqlite_ended_lets_nothing_follow() {
    let fresh = fresh().await;
    let db = &fresh.db;
    db.execute("INSERT INTO items VALUES (1, 'a')", ()).await.unwrap();
    let end = "INSERT OR ROLLBACK INTO items VALUES (2, 'a')";
    let follow = "INSERT INTO items VALUES (3, 'follows')";
    let mut session = db.acquire().await.unwrap();
    let mut tx = session.begin().await.unwrap();
    tx.execute("INSERT INTO items VALUES (9, 'lost')", ()).await.unwrap();
    assert_eq!(kind(tx.execute(end, ()).await), ErrorKind::UniqueViolation);
    let followed = tx.execute(follow, ()).await;
    assert_eq!(number(db, "SELECT count(*) FROM items").await, 1, "it stands alone: {followed:?}");
    assert_eq!(kind(followed), ErrorKind::Cancelled);
    assert_eq!(kind(tx.commit().await), ErrorKind::Cancelled);
}
