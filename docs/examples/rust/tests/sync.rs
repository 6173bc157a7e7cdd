//! The guide's page about change sets.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use std::cell::{Cell, RefCell};

use ubiqlite::{Apply, Database, Decision, ErrorKind, params};

const SCHEMA: &str = "
    CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT, updated_at INTEGER);
    CREATE TABLE settings (name TEXT PRIMARY KEY, value);
    CREATE TABLE received (number INTEGER);
    INSERT INTO received VALUES (0);";

/// A device: a database of its own.
async fn device() -> ubiqlite::Result<(tempfile::TempDir, Database)> {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path().join("app.db")).await?;
    db.batch(SCHEMA).await?;
    Ok((dir, db))
}

async fn body(db: &Database) -> ubiqlite::Result<String> {
    db.query_value("SELECT body FROM notes", ()).await
}

#[tokio::test]
async fn what_waits_is_sent_and_acknowledged() -> ubiqlite::Result<()> {
    let (_here, db) = device().await?;
    let (_there, other) = device().await?;
    let sent = RefCell::new(Vec::new());
    let send = async |bytes: &[u8]| -> ubiqlite::Result<()> {
        sent.borrow_mut().push(bytes.to_vec());
        Ok(())
    };
    // #region outbox
    let mut outbox = db.outbox(["notes", "settings"]).await?;
    db.execute("INSERT INTO notes VALUES ('n1', 'buy milk', 1)", ()).await?;

    while let Some(batch) = outbox.next().await? {
        send(batch.bytes()).await?;
        outbox.ack(batch.id()).await?;
    }
    // #endregion outbox
    let [bytes] = sent.into_inner().try_into().unwrap();
    let bytes: Vec<u8> = bytes;
    // #region apply
    other.apply(&bytes, Apply::theirs()).await?;
    // #endregion apply
    assert_eq!(body(&other).await?, "buy milk");
    assert!(db.outbox(["notes", "settings"]).await?.next().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn whoever_sends_waits_for_the_next_commit() -> ubiqlite::Result<()> {
    let (_here, db) = device().await?;
    let sent = Cell::new(0);
    let mut outbox = db.outbox(["notes"]).await?;
    db.execute("INSERT INTO notes VALUES ('n1', 'buy milk', 1)", ()).await?;
    let send = async |bytes: &[u8]| -> ubiqlite::Result<()> {
        assert!(!bytes.is_empty());
        sent.set(sent.get() + 1);
        match sent.get() {
            1 => db.execute("DELETE FROM notes", ()).await.map(drop),
            _ => db.close().await,
        }
    };
    let outcome: ubiqlite::Result<()> = async {
        // #region wait
        while outbox.changed().await? {
            while let Some(batch) = outbox.next().await? {
                send(batch.bytes()).await?;
                outbox.ack(batch.id()).await?;
            }
        }
        // #endregion wait
        Ok(())
    }
    .await;
    // The database was closed between the two.
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(sent.into_inner(), 2);
    Ok(())
}

#[tokio::test]
async fn a_conflict_is_data() -> ubiqlite::Result<()> {
    let (_here, db) = device().await?;
    let (_there, other) = device().await?;
    let mut outbox = other.outbox(["notes"]).await?;
    other.execute("INSERT INTO notes VALUES ('n1', 'theirs', 2)", ()).await?;
    let batch = outbox.next().await?.unwrap();
    let bytes = batch.bytes();
    db.execute("INSERT INTO notes VALUES ('n1', 'ours', 1)", ()).await?;
    // #region conflicts
    let policy = Apply::ours().newest("notes", "updated_at");
    let applied = db.apply(bytes, policy).await?;
    for conflict in applied.conflicts() {
        println!("{} {:?}: {:?}", conflict.table, conflict.key, conflict.decision);
    }
    // #endregion conflicts
    assert_eq!(applied.conflicts()[0].decision, Decision::Theirs);
    assert_eq!(body(&db).await?, "theirs");
    Ok(())
}

#[tokio::test]
async fn what_was_received_is_noted_with_it() -> ubiqlite::Result<()> {
    let (_here, db) = device().await?;
    let (_there, other) = device().await?;
    let mut outbox = other.outbox(["notes"]).await?;
    other.execute("INSERT INTO notes VALUES ('n1', 'theirs', 2)", ()).await?;
    let batch = outbox.next().await?.unwrap();
    let (bytes, number) = (batch.bytes(), 7);
    // #region transaction
    db.transaction(async |tx| {
        tx.apply(bytes, Apply::theirs()).await?;
        tx.execute("UPDATE received SET number = ?", params![number]).await
    })
    .await?;
    // #endregion transaction
    assert_eq!(db.query_value::<i64>("SELECT number FROM received", ()).await?, 7);
    assert_eq!(body(&db).await?, "theirs");
    Ok(())
}
