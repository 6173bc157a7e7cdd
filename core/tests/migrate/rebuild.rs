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

/// A table with triggers of its own, of another table's and of a view's, and what they do.
async fn with_triggers(triggers: &str, form: &'static str) -> std::result::Result<(), String> {
    let (_place, db) = fresh().await;
    let tables = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, old TEXT);
        CREATE TABLE log (what); CREATE TABLE parts (item, what);
        CREATE VIEW names AS SELECT id, name FROM items;";
    db.batch(&*format!("{tables}{triggers}")).await.unwrap();
    let made = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid";
    let before: Vec<(String, String)> = db.query(made, ()).await.unwrap();
    let done = db.migrations(&files(&[("1_form.sql", form)])).run().await;
    let mut after: Vec<(String, String)> = db.query(made, ()).await.unwrap();
    if done.is_ok() {
        // Those of the table are made anew, after the others.
        after.sort();
        let mut before = before;
        before.sort();
        assert_eq!(after, before);
    } else {
        assert_eq!(after, before, "nothing is done");
    }
    done.map(drop).map_err(|error| error.message().to_owned())
}

#[tokio::test]
async fn a_trigger_that_would_fail_from_now_on_is_refused_by_name() {
    const FORM: &str = "-- rebuild: items\nCREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)";
    let sound = "CREATE TRIGGER sound AFTER DELETE ON items BEGIN INSERT INTO log VALUES (old.name); END;
        CREATE TRIGGER view_set INSTEAD OF UPDATE ON names BEGIN UPDATE items SET name = new.name; END;
        CREATE TRIGGER view_gone INSTEAD OF DELETE ON names BEGIN DELETE FROM items; END;";
    with_triggers(sound, FORM).await.unwrap();
    for bad in [
        "CREATE TRIGGER bad AFTER UPDATE ON items BEGIN INSERT INTO log VALUES (old.old); END;",
        "CREATE TRIGGER bad AFTER INSERT ON items WHEN new.old > 0 BEGIN INSERT INTO log VALUES (1); END;",
        "CREATE TRIGGER bad BEFORE DELETE ON items BEGIN INSERT INTO log VALUES (old.old); END;",
        "CREATE TRIGGER bad AFTER UPDATE OF old ON items BEGIN INSERT INTO log VALUES (1); END;",
        "CREATE TRIGGER bad AFTER INSERT ON parts BEGIN UPDATE items SET old = new.what; END;",
        "CREATE TRIGGER bad AFTER INSERT ON parts BEGIN INSERT INTO log SELECT old FROM items; END;",
        "CREATE TRIGGER bad INSTEAD OF INSERT ON names BEGIN INSERT INTO items (old) VALUES (1); END;",
    ] {
        // Whichever is made first, and also where a sound one fires it.
        let fires =
            "CREATE TRIGGER fires AFTER INSERT ON log BEGIN INSERT INTO parts VALUES (1, 2); END;";
        for triggers in [format!("{sound}{bad}{fires}"), format!("{bad}{fires}{sound}")] {
            let message = with_triggers(&triggers, FORM).await.expect_err(&triggers);
            assert!(message.contains("the trigger bad") && message.contains("line 2"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_trigger_that_has_failed_before_does_not_stop_a_new_form() {
    const FORM: &str = "-- rebuild: items\nCREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)";
    let failing =
        "CREATE TRIGGER failing AFTER INSERT ON items BEGIN INSERT INTO missing VALUES (1); END;";
    with_triggers(failing, FORM).await.unwrap();
    let bad =
        "CREATE TRIGGER bad AFTER INSERT ON items BEGIN INSERT INTO log VALUES (new.old); END;";
    let message = with_triggers(&format!("{failing}{bad}"), FORM).await.unwrap_err();
    assert!(message.contains("the trigger bad"), "{message}");
}

#[tokio::test]
async fn a_trigger_that_is_dropped_first_and_made_anew_is_no_obstacle() {
    let (_place, db) = fresh().await;
    let form = "-- rebuild: items\nDROP TRIGGER noted;
        CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TRIGGER noted AFTER INSERT ON items BEGIN INSERT INTO log VALUES (new.name); END";
    let before = "CREATE TABLE items (id INTEGER PRIMARY KEY, old TEXT); CREATE TABLE log (what);
        CREATE TRIGGER noted AFTER INSERT ON items BEGIN INSERT INTO log VALUES (new.old); END";
    db.migrations(&files(&[("1_a.sql", before), ("2_b.sql", form)])).run().await.unwrap();
    db.execute("INSERT INTO items (name) VALUES ('lamp')", ()).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM log WHERE what = 'lamp'").await, 1);
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
