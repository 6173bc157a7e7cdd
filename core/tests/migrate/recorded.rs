//! Migrations of tables that are recorded for an outbox, and watched.

use super::*;

const ITEMS: (&str, &str) = (
    "1_items.sql",
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'lamp')",
);

#[tokio::test]
async fn a_watched_query_follows_a_migration() {
    let (_place, db) = fresh().await;
    db.migrations(&files(&[ITEMS])).run().await.unwrap();
    let mut live = db.watch("SELECT * FROM items", ());
    let wait = std::time::Duration::from_secs(60);
    let first = tokio::time::timeout(wait, live.try_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(first.iter().next().unwrap().len(), 2);
    let form = "-- rebuild: items\nCREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL)";
    db.migrations(&files(&[ITEMS, ("2_form.sql", form)])).run().await.unwrap();
    let next = tokio::time::timeout(wait, live.try_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(next.iter().next().unwrap().len(), 3);
}

#[cfg(sqlite_session)]
#[tokio::test]
async fn a_rebuild_of_a_recorded_table_is_no_change_of_its_rows() {
    let (_place, db) = fresh().await;
    db.migrations(&files(&[ITEMS])).run().await.unwrap();
    let mut outbox = db.outbox(["items"]).await.unwrap();
    let form = "-- rebuild: items\nCREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL)";
    db.migrations(&files(&[ITEMS, ("2_form.sql", form)])).run().await.unwrap();
    assert!(outbox.next().await.unwrap().is_none(), "each device rebuilds its own");
    db.execute("UPDATE items SET price = 3 WHERE id = 1", ()).await.unwrap();
    assert!(outbox.next().await.unwrap().is_some(), "it is recorded as before");
}
