//! Many migrations in one file.

use super::*;
use ubiqlite::MigrationAction;

const OLD: [(&str, &str); 3] = [
    ("1_a.sql", "CREATE TABLE a (x)"),
    ("2_b.sql", "CREATE TABLE b (x)"),
    ("3_c.sql", "CREATE TABLE c (x)"),
];
const SQUASH: (&str, &str) = (
    "3_squash.sql",
    "-- replaces: 1-3\nCREATE TABLE a (x); CREATE TABLE b (x); CREATE TABLE c (x)",
);
const NEXT: (&str, &str) = ("4_d.sql", "CREATE TABLE d (x)");

#[tokio::test]
async fn new_and_old_databases_come_to_the_same() {
    let (_new_place, new) = fresh().await;
    let (_old_place, old) = fresh().await;
    old.migrations(&files(&OLD)).run().await.unwrap();
    let squashed = files(&[SQUASH, NEXT]);
    let ran = new.migrations(&squashed).run().await.unwrap();
    assert_eq!(ran.iter().map(|it| it.action).collect::<Vec<_>>(), [MigrationAction::Apply; 2]);
    let noted = old.migrations(&squashed).run().await.unwrap();
    assert_eq!(
        noted.iter().map(|it| it.action).collect::<Vec<_>>(),
        [MigrationAction::Note, MigrationAction::Apply]
    );
    for db in [&new, &old] {
        assert_eq!(tables(db).await, ["a", "b", "c", "d"]);
        assert!(db.migrations(&squashed).run().await.unwrap().is_empty());
        assert!(db.migrations(&squashed).verify().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_database_in_between_is_refused_with_the_missing_ones() {
    let (_place, db) = fresh().await;
    db.migrations(&files(&OLD[..1])).run().await.unwrap();
    let (kind, message) = refused(db.migrations(&files(&[SQUASH, NEXT])).run().await);
    assert_eq!(kind, ErrorKind::InvalidArgument);
    assert!(message.contains("2, 3"), "{message}");
    assert_eq!(tables(&db).await, ["a"]);
}

#[tokio::test]
async fn the_old_program_can_not_use_a_database_that_the_squashed_one_made() {
    let (_place, db) = fresh().await;
    db.migrations(&files(&[SQUASH])).run().await.unwrap();
    assert_eq!(refused(db.migrations(&files(&OLD)).run().await).0, ErrorKind::SchemaTooNew);
}

#[tokio::test]
async fn going_back_over_it_undoes_what_it_stands_for() {
    let (_place, db) = fresh().await;
    db.migrations(&files(&OLD)).run().await.unwrap();
    let down = ("3_squash.down.sql", "DROP TABLE a; DROP TABLE b; DROP TABLE c");
    let squashed = files(&[SQUASH, down]);
    db.migrations(&squashed).run().await.unwrap();
    assert_eq!(names(&db.migrations(&squashed).to(0).await.unwrap()), ["3_squash"]);
    assert!(tables(&db).await.is_empty());
    assert!(applied(&db, &squashed).await.is_empty());
}
