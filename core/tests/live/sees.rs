//! Each kind of statement that changes what a query returns, those that other libraries miss
//! included, is seen by a watch; and what changes nothing is not.

use ubiqlite::ErrorKind;

use super::{next, open, quiet, texts, truth};

const SCHEMA: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, price REAL);
    CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
    CREATE TABLE copies (id INTEGER PRIMARY KEY, name TEXT UNIQUE, price REAL);
    CREATE TABLE kv_copies (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
    CREATE TABLE parents (id INTEGER PRIMARY KEY, v INT);
    CREATE TABLE children (id INTEGER PRIMARY KEY,
        parent INT REFERENCES parents (id) ON DELETE CASCADE,
        other INT REFERENCES parents (id) ON DELETE SET NULL, v INT);
    CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT);
    CREATE TRIGGER logs AFTER UPDATE OF v ON parents BEGIN
        INSERT INTO log (message) VALUES ('parent ' || new.id); END;
    CREATE VIEW cheap AS SELECT id, name FROM items WHERE price < 5;
    CREATE TRIGGER cheap_insert INSTEAD OF INSERT ON cheap BEGIN
        INSERT INTO items (name, price) VALUES (new.name, 1); END;
    CREATE VIRTUAL TABLE notes USING fts5(body);
    CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
    CREATE TABLE computed (id INTEGER PRIMARY KEY, a INT, b INT AS (a * 2) VIRTUAL,
        c INT AS (a * 3) STORED);
    INSERT INTO items VALUES (1, 'lamp', 10), (2, 'sofa', 20), (3, 'pen', 1);
    INSERT INTO copies VALUES (7, 'old', 1);
    INSERT INTO kv VALUES ('a', '1'), ('b', '2');
    INSERT INTO parents VALUES (1, 1), (2, 2);
    INSERT INTO children VALUES (1, 1, 2, 1), (2, 1, 1, 2), (3, 2, 2, 3);
    INSERT INTO notes (rowid, body) VALUES (1, 'one two'), (2, 'two three');
    INSERT INTO boxes VALUES (1, 0, 1), (2, 5, 6);
    INSERT INTO computed (id, a) VALUES (1, 1);
";

