//! Going back.

use super::*;
use ubiqlite::MigrationAction;

const ALL: [(&str, &str); 5] = [
    ("1_a.sql", "CREATE TABLE a (x)"),
    ("1_a.down.sql", "DROP TABLE a"),
    ("2_b.sql", "CREATE TABLE b (x)"),
    ("2_b.down.sql", "DROP TABLE b"),
    ("3_c.sql", "CREATE TABLE c (x)"),
];

#[tokio::test]
async fn the_ledgers_text_undoes_what_a_program_has_no_file_for() {
    let (_place, db) = fresh().await;
    db.migrations(&files(&ALL[..4])).run().await.unwrap();
    let older = files(&ALL[..2]);
    let steps = db.migrations(&older).to(1).await.unwrap();
    assert_eq!(names(&steps), ["2_b"]);
    assert_eq!(steps[0].action, MigrationAction::Revert);
    assert_eq!(tables(&db).await, ["a"]);
    assert!(db.migrations(&older).run().await.unwrap().is_empty(), "it is not too new any more");
    assert_eq!(names(&db.migrations(&older).to(0).await.unwrap()), ["1_a"]);
    assert!(tables(&db).await.is_empty());
    assert!(applied(&db, &older).await.is_empty());
    assert_eq!(names(&db.migrations(&files(&ALL[..4])).run().await.unwrap()), ["1_a", "2_b"]);
}

#[tokio::test]
async fn the_last_one_is_undone_first_and_going_forth_stops_at_the_number() {
    let (_place, db) = fresh().await;
    let all = files(&ALL[..4]);
    assert_eq!(names(&db.migrations(&all).to(1).await.unwrap()), ["1_a"]);
    assert_eq!(names(&db.migrations(&all).to(9).await.unwrap()), ["2_b"]);
    assert_eq!(names(&db.migrations(&all).to(0).await.unwrap()), ["2_b", "1_a"]);
    assert!(db.migrations(&all).to(0).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_without_a_way_back_is_named_and_nothing_is_undone() {
    let (_place, db) = fresh().await;
    let all = files(&[ALL[0], ALL[2], ALL[3]]);
    db.migrations(&all).run().await.unwrap();
    let (kind, message) = refused(db.migrations(&all).to(0).await);
    assert_eq!(kind, ErrorKind::InvalidArgument);
    assert!(message.contains("1_a"), "{message}");
    assert_eq!(tables(&db).await, ["a", "b"]);
}

#[tokio::test]
async fn a_way_back_that_fails_is_undone_itself() {
    let (_place, db) = fresh().await;
    let all = files(&[ALL[0], ("1_a.down.sql", "DROP TABLE a;\nDROP TABLE missing")]);
    db.migrations(&all).run().await.unwrap();
    let (kind, message) = refused(db.migrations(&all).to(0).await);
    assert_eq!(kind, ErrorKind::NoSuchTable);
    assert!(message.contains("1_a") && message.contains("line 2"), "{message}");
    assert_eq!(tables(&db).await, ["a"]);
    assert_eq!(applied(&db, &all).await, ["1_a"]);
}

#[tokio::test]
async fn a_way_back_can_rebuild_a_table() {
    let (_place, db) = fresh().await;
    let all = files(&[
        (
            "1_a.sql",
            "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO a VALUES (1, '5')",
        ),
        ("2_a.sql", "-- rebuild: a\nCREATE TABLE a (id INTEGER PRIMARY KEY, x INTEGER)"),
        ("2_a.down.sql", "-- rebuild: a\nCREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT)"),
    ]);
    db.migrations(&all).run().await.unwrap();
    assert_eq!(number(&db, "SELECT typeof(x) = 'integer' FROM a").await, 1);
    db.migrations(&all).to(1).await.unwrap();
    assert_eq!(number(&db, "SELECT typeof(x) = 'text' FROM a").await, 1);
    assert!(db.migrations(&all).verify().await.unwrap().is_empty());
}
