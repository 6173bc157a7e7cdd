//! Statements that SQLite has compiled before anybody watched. A `DELETE` of all rows that was
//! compiled without SQLite's hook never calls it, whenever it runs.

use super::{next, open, quiet};

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, v INT);
    CREATE TABLE w (k TEXT PRIMARY KEY, v INT) WITHOUT ROWID;
    CREATE TABLE events (id INTEGER PRIMARY KEY, what TEXT);
    CREATE TRIGGER clears AFTER INSERT ON events WHEN new.what = 'clear' BEGIN
        DELETE FROM t; DELETE FROM w; END;";

const FILL: &str = "INSERT INTO t VALUES (1, 1), (2, 2); INSERT INTO w VALUES ('a', 1), ('b', 2);";

const STATEMENTS: &[&[&str]] = &[
    &["DELETE FROM t", "DELETE FROM w"],
    &["UPDATE t SET v = v + 1", "UPDATE w SET v = v + 1"],
    &["INSERT INTO events (what) VALUES ('clear')"],
    &["REPLACE INTO t SELECT id, v + 1 FROM t", "REPLACE INTO w SELECT k, v + 1 FROM w"],
];

#[tokio::test]
async fn a_statement_compiled_before_the_first_watch_is_seen() {
    for statements in STATEMENTS {
        let place = open().await;
        let db = &place.db;
        db.batch(SCHEMA).await.unwrap();
        db.batch(FILL).await.unwrap();
        for statement in *statements {
            db.execute(statement, ()).await.unwrap();
        }
        // Not once, and not only the first time that somebody watches.
        for round in 0..3 {
            db.batch("DELETE FROM t WHERE id > 0; DELETE FROM w WHERE k > ''").await.unwrap();
            db.batch(FILL).await.unwrap();
            let (mut t, mut w) = (db.watch("SELECT v FROM t", ()), db.watch("SELECT v FROM w", ()));
            next(&mut t).await;
            next(&mut w).await;
            for statement in *statements {
                db.execute(statement, ()).await.unwrap();
            }
            next(&mut t).await;
            next(&mut w).await;
            quiet(&mut t).await;
            quiet(&mut w).await;
            drop((t, w));
            // And runs when nobody watches.
            if round == 1 {
                db.execute(statements[0], ()).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_statement_compiled_before_in_a_session_or_transaction_is_seen() {
    for statement in ["DELETE FROM t", "UPDATE t SET v = v + 1"] {
        let place = open().await;
        let db = &place.db;
        db.batch(SCHEMA).await.unwrap();
        db.batch(FILL).await.unwrap();
        let mut session = db.acquire().await.unwrap();
        session.execute(statement, ()).await.unwrap();
        session.batch("DELETE FROM t WHERE id > 0; INSERT INTO t VALUES (1, 1);").await.unwrap();
        let mut live = db.watch("SELECT v FROM t", ());
        assert_eq!(next(&mut live).await.len(), 1);
        session.execute(statement, ()).await.unwrap();
        next(&mut live).await;
        quiet(&mut live).await;
        drop((session, live));
        db.batch("DELETE FROM t WHERE id > 0; INSERT INTO t VALUES (1, 1);").await.unwrap();
        // Compiled and running already when somebody begins to watch.
        let mut tx = db.begin().await.unwrap();
        tx.execute(statement, ()).await.unwrap();
        tx.execute("INSERT OR REPLACE INTO t VALUES (1, 7)", ()).await.unwrap();
        let mut live = db.watch("SELECT v FROM t", ());
        assert_eq!(next(&mut live).await.len(), 1);
        tx.execute(statement, ()).await.unwrap();
        quiet(&mut live).await;
        tx.commit().await.unwrap();
        next(&mut live).await;
        quiet(&mut live).await;
    }
}