/// A query, a change of what it returns, and what the change is called.
const CHANGES: &[(&str, &str, &str)] = &[
    ("INSERT", "SELECT * FROM items", "INSERT INTO items VALUES (9, 'cup', 2)"),
    ("UPDATE", "SELECT * FROM items", "UPDATE items SET price = 11 WHERE id = 1"),
    ("UPDATE of the rowid", "SELECT price FROM items", "UPDATE items SET id = 99 WHERE id = 1"),
    ("DELETE WHERE", "SELECT * FROM items", "DELETE FROM items WHERE id = 1"),
    ("DELETE of all", "SELECT count(*) FROM items", "DELETE FROM items"),
    ("DELETE of all, by a script", "SELECT * FROM kv", "DELETE FROM items; DELETE FROM kv;"),
    ("upsert", "SELECT * FROM items",
        "INSERT INTO items VALUES (1, 'lamp', 5) ON CONFLICT (id) DO UPDATE SET price = 77"),
    ("UPDATE FROM", "SELECT * FROM items",
        "UPDATE items SET price = k.v FROM kv AS k WHERE k.k = 'b' AND items.id = 1"),
    ("INSERT of a SELECT of all", "SELECT * FROM copies", "INSERT INTO copies SELECT * FROM items"),
    ("REPLACE, the row pushed out", "SELECT * FROM items WHERE id = 1",
        "REPLACE INTO items VALUES (8, 'lamp', 3)"),
    ("UPDATE OR REPLACE, the row pushed out", "SELECT * FROM items WHERE id = 1",
        "UPDATE OR REPLACE items SET name = 'lamp' WHERE id = 2"),
    ("WITHOUT ROWID: INSERT", "SELECT * FROM kv", "INSERT INTO kv VALUES ('c', '3')"),
    ("WITHOUT ROWID: UPDATE", "SELECT * FROM kv", "UPDATE kv SET v = '9' WHERE k = 'a'"),
    ("WITHOUT ROWID: UPDATE of the key", "SELECT v FROM kv", "UPDATE kv SET k = 'z' WHERE k = 'a'"),
    ("WITHOUT ROWID: DELETE", "SELECT * FROM kv", "DELETE FROM kv WHERE k = 'a'"),
    ("WITHOUT ROWID: DELETE of all", "SELECT * FROM kv", "DELETE FROM kv"),
    ("WITHOUT ROWID: INSERT of a SELECT of all", "SELECT * FROM kv_copies",
        "INSERT INTO kv_copies SELECT * FROM kv"),
    ("ON DELETE CASCADE", "SELECT id FROM children", "DELETE FROM parents WHERE id = 1"),
    ("ON DELETE SET NULL", "SELECT other FROM children WHERE id = 3",
        "DELETE FROM children WHERE parent = 2 AND id <> 3; DELETE FROM parents WHERE id = 1;
         UPDATE children SET other = 2 WHERE id = 3 AND other IS NULL; UPDATE children SET other = NULL"),
    ("DELETE of all, with children", "SELECT id FROM children", "DELETE FROM parents"),
    ("a trigger", "SELECT message FROM log", "UPDATE parents SET v = 5 WHERE id = 2"),
    ("INSTEAD OF", "SELECT name FROM items", "INSERT INTO cheap (name) VALUES ('nail')"),
    ("a view", "SELECT * FROM cheap", "UPDATE items SET price = 2 WHERE id = 1"),
    ("FTS5: INSERT", "SELECT rowid FROM notes WHERE notes MATCH 'two'",
        "INSERT INTO notes (body) VALUES ('two')"),
    ("FTS5: UPDATE", "SELECT body FROM notes", "UPDATE notes SET body = 'four' WHERE rowid = 1"),
    ("FTS5: DELETE", "SELECT body FROM notes", "DELETE FROM notes WHERE rowid = 1"),
    ("FTS5: DELETE of all", "SELECT body FROM notes", "DELETE FROM notes"),
    ("R-Tree: INSERT", "SELECT id FROM boxes WHERE x0 > 1", "INSERT INTO boxes VALUES (3, 7, 8)"),
    ("R-Tree: UPDATE", "SELECT id FROM boxes WHERE x0 > 1", "UPDATE boxes SET x0 = 2, x1 = 3 WHERE id = 1"),
    ("R-Tree: DELETE", "SELECT id FROM boxes", "DELETE FROM boxes WHERE id = 2"),
    ("a generated column", "SELECT b FROM computed", "UPDATE computed SET a = 2"),
    ("a stored generated column", "SELECT c FROM computed", "UPDATE computed SET a = 2"),
    ("ADD COLUMN", "SELECT * FROM kv", "ALTER TABLE kv ADD COLUMN more INT DEFAULT 3"),
    ("DROP COLUMN", "SELECT * FROM kv", "ALTER TABLE kv DROP COLUMN v"),
    ("a view made anew", "SELECT * FROM cheap",
        "DROP VIEW cheap; CREATE VIEW cheap AS SELECT id FROM items;"),
    ("a table made anew", "SELECT count(*) FROM kv",
        "DROP TABLE kv; CREATE TABLE kv (k TEXT, v TEXT);"),
    ("the list of tables", "SELECT name FROM sqlite_schema WHERE type = 'table'",
        "CREATE TABLE another (a)"),
    ("AUTOINCREMENT's sequence", "SELECT seq FROM sqlite_sequence WHERE name = 'log'",
        "INSERT INTO log (message) VALUES ('x')"),
    ("the order of an index", "SELECT name, price FROM items ORDER BY price",
        "UPDATE items SET price = 100 WHERE id = 3"),
    ("RETURNING", "SELECT * FROM items", "UPDATE items SET price = 4 WHERE id = 1 RETURNING id"),
    ("a table-valued function of a column", "SELECT value FROM kv, json_each(kv.v)",
        "UPDATE kv SET v = '[1, 2]' WHERE k = 'a'"),
    ("a common table expression", "WITH x AS (SELECT v FROM kv) SELECT count(*) FROM x WHERE v > '1'",
        "UPDATE kv SET v = '7' WHERE k = 'a'"),
];

#[tokio::test]
async fn a_watch_sees_each_kind_of_change() {
    for (kind, query, change) in CHANGES {
        // Prepared before anybody watches, or after: SQLite compiles a DELETE of all in another way.
        for compiled_before in [false, true] {
            let place = open().await;
            let db = &place.db;
            db.batch(SCHEMA).await.unwrap();
            if compiled_before && !change.contains(';') {
                // In a transaction that is rolled back, so that the writer has it compiled.
                let mut tx = db.begin().await.unwrap();
                tx.execute(change, ()).await.unwrap();
                tx.rollback().await.unwrap();
            }
            let mut live = db.watch(query, ());
            let first = next(&mut live).await;
            assert_eq!(texts(&first), truth(db, query).await, "{kind}: the first result");
            if change.contains(';') {
                db.batch(*change).await.unwrap();
            } else {
                db.query::<ubiqlite::Row>(change, ()).await.unwrap();
            }
            let second = next(&mut live).await;
            let after = truth(db, query).await;
            assert_eq!(texts(&second), after, "{kind}");
            assert!(
                texts(&second) != texts(&first)
                    || second.iter().next().map(|row| row.len())
                        != first.iter().next().map(|row| row.len()),
                "{kind}: it is a change"
            );
            quiet(&mut live).await;
            db.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_changes_nothing_tells_nobody() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut live = db.watch("SELECT * FROM items", ());
    next(&mut live).await;
    for change in [
        "UPDATE items SET price = price",
        "DELETE FROM items WHERE id = 1000",
        "INSERT OR IGNORE INTO items VALUES (1, 'x', 1)",
        "INSERT INTO kv VALUES ('other', 'table')",
        "CREATE TABLE unrelated (a)",
        "CREATE INDEX by_price ON items (price)",
        "ANALYZE",
        "REINDEX items",
        "VACUUM",
    ] {
        db.query::<ubiqlite::Row>(change, ()).await.unwrap();
        quiet(&mut live).await;
    }
    // What is rolled back, and what fails.
    let mut tx = db.begin().await.unwrap();
    tx.execute("DELETE FROM items", ()).await.unwrap();
    quiet(&mut live).await;
    tx.rollback().await.unwrap();
    quiet(&mut live).await;
    let many = "INSERT INTO items VALUES (50, 'fifty', 1), (1, 'again', 1)";
    assert_eq!(db.execute(many, ()).await.unwrap_err().kind(), ErrorKind::PrimaryKeyViolation);
    quiet(&mut live).await;
    let mut tx = db.begin().await.unwrap();
    let mut point = tx.begin_savepoint().await.unwrap();
    point.execute("DELETE FROM items", ()).await.unwrap();
    point.rollback().await.unwrap();
    tx.execute("INSERT INTO kv VALUES ('within', 'a transaction')", ()).await.unwrap();
    tx.commit().await.unwrap();
    quiet(&mut live).await;
}

#[tokio::test]
async fn parameters_belong_to_the_query() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let sql = "SELECT name FROM items WHERE name LIKE ? AND price > ?";
    let mut lamps = db.watch(sql, ubiqlite::params!["l%", 1]);
    let mut sofas = db.watch(sql, ubiqlite::params!["s%", 1]);
    let mut named = db.watch(
        "SELECT price FROM items WHERE id = :id",
        [("id", 1)].into_iter().collect::<ubiqlite::Record>(),
    );
    assert_eq!(texts(&next(&mut lamps).await).len(), 1);
    assert_eq!(texts(&next(&mut sofas).await).len(), 1);
    assert_eq!(next(&mut named).await.len(), 1);
    db.execute("UPDATE items SET name = 'lamps' WHERE id = 1", ()).await.unwrap();
    assert_eq!(next(&mut lamps).await.rows::<(String,)>().unwrap()[0].0, "lamps");
    quiet(&mut sofas).await;
    quiet(&mut named).await;
}

#[tokio::test]
async fn a_transaction_is_seen_whole_and_once() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut live = db.watch("SELECT id FROM items ORDER BY id", ()).key("id");
    next(&mut live).await;
    let mut tx = db.begin().await.unwrap();
    tx.execute("DELETE FROM items WHERE id = 1", ()).await.unwrap();
    tx.execute("INSERT INTO items VALUES (4, 'four', 4), (5, 'five', 5)", ()).await.unwrap();
    quiet(&mut live).await;
    tx.commit().await.unwrap();
    let update = next(&mut live).await;
    let diff = update.diff();
    assert_eq!((diff.added, diff.removed, diff.updated), (vec![2, 3], vec![0], vec![]));
    quiet(&mut live).await;
    // And what a session commits, in a transaction of its own words.
    let mut session = db.acquire().await.unwrap();
    session.execute("BEGIN", ()).await.unwrap();
    session.execute("UPDATE items SET id = 40 WHERE id = 4", ()).await.unwrap();
    quiet(&mut live).await;
    session.execute("COMMIT", ()).await.unwrap();
    assert_eq!(texts(&next(&mut live).await).len(), 4);
}

#[tokio::test]
async fn the_grain_of_a_foreign_key_that_sets_null_is_the_column() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    db.execute("INSERT INTO parents VALUES (3, 3)", ()).await.unwrap();
    db.execute("INSERT INTO children VALUES (9, 1, 3, 9)", ()).await.unwrap();
    let mut live = db.watch("SELECT other FROM children WHERE id = 9", ());
    next(&mut live).await;
    db.execute("DELETE FROM parents WHERE id = 3", ()).await.unwrap();
    assert_eq!(texts(&next(&mut live).await), ["Null"]);
}

