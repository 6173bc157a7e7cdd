//! A database in memory: one connection that all share.

mod support;

use support::{NEVER, number, within};
use tokio::task::JoinSet;
use ubiqlite::{Database, ErrorKind, Result, params};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));";

const INSERT: &str = "INSERT INTO items (name) VALUES (?)";

#[tokio::test(flavor = "multi_thread")]
async fn a_script_runs_whole_or_not_at_all_in_memory_too() {
    let db = Database::open(":memory:").await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    let script = "INSERT INTO items (name) VALUES ('a'); INSERT INTO items (name) VALUES ('b');";
    db.batch(script).await.unwrap();
    let script = "INSERT INTO items (name) VALUES ('c'); INSERT INTO accounts VALUES (1, -1);";
    let error = db.batch(script).await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::CheckViolation, Some(1)));
    assert_eq!(number(&db, "SELECT count(*) FROM items").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_tasks_share_a_database_in_memory() {
    let db = Database::options().busy_timeout(NEVER).open(":memory:").await.unwrap();
    for table in SCHEMA.split_inclusive(';') {
        db.execute(table, ()).await.unwrap();
    }
    db.execute_many("INSERT INTO accounts VALUES (?, 1000)", (0..10).map(|id| (id,)))
        .await
        .unwrap();
    let mut tasks: JoinSet<Result<()>> = JoinSet::new();
    for task in 0..100i64 {
        let db = db.clone();
        tasks.spawn(async move {
            for round in 0..20i64 {
                db.execute(INSERT, params![format!("{task}-{round}")]).await?;
                let total: i64 = db.query_value("SELECT sum(balance) FROM accounts", ()).await?;
                assert_eq!(total, 10_000, "nobody sees half a transaction");
                let (from, to) = ((task + round) % 10, (task + 3 * round + 1) % 10);
                let mut tx = db.begin().await?;
                let take = "UPDATE accounts SET balance = balance - 1 WHERE id = ?";
                tx.execute(take, params![from]).await?;
                tokio::task::yield_now().await;
                let give = "UPDATE accounts SET balance = balance + 1 WHERE id = ?";
                tx.execute(give, params![to]).await?;
                if round % 3 == 0 { drop(tx) } else { tx.commit().await? }
            }
            Ok(())
        });
    }
    while let Some(task) = within("the tasks", tasks.join_next()).await {
        task.unwrap().unwrap();
    }
    assert_eq!(number(&db, "SELECT count(*) FROM items").await, 2_000);
    assert_eq!(number(&db, "SELECT count(DISTINCT name) FROM items").await, 2_000);
    assert_eq!(number(&db, "SELECT sum(balance) FROM accounts").await, 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_on_after_many_rows() {
    let db = Database::open(":memory:").await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    let mut session = within("a session", db.acquire()).await.unwrap();
    // More than one chunk, so that it takes a savepoint of its own.
    let many = session.execute_many(INSERT, (0..2_000).map(|row| (row,)));
    assert_eq!(within("many rows", many).await.unwrap(), 2_000);
    within("a write", session.execute(INSERT, params!["after"])).await.unwrap();
    within("a transaction", session.transaction(async |_| Ok(()))).await.unwrap();
    drop(session);
    assert_eq!(number(&db, "SELECT count(*) FROM items").await, 2_001);
}
