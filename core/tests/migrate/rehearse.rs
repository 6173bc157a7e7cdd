//! Migrations that are tried out in memory.

use super::*;

const ITEMS: [(&str, &str); 2] = [
    ("1_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY)"),
    (
        "2_names.sql",
        "ALTER TABLE items ADD COLUMN name TEXT; CREATE VIEW names AS SELECT name FROM items",
    ),
];

async fn told(more: &[(&'static str, &'static str)]) -> Vec<String> {
    let all = files(&[&ITEMS[..], more].concat());
    all.rehearse().await.unwrap().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_way_back_that_leaves_something_is_told() {
    assert!(told(&[]).await.is_empty(), "without a way back there is nothing to undo");
    let whole = "DROP VIEW names; ALTER TABLE items DROP COLUMN name";
    assert!(told(&[("2_names.down.sql", whole)]).await.is_empty());
    let half = files(&[ITEMS[0], ITEMS[1], ("2_names.down.sql", "DROP VIEW names")]);
    let (_, message) = refused(half.rehearse().await);
    assert!(message.contains("2_names") && message.contains("duplicate column"), "{message}");
    let lasting = "DROP VIEW names; ALTER TABLE items DROP COLUMN name; CREATE TABLE left_over (x)";
    assert_eq!(told(&[("2_names.down.sql", lasting)]).await, ["table left_over: not there before"]);
}

#[tokio::test]
async fn the_schema_that_is_wanted_is_compared() {
    let same = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);\nCREATE VIEW names AS SELECT name FROM items;";
    assert!(told(&[("schema.sql", same)]).await.is_empty());
    let other = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL); CREATE VIEW names AS SELECT id FROM items";
    let told = told(&[("schema.sql", other)]).await;
    assert_eq!(told[0], "table items: column name: was TEXT NOT NULL, is TEXT");
    assert!(told[1].starts_with("view names: definition"), "{told:?}");
    let (_, message) = refused(files(&[("schema.sql", "nonsense")]).rehearse().await);
    assert!(message.contains("schema.sql"), "{message}");
}