#[tokio::test]
async fn what_can_not_be_watched_is_refused_and_not_done() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    for statement in [
        "DELETE FROM items",
        "INSERT INTO items (name) VALUES ('x') RETURNING id",
        "PRAGMA user_version",
        "VACUUM",
    ] {
        let error = db.watch(statement, ()).try_next().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{statement}: {error}");
    }
    let count: i64 = db.query_value("SELECT count(*) FROM items", ()).await.unwrap();
    assert_eq!(count, 3);
    let missing = db.watch("SELECT * FROM nowhere", ()).try_next().await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NoSuchTable);
    let syntax = db.watch("SELEC", ()).try_next().await.unwrap_err();
    assert_eq!(syntax.kind(), ErrorKind::Syntax);
    let params = db.watch("SELECT ?", ()).try_next().await.unwrap_err();
    assert_eq!(params.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn a_dropped_table_ends_its_watch_with_an_error_and_no_other() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let (mut lost, mut kept) =
        (db.watch("SELECT * FROM kv", ()), db.watch("SELECT * FROM items", ()));
    next(&mut lost).await;
    next(&mut kept).await;
    db.execute("DROP TABLE kv", ()).await.unwrap();
    assert_eq!(lost.try_next().await.unwrap_err().kind(), ErrorKind::NoSuchTable);
    assert!(lost.try_next().await.unwrap().is_none(), "it has ended");
    quiet(&mut kept).await;
    db.execute("DELETE FROM items WHERE id = 1", ()).await.unwrap();
    assert_eq!(next(&mut kept).await.len(), 2);
}

