//! The guide's page about transactions.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::time::Duration;

use ubiqlite::{Begin, Database, Error, ErrorKind, Options, Result, params, record};

const SCHEMA: &str = "
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
    INSERT INTO accounts VALUES (1, 100), (2, 50), (3, 0);
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, stock INTEGER NOT NULL DEFAULT 0);
    INSERT INTO items (name, stock) VALUES ('lamp', 5);
    CREATE TABLE log (message TEXT NOT NULL);";

async fn fresh(options: Options) -> Result<(tempfile::TempDir, Database)> {
    let dir = tempfile::tempdir().unwrap();
    let db = options.open(dir.path().join("app.db")).await?;
    db.batch(SCHEMA).await?;
    Ok((dir, db))
}

async fn messages(db: &Database) -> Result<Vec<String>> {
    db.query("SELECT message FROM log ORDER BY rowid", ()).await
}

async fn balances(db: &Database) -> Result<Vec<i64>> {
    db.query("SELECT balance FROM accounts ORDER BY id", ()).await
}

async fn stock(db: &Database) -> Result<i64> {
    db.query_value("SELECT stock FROM items WHERE id = 1", ()).await
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test]
async fn a_transaction_is_committed_when_its_closure_returns_ok() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    // #region transaction
    let left: i64 = db
        .transaction(async |tx| {
            tx.execute("UPDATE accounts SET balance = balance - 10 WHERE id = ?", params![1])
                .await?;
            tx.execute("INSERT INTO log (message) VALUES (?)", params!["paid 10"]).await?;
            tx.query_value("SELECT balance FROM accounts WHERE id = ?", params![1]).await
        })
        .await?;
    // #endregion transaction
    assert_eq!(left, 90);
    assert_eq!(balances(&db).await?, [90, 50, 0]);
    assert_eq!(messages(&db).await?, ["paid 10"]);
    Ok(())
}

#[derive(Debug)]
enum PayError {
    TooPoor(i64),
    Database(Error),
}

impl From<Error> for PayError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

// #region error
// PayError is an enum of this program, with From<ubiqlite::Error>.
async fn pay(db: &Database, amount: i64) -> Result<(), PayError> {
    db.try_transaction(async |tx| {
        let sql = "UPDATE accounts SET balance = balance - ? WHERE id = 1";
        tx.execute(sql, params![amount]).await?;
        match tx.query_value("SELECT balance FROM accounts WHERE id = 1", ()).await? {
            20.. => Ok(()),
            left => Err(PayError::TooPoor(left)), // rolls back
        }
    })
    .await
}
// #endregion error

#[tokio::test]
async fn an_error_that_leaves_the_closure_rolls_back() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    pay(&db, 30).await.unwrap();
    assert!(matches!(pay(&db, 60).await, Err(PayError::TooPoor(10))));
    assert_eq!(balances(&db).await?, [70, 50, 0]);
    let Err(PayError::Database(refused)) = pay(&db, 600).await else { panic!("it was paid") };
    assert_eq!(refused.kind(), ErrorKind::CheckViolation);
    Ok(())
}

#[tokio::test]
async fn an_error_that_the_closure_handles_undoes_its_statement_alone() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    // #region caught
    db.transaction(async |tx| {
        tx.execute("INSERT INTO log (message) VALUES ('a lamp arrived')", ()).await?;
        let added = tx.table("items").insert(record! { "name" => "lamp", "stock" => 1 }).await;
        match added {
            Err(error) if error.kind() == ErrorKind::UniqueViolation => {
                tx.execute("UPDATE items SET stock = stock + 1 WHERE name = 'lamp'", ()).await?;
            }
            other => drop(other?),
        }
        Ok(())
    })
    .await?;
    // #endregion caught
    assert_eq!(stock(&db).await?, 6);
    assert_eq!(messages(&db).await?, ["a lamp arrived"]);
    // Unless the statement itself says that its failure ends the transaction.
    let mut tx = db.begin().await?;
    let refused = tx.execute("INSERT OR ROLLBACK INTO items (name) VALUES ('lamp')", ()).await;
    assert_eq!(kind(refused), ErrorKind::UniqueViolation);
    let next = tx.execute("INSERT INTO log (message) VALUES ('never')", ()).await;
    assert_eq!(kind(next), ErrorKind::Cancelled);
    assert_eq!(kind(tx.commit().await), ErrorKind::Cancelled);
    Ok(())
}

