//! The guide's page about concurrency.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use ubiqlite::{Database, ErrorKind, Options, Result, Row, params};

const SCHEMA: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sold INTEGER NOT NULL DEFAULT 0);
    INSERT INTO items (name, sold) VALUES ('lamp', 1), ('chair', 0), ('table', 1);";

async fn fresh(options: Options) -> Result<(tempfile::TempDir, Database)> {
    let dir = tempfile::tempdir().unwrap();
    let db = options.open(dir.path().join("app.db")).await?;
    db.batch(SCHEMA).await?;
    Ok((dir, db))
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test]
async fn reads_run_next_to_a_write() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    // #region beside
    let (mine, committed): (i64, i64) = db
        .transaction(async |tx| {
            tx.execute("DELETE FROM items WHERE sold = 1", ()).await?;
            let mine = tx.query_value("SELECT count(*) FROM items", ()).await?;
            let committed = db.query_value("SELECT count(*) FROM items", ()).await?;
            Ok((mine, committed))
        })
        .await?;
    // mine is 1, committed is 3
    // #endregion beside
    assert_eq!((mine, committed), (1, 3));
    assert_eq!(db.table("items").count().await?, 1);
    Ok(())
}

#[tokio::test]
async fn many_reads_at_once() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    // #region reads
    let items = db.table("items");
    let (count, sold, lamp) = tokio::try_join!(
        items.count(),
        db.query::<String>("SELECT name FROM items WHERE sold = 1 ORDER BY id", ()),
        items.get::<Row>(1),
    )?;
    // #endregion reads
    assert_eq!(count, 3);
    assert_eq!(sold, ["lamp", "table"]);
    assert_eq!(lamp.unwrap().get::<&str>("name")?, "lamp");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_together_share_a_commit() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    // #region writes
    let mut tasks = JoinSet::new();
    for number in 0..100 {
        let db = db.clone(); // the same database
        tasks.spawn(async move {
            let name = format!("part {number}");
            db.execute("INSERT INTO items (name) VALUES (?)", params![name]).await
        });
    }
    let done = tasks.join_all().await;
    // #endregion writes
    assert!(done.iter().all(Result::is_ok));
    assert_eq!(db.table("items").count().await?, 103);
    // One that fails takes no other with it.
    let insert = "INSERT INTO items (name) VALUES (?)";
    let (shelf, lamp, door) = tokio::join!(
        db.execute(insert, ["shelf"]),
        db.execute(insert, ["lamp"]),
        db.execute(insert, ["door"]),
    );
    assert!(shelf.is_ok() && door.is_ok());
    assert_eq!(kind(lamp), ErrorKind::UniqueViolation);
    assert_eq!(db.table("items").count().await?, 105);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn busy() -> Result<()> {
    let options = Database::options().busy_timeout(Duration::from_millis(500));
    let (_dir, db) = fresh(options).await?;
    let mut stalled = db.begin().await?;
    let mut sold = 0;
    // #region busy
    match db.execute("UPDATE items SET sold = 1 WHERE id = ?", params![2]).await {
        Ok(done) => sold = done.rows_changed,
        Err(error) if error.kind() == ErrorKind::Busy => {
            println!("nothing was changed; try again later: {error}");
        }
        Err(error) => return Err(error),
    }
    // #endregion busy
    assert_eq!(sold, 0);
    let seen: i64 = stalled.query_value("SELECT sold FROM items WHERE id = 2", ()).await?;
    assert_eq!(seen, 0);
    // A write waits for as long as the transaction goes on.
    let since = Instant::now();
    let working = async {
        for _ in 0..10 {
            stalled.execute("UPDATE items SET sold = sold + 1 WHERE id = 1", ()).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stalled.commit().await
    };
    let write = db.execute("UPDATE items SET sold = 1 WHERE id = 2", ());
    tokio::try_join!(working, write)?;
    assert!(since.elapsed() > Duration::from_millis(900));
    Ok(())
}

#[tokio::test]
async fn a_snapshot_reads_one_moment() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    // #region snapshot
    let moment = db.snapshot().await?;
    let count = moment.table("items").count().await?;
    db.execute("DELETE FROM items WHERE sold = 1", ()).await?; // by anybody, meanwhile
    let names: Vec<String> = moment.query("SELECT name FROM items ORDER BY id", ()).await?;
    drop(moment);
    // count is 3, and names has three
    // #endregion snapshot
    assert_eq!(count, 3);
    assert_eq!(names, ["lamp", "chair", "table"]);
    assert_eq!(db.table("items").count().await?, 1);
    let moment = db.snapshot().await?;
    let write = moment.query::<i64>("DELETE FROM items RETURNING id", ()).await;
    assert_eq!(kind(write), ErrorKind::ReadOnly);
    Ok(())
}