#[tokio::test]
async fn a_query_is_learned_of_the_schema_that_it_runs_on() {
    let place = open().await;
    let db = &place.db;
    db.batch("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)").await.unwrap();
    let mut live = db.watch("SELECT * FROM t", ());
    next(&mut live).await;
    // The connection that reads has the old schema until a statement runs on it.
    db.execute("ALTER TABLE t ADD COLUMN b INT DEFAULT 2", ()).await.unwrap();
    assert_eq!(texts(&next(&mut live).await), ["Integer(1) Integer(2)"]);
    db.execute("UPDATE t SET b = 3", ()).await.unwrap();
    assert_eq!(texts(&next(&mut live).await), ["Integer(1) Integer(3)"]);
}

#[tokio::test]
async fn a_key_that_the_query_does_not_return_ends_the_watch() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut live = db.watch("SELECT id FROM items", ()).key("missing");
    assert_eq!(live.try_next().await.unwrap_err().kind(), ErrorKind::InvalidArgument);
    db.execute("DELETE FROM items", ()).await.unwrap();
    assert!(live.try_next().await.unwrap().is_none(), "it has ended");
}

#[tokio::test]
async fn closing_ends_a_watch_that_waits() {
    let place = open().await;
    place.db.batch(SCHEMA).await.unwrap();
    let mut live = place.db.watch("SELECT * FROM items", ());
    next(&mut live).await;
    let waits = tokio::spawn(async move {
        let end = live.try_next().await.unwrap();
        (end.is_none(), live.try_next().await.unwrap().is_none())
    });
    tokio::task::yield_now().await;
    place.db.close().await.unwrap();
    assert_eq!(waits.await.unwrap(), (true, true));
    let late = place.db.watch("SELECT 1", ()).try_next().await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn touched_tables_run_their_queries_again() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut live = db.watch("SELECT random() FROM items WHERE id = 1", ());
    let first = texts(&next(&mut live).await);
    db.touch(["kv"]);
    quiet(&mut live).await;
    db.touch(["ITEMS"]);
    assert_ne!(texts(&next(&mut live).await), first);
}