#[tokio::test]
async fn a_deferred_foreign_key_is_checked_by_the_commit() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    let schema = "CREATE TABLE parts (item_id REFERENCES items (id) DEFERRABLE INITIALLY DEFERRED)";
    db.batch(schema).await?;
    let mut tx = db.begin().await?;
    tx.execute("INSERT INTO parts VALUES (99)", ()).await?;
    assert_eq!(kind(tx.commit().await), ErrorKind::ForeignKeyViolation);
    assert_eq!(db.table("parts").count().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_transaction_is_begun_and_committed_by_hand() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    // #region handle
    let mut tx = db.begin().await?;
    tx.execute("UPDATE items SET stock = stock - 1 WHERE id = ?", params![1]).await?;
    tx.execute("INSERT INTO log (message) VALUES ('sold a lamp')", ()).await?;
    tx.commit().await?; // dropped without it, as by an earlier `?`, it is rolled back
    // #endregion handle
    assert_eq!(stock(&db).await?, 4);
    let mut tx = db.begin().await?;
    tx.execute("DELETE FROM items", ()).await?;
    drop(tx);
    // It is rolled back before the next write.
    assert_eq!(db.execute("UPDATE items SET stock = 9", ()).await?.rows_changed, 1);
    Ok(())
}

#[tokio::test]
async fn what_is_refused_inside_a_transaction() -> Result<()> {
    let options = Database::options().busy_timeout(Duration::from_millis(100));
    let (_dir, db) = fresh(options).await?;
    db.transaction(async |tx| {
        for sql in [
            "BEGIN",
            "COMMIT",
            "ROLLBACK",
            "SAVEPOINT one",
            "ATTACH ':memory:' AS other",
            "CREATE TEMP TABLE seen (id)",
            "PRAGMA foreign_keys = OFF",
            "PRAGMA journal_mode = DELETE",
            "VACUUM",
            "DELETE FROM items; DELETE FROM log",
        ] {
            assert_eq!(kind(tx.execute(sql, ()).await), ErrorKind::InvalidArgument, "{sql}");
        }
        tx.execute("PRAGMA defer_foreign_keys = ON", ()).await?;
        assert_eq!(kind(db.execute("DELETE FROM items", ()).await), ErrorKind::Busy);
        assert_eq!(kind(db.begin().await.map(drop)), ErrorKind::Busy);
        tx.execute("UPDATE items SET stock = 0", ()).await?;
        assert_eq!(stock(&db).await?, 5);
        Ok(())
    })
    .await?;
    assert_eq!(stock(&db).await?, 0);
    Ok(())
}

#[tokio::test]
async fn modes() -> Result<()> {
    let options = Database::options().busy_timeout(Duration::from_millis(100));
    let (dir, db) = fresh(options).await?;
    // #region mode
    let mut tx = db.begin_with(Begin::Deferred).await?;
    let stock: i64 = tx.query_value("SELECT stock FROM items WHERE id = 1", ()).await?;
    if stock < 10 {
        tx.execute("UPDATE items SET stock = 10 WHERE id = 1", ()).await?;
    }
    tx.commit().await?;
    // #endregion mode
    let read = "SELECT stock FROM items WHERE id = 1";
    let mut tx = db.begin_with(Begin::Exclusive).await?;
    assert_eq!(tx.query_value::<i64>(read, ()).await?, 10);
    tx.execute("UPDATE items SET stock = 11", ()).await?;
    tx.commit().await?;
    let other = Database::open(dir.path().join("app.db")).await?;
    let mut tx = db.begin_with(Begin::Deferred).await?;
    assert_eq!(tx.query_value::<i64>(read, ()).await?, 11);
    // It has its own database's turn to write, and leaves the file to others.
    assert_eq!(kind(db.execute("UPDATE items SET stock = 12", ()).await), ErrorKind::Busy);
    other.execute("UPDATE items SET stock = 13", ()).await?;
    assert_eq!(tx.query_value::<i64>(read, ()).await?, 11);
    let late = tx.execute("UPDATE items SET stock = 14", ()).await.unwrap_err();
    assert_eq!((late.kind(), late.code()), (ErrorKind::Busy, Some(517)));
    tx.rollback().await?;
    // In a session it leaves both.
    let mut session = db.acquire().await?;
    let mut tx = session.begin_with(Begin::Deferred).await?;
    assert_eq!(tx.query_value::<i64>(read, ()).await?, 13);
    db.execute("UPDATE items SET stock = 15", ()).await?;
    tx.rollback().await
}

