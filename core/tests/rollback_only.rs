//! A call dropped inside a transaction: either the transaction can't be committed, or the
//! call left nothing in it.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use support::{ENDLESS, ENDLESS_INSERT, Fresh, NEVER, kind, number, poll_times, start, within};
use ubiqlite::{Database, ErrorKind, params};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE log (id INTEGER PRIMARY KEY, batch INTEGER);";

async fn fresh() -> Fresh {
    Fresh::with(Database::options().busy_timeout(NEVER), SCHEMA).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_dropped_while_it_runs_spoils_its_transaction() {
    let fresh = fresh().await;
    let db = &fresh.db;
    for endless in [ENDLESS_INSERT] {
        let mut tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO items VALUES (1, 'lost')", ()).await.unwrap();
        let mut call = Box::pin(tx.query::<(i64,)>(endless, ()));
        assert!(start(&mut call).await.is_none());
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(call);
        let next =
            within("the next call", tx.execute("INSERT INTO items VALUES (2, 'b')", ())).await;
        assert_eq!(kind(next), ErrorKind::Cancelled);
        let sp = within("a savepoint", tx.begin_savepoint()).await.map(|_| ());
        assert_eq!(kind(sp), ErrorKind::Cancelled);
        assert_eq!(kind(within("the commit", tx.commit()).await), ErrorKind::Cancelled);
        assert_eq!(number(db, "SELECT count(*) FROM items").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_dropped_while_it_runs_leaves_its_transaction_as_it_was() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO items VALUES (1, 'kept')", ()).await.unwrap();
    let mut call = Box::pin(tx.query::<(i64,)>(ENDLESS, ()));
    assert!(start(&mut call).await.is_none());
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(call);
    within("the next call", tx.execute("INSERT INTO items VALUES (2, 'b')", ())).await.unwrap();
    within("the commit", tx.commit()).await.unwrap();
    assert_eq!(number(db, "SELECT count(*) FROM items").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_dropped_while_it_runs_spoils_a_session_s_transaction() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let mut session = db.acquire().await.unwrap();
    for endless in [ENDLESS_INSERT] {
        let mut tx = session.begin().await.unwrap();
        tx.execute("INSERT INTO items VALUES (1, 'lost')", ()).await.unwrap();
        let mut call = Box::pin(tx.query::<(i64,)>(endless, ()));
        assert!(start(&mut call).await.is_none());
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(call);
        let next =
            within("the next call", tx.execute("INSERT INTO items VALUES (2, 'b')", ())).await;
        let committed = within("the commit", tx.commit()).await;
        assert_eq!(number(db, "SELECT count(*) FROM items").await, 0, "{next:?}, {committed:?}");
        assert_eq!(kind(next), ErrorKind::Cancelled);
        assert_eq!(kind(committed), ErrorKind::Cancelled);
    }
    session.execute("INSERT INTO items VALUES (3, 'kept')", ()).await.unwrap();
    assert_eq!(number(db, "SELECT count(*) FROM items").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_leaves_all_or_nothing_whatever_follows() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let long = "INSERT INTO log (batch) WITH RECURSIVE n(i) AS \
                (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT 1 FROM n";
    let (mut committed, mut refused) = (0, 0);
    for round in 0..300usize {
        let mut tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO items (name) VALUES (?)", params![round as i64]).await.unwrap();
        match round % 4 {
            0 => drop(poll_times(round % 7, tx.execute(long, ())).await),
            1 => {
                let rows = (0..1_500).map(|_| (1,));
                let many = tx.execute_many("INSERT INTO log (batch) VALUES (?)", rows);
                drop(poll_times(round % 11, many).await);
            }
            2 => {
                let savepoint = tx.savepoint(async |sp| {
                    sp.execute("INSERT INTO log (batch) VALUES (1)", ()).await?;
                    sp.execute(long, ()).await.map(|_| ())
                });
                drop(poll_times(round % 9, savepoint).await);
            }
            _ => {
                let batch = tx.batch([(long, params![]), (long, params![])]);
                drop(poll_times(round % 7, batch).await);
            }
        }
        let before: i64 = number(db, "SELECT count(*) FROM log").await;
        match within("the commit", tx.commit()).await {
            Ok(()) => {
                committed += 1;
                let added = number(db, "SELECT count(*) FROM log").await - before;
                let whole = [3_000, 1_500, 3_001, 6_000][round % 4];
                assert!(added == 0 || added == whole, "{added} rows of round {round}");
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error.kind(), ErrorKind::Cancelled);
                let now = number(db, "SELECT count(*) FROM log").await;
                assert_eq!(now, before, "a refused commit leaves nothing");
            }
        }
    }
    println!("{committed} were committed, {refused} refused");
    assert_eq!(number(db, "SELECT count(*) FROM items").await, committed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dropped_savepoint_did_is_never_read_after_it() {
    let fresh = fresh().await;
    let mut tx = fresh.db.begin().await.unwrap();
    let count = "SELECT count(*) FROM items";
    for round in 0..5_000 {
        let mut sp = tx.begin_savepoint().await.unwrap();
        sp.execute("INSERT INTO items (name) VALUES ('undone')", ()).await.unwrap();
        if round % 2 == 0 {
            assert_eq!(sp.query_value::<i64>(count, ()).await.unwrap(), 1);
        }
        drop(sp);
        // The thread that undoes it may have just begun.
        for _ in 0..round % 400 {
            std::hint::spin_loop();
        }
        assert_eq!(tx.query_value::<i64>(count, ()).await.unwrap(), 0, "round {round}");
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_commit_beside_a_savepoint_that_was_forgotten_is_refused_and_keeps_nothing() {
    let it = Fresh::with(Database::options(), "CREATE TABLE kept (x)").await;
    let mut tx = it.db.begin().await.unwrap();
    tx.execute("INSERT INTO kept VALUES (1)", ()).await.unwrap();
    let mut savepoint = tx.begin_savepoint().await.unwrap();
    savepoint.execute("INSERT INTO kept VALUES (2)", ()).await.unwrap();
    std::mem::forget(savepoint);
    let refused = within("a commit", tx.commit()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{refused}");
    within("a write", it.db.execute("INSERT INTO kept VALUES (3)", ())).await.unwrap();
    let rows: Vec<(i64,)> = it.db.query("SELECT x FROM kept", ()).await.unwrap();
    assert_eq!(rows, [(3,)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_done_and_dropped_unseen_spoils_its_transaction() {
    let it = fresh().await;
    // More than runs inline on the caller's thread.
    let many = "INSERT INTO log (batch) WITH RECURSIVE n(i) AS \
        (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n";
    for _ in 0..20 {
        let mut tx = it.db.begin().await.unwrap();
        let mut call = Box::pin(tx.execute(many, ()));
        if start(&mut call).await.is_some() {
            // The writer's thread finished it before this thread polled again.
            drop(call);
            within("a rollback", tx.rollback()).await.unwrap();
            continue;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(call);
        let refused = within("a commit", tx.commit()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Cancelled, "{refused}");
        assert_eq!(number(&it.db, "SELECT count(*) FROM log").await, 0);
        return;
    }
    panic!("every call was done at once");
}
