//! The programs of the page about errors.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use std::time::Duration;

use ubiqlite::{Database, ErrorKind, Row, params, record};

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER);
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
    CREATE TABLE orders (id TEXT PRIMARY KEY, item_id INTEGER NOT NULL);
    INSERT INTO users (email) VALUES ('ann@example.org');
    INSERT INTO accounts VALUES (1, 100), (2, 50);";

async fn fresh() -> Database {
    let options = Database::options().busy_timeout(Duration::from_millis(50));
    let db = options.open(":memory:").await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    db
}

// #region kinds
async fn register(db: &Database, email: &str) -> ubiqlite::Result<bool> {
    match db.table("users").insert(record! { "email" => email }).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UniqueViolation => Ok(false),
        Err(error) => Err(error),
    }
}
// #endregion kinds

#[tokio::test]
async fn a_kind_is_matched() {
    let db = fresh().await;
    assert!(register(&db, "bob@example.org").await.unwrap());
    assert!(!register(&db, "ann@example.org").await.unwrap());
    db.close().await.unwrap();
    assert_eq!(register(&db, "eve@example.org").await.unwrap_err().kind(), ErrorKind::Closed);
}

// #region details
async fn invite(db: &Database, emails: &[&str]) -> ubiqlite::Result<()> {
    let sql = "INSERT INTO users (email) VALUES (?)";
    let inserts: Vec<_> = emails.iter().map(|email| (sql, params![*email])).collect();
    db.batch(inserts).await.inspect_err(|error| {
        println!("{}: {}", error.kind(), error.message());
        println!("statement {:?} of the batch, code {:?}", error.index(), error.code());
        println!("table {:?}, columns {:?}", error.table(), error.columns());
    })?;
    Ok(())
}
// #endregion details

#[tokio::test]
async fn an_error_has_details() {
    let db = fresh().await;
    let error = invite(&db, &["bob@example.org", "ann@example.org"]).await.unwrap_err();
    assert_eq!(error.kind().name(), "UniqueViolation");
    assert_eq!(error.index(), Some(1));
    assert_eq!(error.table(), Some("users"));
    assert_eq!(error.columns(), ["email"]);
    assert_eq!(error.code(), Some(2067));
    assert_eq!(db.table("users").count().await.unwrap(), 1, "nothing of the batch is kept");
}

// #region offset
async fn ask(db: &Database, sql: &str) -> ubiqlite::Result<Vec<Row>> {
    db.query(sql, ()).await.inspect_err(|error| {
        if let Some(offset) = error.offset() {
            println!("{}, here: {}", error.message(), &sql[offset..]);
        }
    })
}
// #endregion offset

#[tokio::test]
async fn an_error_names_the_place_in_the_sql() {
    let db = fresh().await;
    let sql = "SELECT name, prise FROM items";
    let error = ask(&db, sql).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchColumn);
    assert_eq!(error.columns(), ["prise"]);
    assert_eq!(&sql[error.offset().unwrap()..], "prise FROM items");
}

#[derive(Debug, PartialEq)]
// #region outcome
enum Payment {
    Done,
    NoSuchAccount,
    Overdrawn,
}

async fn pay(db: &Database, from: i64, to: i64, amount: i64) -> ubiqlite::Result<Payment> {
    match db.table("accounts").transfer("balance", [(from, to, amount)]).await {
        Ok(()) => Ok(Payment::Done),
        Err(error) => match error.kind() {
            ErrorKind::NotFound => Ok(Payment::NoSuchAccount),
            ErrorKind::CheckViolation => Ok(Payment::Overdrawn),
            _ => Err(error),
        },
    }
}
// #endregion outcome

#[tokio::test]
async fn an_expected_outcome_is_no_failure() {
    let db = fresh().await;
    assert_eq!(pay(&db, 1, 2, 30).await.unwrap(), Payment::Done);
    assert_eq!(pay(&db, 1, 99, 30).await.unwrap(), Payment::NoSuchAccount);
    assert_eq!(pay(&db, 1, 2, 1000).await.unwrap(), Payment::Overdrawn);
    let sum: i64 = db.query_value("SELECT sum(balance) FROM accounts", ()).await.unwrap();
    assert_eq!(sum, 150);
    let error = db.execute("INSERT INTO accounts VALUES (3, -1)", ()).await.unwrap_err();
    assert!(error.kind().is_constraint());
    assert_eq!(error.columns().len(), 0);
    assert!(error.message().contains("balance >= 0"), "{error}");
    assert!(!ErrorKind::DatatypeMismatch.is_constraint());
    // A statement that is refused inside a transaction is undone alone.
    db.transaction(async |tx| {
        tx.execute("INSERT INTO accounts VALUES (3, 0)", ()).await?;
        let refused = tx.execute("INSERT INTO accounts VALUES (4, 0), (5, -1)", ()).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::CheckViolation);
        tx.execute("INSERT INTO accounts VALUES (6, 0)", ()).await?;
        Ok(())
    })
    .await
    .unwrap();
    let ids: Vec<i64> = db.query("SELECT id FROM accounts ORDER BY id", ()).await.unwrap();
    assert_eq!(ids, [1, 2, 3, 6]);
}

#[tokio::test]
async fn a_transaction_that_sqlite_ended_does_nothing_more() {
    let db = fresh().await;
    let mut tx = db.begin().await.unwrap();
    let sql = "INSERT OR ROLLBACK INTO users (email) VALUES ('ann@example.org')";
    assert_eq!(tx.execute(sql, ()).await.unwrap_err().kind(), ErrorKind::UniqueViolation);
    let later = tx.execute("DELETE FROM users", ()).await;
    assert_eq!(later.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(db.table("users").count().await.unwrap(), 1);
}

// #region busy
async fn retried<T>(mut call: impl AsyncFnMut() -> ubiqlite::Result<T>) -> ubiqlite::Result<T> {
    for pause in [50, 100, 200] {
        match call().await {
            Err(error) if error.kind() == ErrorKind::Busy => {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            result => return result,
        }
    }
    call().await
}
// #endregion busy

#[tokio::test]
async fn a_busy_call_can_be_repeated() {
    let db = fresh().await;
    let holder = db.begin().await.unwrap();
    let (mut tries, sql) = (0, "UPDATE accounts SET balance = balance + 1 WHERE id = 1");
    let (done, ()) = tokio::join!(
        retried(async || {
            tries += 1;
            db.execute(sql, ()).await
        }),
        async {
            tokio::time::sleep(Duration::from_millis(120)).await;
            holder.rollback().await.unwrap();
        }
    );
    assert_eq!(done.unwrap().rows_changed, 1);
    assert!(tries > 1, "{tries}");
    let balance: i64 =
        db.query_value("SELECT balance FROM accounts WHERE id = 1", ()).await.unwrap();
    assert_eq!(balance, 101, "the refused calls changed nothing");
}

// #region unknown
async fn place(db: &Database, order: &str, item: i64) -> ubiqlite::Result<()> {
    // The caller chose the key: to do it twice is to do it once.
    let sql = "INSERT INTO orders (id, item_id) VALUES (?, ?) ON CONFLICT (id) DO NOTHING";
    match db.execute(sql, params![order, item]).await {
        Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
            db.execute(sql, params![order, item]).await?;
        }
        result => {
            result?;
        }
    }
    Ok(())
}
// #endregion unknown

#[tokio::test]
async fn a_write_with_a_key_of_its_own_can_be_repeated() {
    let db = fresh().await;
    for _ in 0..2 {
        place(&db, "7f2c", 1).await.unwrap();
    }
    assert_eq!(db.table("orders").count().await.unwrap(), 1);
}