#[tokio::test]
async fn a_savepoint_is_undone_alone() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    // #region savepoint
    let log = "INSERT INTO log (message) VALUES (?)";
    db.transaction(async |tx| {
        for name in ["chair", "lamp", "table"] {
            let adding = tx.savepoint(async |sp| {
                sp.execute(log, params![format!("added {name}")]).await?;
                sp.table("items").insert(record! { "name" => name }).await
            });
            match adding.await {
                Ok(_) => {}
                Err(error) if error.kind() != ErrorKind::UniqueViolation => return Err(error),
                Err(_) => drop(tx.execute(log, params![format!("skipped {name}")]).await?),
            }
        }
        Ok(())
    })
    .await?;
    // #endregion savepoint
    assert_eq!(messages(&db).await?, ["added chair", "skipped lamp", "added table"]);
    assert_eq!(db.table("items").count().await?, 3);
    Ok(())
}

#[tokio::test]
async fn a_batch_is_one_transaction() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    // #region batch
    let done = db
        .batch([
            ("UPDATE items SET stock = stock - ? WHERE id = ?", params![2, 1]),
            ("INSERT INTO log (message) VALUES (?)", params!["sold two lamps"]),
        ])
        .await?;
    // #endregion batch
    assert_eq!(done.iter().map(|one| one.rows_changed).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(stock(&db).await?, 3);
    let wrong = [("DELETE FROM log", ()), ("INSERT INTO items (name) VALUES ('lamp')", ())];
    let refused = db.batch(wrong).await.unwrap_err();
    assert_eq!((refused.kind(), refused.index()), (ErrorKind::UniqueViolation, Some(1)));
    assert_eq!(messages(&db).await?, ["sold two lamps"]);
    // #region script
    db.batch(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, item_id INTEGER REFERENCES items (id));
         CREATE INDEX orders_of_item ON orders (item_id);
         INSERT INTO log (message) VALUES ('orders can be taken');",
    )
    .await?;
    // #endregion script
    assert_eq!(db.table("orders").count().await?, 0);
    let refused = db.batch("DELETE FROM log; SELEC 1;").await.unwrap_err();
    assert_eq!((refused.kind(), refused.index()), (ErrorKind::Syntax, Some(1)));
    assert_eq!(messages(&db).await?.len(), 2);
    // A script may have transactions of its own: what they committed stays.
    let own = "BEGIN; DELETE FROM log; COMMIT; INSERT INTO items (name) VALUES ('lamp');";
    let refused = db.batch(own).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::UniqueViolation);
    assert!(refused.message().contains("stay"), "{refused}");
    assert!(messages(&db).await?.is_empty());
    let list = [("BEGIN", ()), ("DELETE FROM items", ()), ("COMMIT", ())];
    assert_eq!(kind(db.batch(list).await), ErrorKind::InvalidArgument);
    // Inside a transaction, a batch that fails undoes itself and nothing else.
    db.transaction(async |tx| {
        tx.execute("INSERT INTO log (message) VALUES ('kept')", ()).await?;
        let wrong = [("DELETE FROM log", ()), ("INSERT INTO items (name) VALUES ('lamp')", ())];
        assert_eq!(kind(tx.batch(wrong).await), ErrorKind::UniqueViolation);
        Ok(())
    })
    .await?;
    assert_eq!(messages(&db).await?, ["kept"]);
    Ok(())
}

#[tokio::test]
async fn a_transfer_happens_whole_or_not_at_all() -> Result<()> {
    let (_dir, db) = fresh(Database::options()).await?;
    // #region transfer
    db.table("accounts").transfer("balance", [(1, 2, 30), (2, 3, 60)]).await?;
    // #endregion transfer
    assert_eq!(balances(&db).await?, [70, 20, 60]);
    for (second, kind) in [
        ((1, 99, 10), ErrorKind::NotFound),
        ((2, 1, 1000), ErrorKind::CheckViolation),
        ((2, 1, -1), ErrorKind::InvalidArgument),
    ] {
        let refused =
            db.table("accounts").transfer("balance", [(1, 2, 10), second]).await.unwrap_err();
        assert_eq!((refused.kind(), refused.index()), (kind, Some(1)));
    }
    assert_eq!(balances(&db).await?, [70, 20, 60]);
    Ok(())
}
