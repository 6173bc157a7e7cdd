//! Tables that get another form by `-- rebuild`.

use super::*;

const BEFORE: (&str, &str) = (
    "1_items.sql",
    "CREATE TABLE items (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, price TEXT, old_column TEXT);
     CREATE TABLE parts (item INTEGER REFERENCES items ON DELETE CASCADE, what TEXT);
     CREATE TABLE log (what TEXT);
     CREATE INDEX items_by_name ON items (name COLLATE NOCASE) WHERE name IS NOT NULL;
     CREATE TRIGGER items_deleted AFTER DELETE ON items BEGIN INSERT INTO log VALUES (old.name); END;
     INSERT INTO parts VALUES (1, 'bulb'), (2, 'leg'), (2, 'top');
     CREATE TRIGGER parts_added AFTER INSERT ON parts BEGIN UPDATE items SET price = 0 WHERE id = new.item; END;
     CREATE VIEW names AS SELECT id, name FROM items;
     CREATE TRIGGER names_set INSTEAD OF UPDATE ON names BEGIN UPDATE items SET name = new.name WHERE id = new.id; END;
     INSERT INTO items (name, price) VALUES ('lamp', '20'), ('desk', '300'), ('gone', '1');
     DELETE FROM items WHERE name = 'gone'; DELETE FROM log;",
);

const NEW_FORM: &str = "-- rebuild: items
CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (length(items.name) > 0),
    price INTEGER NOT NULL DEFAULT 7,
    status TEXT NOT NULL DEFAULT 'new'
) STRICT";

#[tokio::test]
async fn nothing_in_and_around_the_table_is_lost() {
    let (_place, db) = fresh().await;
    let all = files(&[BEFORE]);
    db.migrations(&all).run().await.unwrap();
    let children = "SELECT sql FROM sqlite_schema WHERE name IN ('parts', 'names', 'parts_added', 'names_set', 'items_by_name', 'items_deleted') ORDER BY name";
    let before: Vec<(String,)> = db.query(children, ()).await.unwrap();
    let all = Migrations::new([BEFORE, ("2_form.sql", NEW_FORM)]).unwrap();
    db.migrations(&all).run().await.unwrap();
    let after: Vec<(String,)> = db.query(children, ()).await.unwrap();
    assert_eq!((before.len(), before), (6, after), "children, views, triggers and indexes");

    let rows: Vec<(i64, String, i64, String)> =
        db.query("SELECT * FROM items ORDER BY id", ()).await.unwrap();
    assert_eq!(rows[0], (1, "lamp".into(), 20, "new".into()));
    assert_eq!(rows[1], (2, "desk".into(), 300, "new".into()));
    assert_eq!(number(&db, "SELECT count(*) FROM parts").await, 3);
    assert_eq!(number(&db, "SELECT count(*) FROM names").await, 2);
    let form: String =
        db.query_value("SELECT sql FROM sqlite_schema WHERE name = 'items'", ()).await.unwrap();
    assert_eq!(
        Some(form.as_str()),
        NEW_FORM.split_once('\n').map(|(_, form)| form),
        "word for word"
    );

    db.execute("UPDATE names SET name = 'light' WHERE id = 1", ()).await.unwrap();
    db.execute("INSERT INTO parts VALUES (1, 'shade')", ()).await.unwrap();
    assert_eq!(number(&db, "SELECT price FROM items WHERE name = 'light'").await, 0);
    db.execute("DELETE FROM items WHERE id = 1", ()).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM log WHERE what = 'light'").await, 1);
    assert_eq!(number(&db, "SELECT count(*) FROM parts").await, 2, "they cascade");
    let id = db.execute("INSERT INTO items (name) VALUES ('chair')", ()).await.unwrap().last_row_id;
    assert_eq!(id, 4, "a key is not given again: 3 was deleted before");
    let plan: Vec<(i64, i64, i64, String)> = db
        .query("EXPLAIN QUERY PLAN SELECT 1 FROM items WHERE name = 'x' COLLATE NOCASE", ())
        .await
        .unwrap();
    assert!(plan[0].3.contains("items_by_name"), "{plan:?}");
    assert_eq!(tables(&db).await, ["items", "log", "parts"]);
    let sound: String = db.query_value("PRAGMA integrity_check", ()).await.unwrap();
    assert_eq!(sound, "ok");
}

async fn refused_form(form: &'static str) -> (ErrorKind, String) {
    let (_place, db) = fresh().await;
    let all = files(&[BEFORE, ("2_form.sql", form)]);
    let refused = refused(db.migrations(&all).run().await);
    assert_eq!(number(&db, "SELECT count(old_column) + count(*) FROM items").await, 2);
    assert_eq!(number(&db, "SELECT count(*) FROM parts").await, 3);
    refused
}

