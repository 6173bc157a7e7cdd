//! Foreign keys: off while a migration runs, checked before it is committed, and on afterwards.

use super::*;

const FAMILY: (&str, &str) = (
    "1_family.sql",
    "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
     CREATE TABLE children (id INTEGER PRIMARY KEY, parent REFERENCES parents ON DELETE CASCADE);
     INSERT INTO parents VALUES (1, 'a'), (2, 'b');
     INSERT INTO children VALUES (1, 1), (2, 1), (3, 2);",
);

const BY_HAND: &str = "CREATE TABLE new_parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
     INSERT INTO new_parents SELECT * FROM parents;
     DROP TABLE parents;
     ALTER TABLE new_parents RENAME TO parents;";

#[tokio::test]
async fn a_rebuild_by_hand_keeps_cascading_children_and_views() {
    let (_place, db) = fresh().await;
    let all = files(&[
        FAMILY,
        ("2_view.sql", "CREATE VIEW names AS SELECT name FROM parents"),
        ("3_rebuild.sql", BY_HAND),
    ]);
    db.migrations(&all).run().await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM children").await, 3);
    assert_eq!(number(&db, "SELECT count(*) FROM names").await, 2);
    db.execute("DELETE FROM parents WHERE id = 1", ()).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM children").await, 1, "they cascade again");
    assert!(db.execute("INSERT INTO children VALUES (9, 9)", ()).await.is_err());
}

#[tokio::test]
async fn a_table_that_gets_another_name_takes_its_references_along() {
    let (_place, db) = fresh().await;
    let all = files(&[
        FAMILY,
        ("2_view.sql", "CREATE VIEW names AS SELECT name FROM parents"),
        ("3_rename.sql", "ALTER TABLE parents RENAME TO people"),
    ]);
    db.migrations(&all).run().await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM names").await, 2);
    db.execute("DELETE FROM people WHERE id = 1", ()).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM children").await, 1);
}

#[tokio::test]
async fn rows_without_a_parent_undo_the_migration_and_are_named() {
    let (_place, db) = fresh().await;
    let all = files(&[FAMILY, ("2_delete.sql", "DELETE FROM parents WHERE id = 2")]);
    let error = db.migrations(&all).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ForeignKeyViolation);
    assert_eq!(error.table(), Some("children"));
    let message = error.message();
    assert!(message.contains("2_delete") && message.contains("row 3 of children"), "{message}");
    assert!(message.contains("no row of parents"), "{message}");
    assert_eq!(number(&db, "SELECT count(*) FROM parents").await, 2);
    assert_eq!(applied(&db, &all).await, ["1_family"]);
}

/// A database where a child has lost its parent by somebody else's doing.
async fn with_an_orphan() -> (Place, Database) {
    let (place, db) = fresh().await;
    db.migrations(&files(&[FAMILY])).run().await.unwrap();
    let outside = place.outside();
    outside.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM parents WHERE id = 2").unwrap();
    (place, db)
}

const CHILDREN_BY_HAND: &str =
    "CREATE TABLE new_children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents);
     INSERT INTO new_children (parent) SELECT parent FROM children ORDER BY id DESC;
     DROP TABLE children;
     ALTER TABLE new_children RENAME TO children;";

#[tokio::test]
async fn rows_that_had_no_parent_before_do_not_stop_a_migration() {
    for text in [
        "CREATE TABLE more (x)",
        "UPDATE parents SET name = 'c'",
        "ALTER TABLE children RENAME TO offspring",
        "-- rebuild: children\nCREATE TABLE children (id INTEGER PRIMARY KEY, parent REFERENCES parents)",
        CHILDREN_BY_HAND,
        BY_HAND,
    ] {
        let (_place, db) = with_an_orphan().await;
        let all = files(&[FAMILY, ("2_more.sql", text)]);
        let pending = names(&db.migrations(&all).dry_run().await.unwrap()).join(" ");
        assert_eq!(pending, "2_more", "{text}");
        assert_eq!(names(&db.migrations(&all).run().await.unwrap()), ["2_more"], "{text}");
    }
}

#[tokio::test]
async fn rows_that_lose_their_parent_are_told_from_those_that_had_none() {
    for text in [
        "DELETE FROM parents",
        "INSERT INTO children VALUES (9, 9)",
        "DELETE FROM parents; ALTER TABLE children RENAME TO offspring",
        "DELETE FROM children WHERE id = 3; CREATE TABLE more (x REFERENCES parents); INSERT INTO more VALUES (9)",
    ] {
        let (_place, db) = with_an_orphan().await;
        let all = files(&[FAMILY, ("2_first.sql", "CREATE TABLE first (x)"), ("3_bad.sql", text)]);
        let (kind, message) = refused(db.migrations(&all).run().await);
        assert_eq!(kind, ErrorKind::ForeignKeyViolation, "{text}");
        assert!(message.contains("3_bad") && message.contains("before it"), "{message}");
        assert_eq!(applied(&db, &all).await, ["1_family", "2_first"]);
        assert_eq!(number(&db, "SELECT count(*) FROM children").await, 3);
    }
}

#[tokio::test]
async fn where_foreign_keys_are_not_enforced_they_are_not_checked() {
    let place = Place::new();
    let db = place.open(Options::default().foreign_keys(false)).await.unwrap();
    let all = files(&[FAMILY, ("2_delete.sql", "DELETE FROM parents WHERE id = 2")]);
    db.migrations(&all).run().await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM children").await, 3);
}

#[tokio::test]
async fn connections_enforce_foreign_keys_after_a_migration_that_failed() {
    let (_place, db) = fresh().await;
    let all = files(&[
        FAMILY,
        ("2_bad.sql", "ALTER TABLE parents RENAME TO old; CREATE TABLE parents (x); nonsense"),
    ]);
    refused(db.migrations(&all).run().await);
    for _ in 0..3 {
        let mut session = db.acquire().await.unwrap();
        assert!(session.query_value::<bool>("PRAGMA foreign_keys", ()).await.unwrap());
        assert!(!session.query_value::<bool>("PRAGMA legacy_alter_table", ()).await.unwrap());
    }
    assert!(db.execute("INSERT INTO children VALUES (9, 9)", ()).await.is_err());
}