#[tokio::test]
async fn what_was_learned_inside_a_transaction_ends_with_it() {
    let place = open().await;
    let db = &place.db;
    db.batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b INT); INSERT INTO t VALUES (1, 1, 1);",
    )
    .await
    .unwrap();
    let mut live = db.watch("SELECT b FROM t", ());
    next(&mut live).await;
    let mut tx = db.begin().await.unwrap();
    tx.execute("ALTER TABLE t DROP COLUMN a", ()).await.unwrap();
    tx.execute("ALTER TABLE t ADD COLUMN c INT", ()).await.unwrap();
    tx.execute("UPDATE t SET c = 5", ()).await.unwrap();
    tx.rollback().await.unwrap();
    db.execute("UPDATE t SET b = 9 WHERE id = 1", ()).await.unwrap();
    assert_eq!(texts(&next(&mut live).await), ["Integer(9)"]);
    // And with a temporary table of the same name beside it.
    let mut session = db.acquire().await.unwrap();
    session
        .execute("CREATE TEMP TABLE t (id INTEGER PRIMARY KEY, b INT, a INT)", ())
        .await
        .unwrap();
    session.execute("UPDATE main.t SET b = 10", ()).await.unwrap();
    assert_eq!(texts(&next(&mut live).await), ["Integer(10)"]);
}

#[tokio::test]
async fn a_statement_from_before_a_trigger_is_known_to_fire_it() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let change = "UPDATE kv SET v = v || 'x' WHERE k = 'a'";
    db.execute(change, ()).await.unwrap();
    db.batch("INSERT INTO log (message) VALUES ('one'); CREATE TRIGGER clears AFTER UPDATE ON kv BEGIN DELETE FROM log; END;")
        .await
        .unwrap();
    // SQLite compiles it again here, when nobody watches.
    db.execute(change, ()).await.unwrap();
    db.execute("INSERT INTO log (message) VALUES ('two')", ()).await.unwrap();
    let mut live = db.watch("SELECT message FROM log", ());
    assert_eq!(next(&mut live).await.len(), 1);
    db.execute(change, ()).await.unwrap();
    assert!(next(&mut live).await.is_empty());
}

#[tokio::test]
async fn a_number_in_the_files_header_is_seen() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut live = db.watch("SELECT user_version FROM pragma_user_version", ());
    next(&mut live).await;
    db.execute("PRAGMA user_version = 7", ()).await.unwrap();
    assert_eq!(texts(&next(&mut live).await), ["Integer(7)"]);
}

#[tokio::test]
async fn what_is_learned_in_a_savepoint_that_is_rolled_back_is_forgotten() {
    let place = open().await;
    let db = &place.db;
    db.batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b INT); INSERT INTO t VALUES (1, 1, 1)",
    )
    .await
    .unwrap();
    let mut live = db.watch("SELECT a FROM t", ());
    next(&mut live).await;
    let mut tx = db.begin().await.unwrap();
    let mut savepoint = tx.begin_savepoint().await.unwrap();
    // The columns have changed places, and it is learned so.
    for sql in
        ["ALTER TABLE t DROP COLUMN a", "ALTER TABLE t ADD COLUMN a INT", "UPDATE t SET a = 5"]
    {
        savepoint.execute(sql, ()).await.unwrap();
    }
    savepoint.rollback().await.unwrap();
    tx.commit().await.unwrap();
    quiet(&mut live).await;
    db.execute("UPDATE t SET a = 2", ()).await.unwrap();
    assert_eq!(texts(&next(&mut live).await), ["Integer(2)"]);
}