#[tokio::test]
async fn what_would_be_missing_is_refused_by_name() {
    let (kind, message) = refused_form("-- rebuild: items\nCREATE TABLE items (id INTEGER PRIMARY KEY, name, weight REAL NOT NULL)").await;
    assert_eq!(kind, ErrorKind::InvalidArgument);
    assert!(message.contains("weight") && message.contains("line 2"), "{message}");
    let (_, message) =
        refused_form("-- rebuild: items\nCREATE TABLE items (id INTEGER PRIMARY KEY)").await;
    assert!(message.contains("index items_by_name"), "{message}");
    let (_, message) = refused_form(
        "-- rebuild: items\nDROP INDEX items_by_name;\nCREATE TABLE items (id INTEGER PRIMARY KEY)",
    )
    .await;
    assert!(message.contains("view names"), "{message}");
    let (kind, _) = refused_form("-- rebuild: missing\nCREATE TABLE missing (x)").await;
    assert_eq!(kind, ErrorKind::NoSuchTable);
    let (_, message) = refused_form("-- rebuild: items\nCREATE TABLE items (other)").await;
    assert!(message.contains("no column"), "{message}");
    let (kind, _) = refused_form("-- rebuild: items\nCREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, price TEXT CHECK (price > '9'))").await;
    assert_eq!(kind, ErrorKind::CheckViolation);
}

#[tokio::test]
async fn rows_without_a_key_keep_their_number() {
    let (_place, db) = fresh().await;
    let all = files(&[
        (
            "1_a.sql",
            "CREATE TABLE a (x, y); INSERT INTO a (rowid, x) VALUES (7, 'seven'), (9, 'nine')",
        ),
        ("2_b.sql", "-- rebuild: a\nCREATE TABLE a (x TEXT, z)"),
        ("3_c.sql", "-- rebuild: A\nCREATE TABLE \"a\" (id INTEGER PRIMARY KEY, x TEXT)"),
    ]);
    db.migrations(&all).run().await.unwrap();
    assert_eq!(number(&db, "SELECT id FROM a WHERE x = 'nine'").await, 9);
}

#[tokio::test]
async fn tables_with_and_without_rowids_become_each_other() {
    let (_place, db) = fresh().await;
    let all = files(&[
        (
            "1_a.sql",
            "CREATE TABLE a (k TEXT PRIMARY KEY, v, g AS (v + 1)); INSERT INTO a (k, v) VALUES ('x', 1)",
        ),
        (
            "2_b.sql",
            "-- rebuild: a\nCREATE TABLE a (k TEXT PRIMARY KEY, v, g AS (v + 2)) WITHOUT ROWID",
        ),
    ]);
    db.migrations(&all).run().await.unwrap();
    assert_eq!(number(&db, "SELECT g FROM a WHERE k = 'x'").await, 3);
    let back = files(&[
        (
            "1_a.sql",
            "CREATE TABLE a (k TEXT PRIMARY KEY, v, g AS (v + 1)); INSERT INTO a (k, v) VALUES ('x', 1)",
        ),
        (
            "2_b.sql",
            "-- rebuild: a\nCREATE TABLE a (k TEXT PRIMARY KEY, v, g AS (v + 2)) WITHOUT ROWID",
        ),
        ("3_c.sql", "-- rebuild: a\nCREATE TABLE a (k TEXT PRIMARY KEY, v, n NOT NULL DEFAULT 5)"),
    ]);
    db.migrations(&back).run().await.unwrap();
    assert_eq!(number(&db, "SELECT v + n FROM a").await, 6);
}

#[tokio::test]
async fn a_table_that_refers_to_itself_goes_on_to() {
    let (_place, db) = fresh().await;
    let all = files(&[
        (
            "1_tree.sql",
            "CREATE TABLE tree (id INTEGER PRIMARY KEY, up REFERENCES tree ON DELETE CASCADE);
            INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2)",
        ),
        (
            "2_tree.sql",
            "-- rebuild: tree\nCREATE TABLE tree (id INTEGER PRIMARY KEY, up INTEGER REFERENCES tree ON DELETE CASCADE, name TEXT)",
        ),
    ]);
    db.migrations(&all).run().await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM tree").await, 3);
    db.execute("DELETE FROM tree WHERE id = 1", ()).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM tree").await, 0);
}

#[tokio::test]
async fn what_analyze_has_found_out_stays() {
    let (_place, db) = fresh().await;
    db.migrations(&files(&[BEFORE])).run().await.unwrap();
    db.execute("ANALYZE", ()).await.unwrap();
    let found = "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY tbl, idx";
    let before: Vec<(String, Option<String>, String)> = db.query(found, ()).await.unwrap();
    assert!(before.iter().any(|(table, ..)| table == "items"), "{before:?}");
    db.migrations(&files(&[BEFORE, ("2_form.sql", NEW_FORM)])).run().await.unwrap();
    let after: Vec<(String, Option<String>, String)> = db.query(found, ()).await.unwrap();
    assert_eq!(after, before);
}