#[tokio::test]
async fn a_session_is_a_connection_of_its_own() -> Result<()> {
    let (dir, db) = fresh(Database::options().sessions(1)).await?;
    let archive_path = dir.path().join("archive.db").display().to_string();
    // #region attach
    let mut session = db.acquire().await?;
    session.execute("ATTACH ? AS archive", params![&archive_path]).await?;
    session
        .transaction(async |tx| {
            let copy = "CREATE TABLE archive.sold AS SELECT * FROM items WHERE sold = 1";
            tx.execute(copy, ()).await?;
            tx.execute("DELETE FROM items WHERE sold = 1", ()).await
        })
        .await?;
    drop(session); // gives the connection back
    // #endregion attach
    assert_eq!(db.table("items").count().await?, 1);
    let archive = Database::open(&archive_path).await?;
    assert_eq!(archive.table("sold").count().await?, 2);
    // #region temporary
    let mut session = db.acquire().await?;
    session.execute("CREATE TEMP TABLE basket (item_id INTEGER)", ()).await?;
    session.execute_many("INSERT INTO basket VALUES (?)", [[2], [3]]).await?;
    let names: Vec<String> =
        session.query("SELECT name FROM items JOIN basket ON item_id = id", ()).await?;
    drop(session);
    // #endregion temporary
    assert_eq!(names, ["chair"]);
    let mut session = db.acquire().await?;
    for sql in ["SELECT * FROM basket", "SELECT * FROM archive.sold"] {
        assert_eq!(kind(session.query::<Row>(sql, ()).await), ErrorKind::NoSuchTable);
    }
    let second = db.timeout(Duration::from_millis(50)).acquire().await;
    assert_eq!(kind(second.map(drop)), ErrorKind::Timeout);
    // Statements of one's own begin and end transactions here.
    session.execute("BEGIN", ()).await?;
    session.execute("DELETE FROM items", ()).await?;
    drop(session);
    assert_eq!(db.table("items").count().await?, 1);
    for sql in
        ["ATTACH ':memory:' AS other", "CREATE TEMP TABLE seen (id)", "PRAGMA foreign_keys = OFF"]
    {
        assert_eq!(kind(db.execute(sql, ()).await), ErrorKind::InvalidArgument, "{sql}");
    }
    Ok(())
}

#[tokio::test]
async fn the_sizes_of_the_pools() -> Result<()> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.db");
    // #region pool
    let db = Database::options()
        .readers(4)
        .sessions(2)
        .acquire_timeout(Duration::from_secs(1))
        .busy_timeout(Duration::from_secs(2))
        .open(path)
        .await?;
    // #endregion pool
    let lent = (db.acquire().await?, db.acquire().await?);
    assert_eq!(kind(db.acquire().await.map(drop)), ErrorKind::Timeout);
    // Readers that are held are replaced.
    let mut moments = Vec::new();
    for _ in 0..6 {
        moments.push(db.snapshot().await?);
    }
    assert_eq!(db.query_value::<i64>("SELECT 1", ()).await?, 1);
    drop((lent, moments));
    Ok(())
}
