//! Schemas that somebody has changed by hand.

use super::*;
use ubiqlite::DriftKind;

const SCHEMA: (&str, &str) = (
    "1_items.sql",
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE CHECK (name <> ''), maker REFERENCES makers);
     CREATE TABLE makers (id INTEGER PRIMARY KEY);
     CREATE INDEX items_by_maker ON items (maker);
     CREATE VIEW names AS SELECT name FROM items;
     CREATE TRIGGER t AFTER INSERT ON items BEGIN SELECT 1; END;
     CREATE VIRTUAL TABLE found USING fts5(name)",
);

async fn drift(change: &str) -> Vec<String> {
    let (place, db) = fresh().await;
    let all = files(&[SCHEMA]);
    db.migrations(&all).run().await.unwrap();
    assert!(db.migrations(&all).verify().await.unwrap().is_empty());
    place.outside().execute_batch(change).unwrap();
    let found = db.migrations(&all).verify().await.unwrap();
    found.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn each_kind_of_change_is_told() {
    for (change, told) in [
        (
            "ALTER TABLE items ADD COLUMN price REAL NOT NULL DEFAULT 1",
            "table items: column price: not there before, now REAL NOT NULL DEFAULT 1",
        ),
        ("DROP INDEX items_by_maker", "index items_by_maker: gone"),
        ("CREATE INDEX mine ON items (name)", "index mine: not there before"),
        ("CREATE TABLE mine (x)", "table mine: not there before"),
        (
            "DROP VIEW names; CREATE VIEW names AS SELECT id FROM items",
            "view names: definition: was CREATE VIEW names AS SELECT name FROM items, is CREATE VIEW names AS SELECT id FROM items",
        ),
        ("DROP TRIGGER t", "trigger t: gone"),
    ] {
        assert_eq!(drift(change).await, [told], "{change}");
    }
    let change = "DROP VIEW names; DROP TABLE items; CREATE VIEW names AS SELECT name FROM items;
        CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE CHECK (name <> 'x'), maker REFERENCES makers);
        CREATE INDEX items_by_maker ON items (maker); CREATE TRIGGER t AFTER INSERT ON items BEGIN SELECT 1; END";
    let told = drift(change).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("<> ''") && told[0].contains("<> 'x'"), "{told:?}");
}

#[tokio::test]
async fn what_is_the_same_in_other_words_is_no_drift() {
    let same = "DROP VIEW names; CREATE VIEW names AS SELECT  name\n FROM items; -- the same\n
        DROP INDEX items_by_maker; CREATE INDEX \"items_by_maker\" ON \"items\" (maker); ANALYZE; VACUUM;
        INSERT INTO found VALUES ('x')";
    assert_eq!(drift(same).await, [""; 0]);
}

#[tokio::test]
async fn the_next_migration_is_the_new_measure() {
    let (_place, db) = fresh().await;
    db.migrations(&files(&[SCHEMA])).run().await.unwrap();
    db.execute("CREATE TABLE mine (x)", ()).await.unwrap();
    let found = db.migrations(&files(&[SCHEMA])).verify().await.unwrap();
    assert_eq!((found[0].kind, found[0].object.as_str()), (DriftKind::Added, "table mine"));
    let more = files(&[SCHEMA, ("2_more.sql", "CREATE TABLE more (x)")]);
    db.migrations(&more).run().await.unwrap();
    assert!(db.migrations(&more).verify().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_database_without_migrations_has_no_drift() {
    let (_place, db) = fresh().await;
    assert!(db.migrations(&files(&[SCHEMA])).verify().await.unwrap().is_empty());
}
