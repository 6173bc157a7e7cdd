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

const DOWN: [(&str, &str); 3] = [
    ("1_a.down.sql", "DROP TABLE a"),
    ("2_b.down.sql", "DROP TABLE b"),
    ("3_c.down.sql", "DROP TABLE c"),
];
const OWN_NUMBER: (&str, &str) = ("9_squash.sql", SQUASH.1);

/// A database with the old files, each with a way back, for which another one is noted.
async fn noted(squash: &[(&'static str, &'static str)]) -> (Place, Database) {
    let (place, db) = fresh().await;
    db.migrations(&files(&[&OLD[..], &DOWN].concat())).run().await.unwrap();
    let steps = db.migrations(&files(squash)).run().await.unwrap();
    assert_eq!(steps[0].action, MigrationAction::Note);
    (place, db)
}

#[tokio::test]
async fn the_ways_back_of_what_it_replaces_are_kept_and_used() {
    for squash in [SQUASH, OWN_NUMBER] {
        let (_place, db) = noted(&[squash]).await;
        let new = files(&[squash]);
        db.migrations(&new).to(2).await.unwrap();
        assert_eq!(tables(&db).await, ["a", "b"], "{squash:?}");
        // The new program can't have it half: those that are missing are named.
        assert!(refused(db.migrations(&new).run().await).1.contains("but not 3"));
        db.migrations(&files(&OLD)).run().await.unwrap();
        assert_eq!(tables(&db).await, ["a", "b", "c"]);
        db.migrations(&new).run().await.unwrap();
        assert!(db.migrations(&new).verify().await.unwrap().is_empty());

        let (_place, db) = noted(&[squash]).await;
        db.migrations(&new).to(0).await.unwrap();
        assert!(tables(&db).await.is_empty(), "{squash:?}");
        assert!(applied(&db, &new).await.is_empty());
    }
}

#[tokio::test]
async fn its_own_way_back_undoes_all_and_not_a_part() {
    let all_down = "DROP TABLE a; DROP TABLE b; DROP TABLE c";
    for (squash, down) in [(SQUASH, "3_squash.down.sql"), (OWN_NUMBER, "9_squash.down.sql")] {
        let files_of = [squash, (down, all_down)];
        let (_place, db) = noted(&files_of).await;
        db.migrations(&files(&files_of)).to(1).await.unwrap();
        assert_eq!(tables(&db).await, ["a"], "{squash:?}");

        let (_place, db) = noted(&files_of).await;
        let steps = db.migrations(&files(&files_of)).to(0).await.unwrap();
        assert_eq!(steps.len(), 1, "{steps:?}");
        assert!(tables(&db).await.is_empty());
        assert!(applied(&db, &files(&files_of)).await.is_empty());
    }
}

#[tokio::test]
async fn a_program_with_all_that_it_replaces_is_not_too_old_once_it_is_noted() {
    for squash in [SQUASH, OWN_NUMBER] {
        let (_place, db) = noted(&[squash]).await;
        let old = files(&OLD);
        assert!(db.migrations(&old).run().await.unwrap().is_empty(), "{squash:?}");
        assert!(db.migrations(&old).pending().await.unwrap().is_empty());
        let before = files(&OLD[..2]);
        assert_eq!(refused(db.migrations(&before).run().await).0, ErrorKind::SchemaTooNew);
        db.migrations(&files(&[squash, ("10_d.sql", "CREATE TABLE d (x)")])).run().await.unwrap();
        assert_eq!(refused(db.migrations(&old).run().await).0, ErrorKind::SchemaTooNew);
    }
    let breaks = ("9_squash.sql", "-- replaces: 1-3\n-- breaks: older\nCREATE TABLE a (x)");
    let (_place, db) = noted(&[breaks]).await;
    assert_eq!(refused(db.migrations(&files(&OLD)).run().await).0, ErrorKind::SchemaTooNew);
}
