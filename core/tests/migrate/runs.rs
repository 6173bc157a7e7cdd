//! Applying migrations by call.

use std::time::Duration;

use super::*;
use ubiqlite::MigrationAction;

const ITEMS: (&str, &str) = ("1_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY)");

#[tokio::test]
async fn each_is_applied_once_in_the_order_of_the_numbers() {
    let (_place, db) = fresh().await;
    let all = files(&[
        ("10_last.sql", "INSERT INTO log VALUES ('last')"),
        ("2_first.sql", "CREATE TABLE log (what); INSERT INTO log VALUES ('first')"),
    ]);
    let migrator = db.migrations(&all);
    assert_eq!(names(&migrator.pending().await.unwrap()), ["2_first", "10_last"]);
    assert!(tables(&db).await.is_empty(), "asking changes nothing");
    let steps = migrator.run().await.unwrap();
    assert_eq!(names(&steps), ["2_first", "10_last"]);
    assert!(steps.iter().all(|it| it.action == MigrationAction::Apply && it.took.is_some()));
    assert!(migrator.run().await.unwrap().is_empty());
    assert!(migrator.pending().await.unwrap().is_empty());
    assert_eq!(number(&db, "SELECT count(*) FROM log").await, 2);
    let applied = migrator.applied().await.unwrap();
    assert!(applied[0].applied_at.as_ref().unwrap().ends_with('Z'));
    assert!(!applied[0].reversible && applied[0].known && applied[0].took.is_some());
}

#[tokio::test]
async fn a_dry_run_meets_the_errors_and_leaves_nothing() {
    let (_place, db) = fresh().await;
    let good = files(&[
        ITEMS,
        ("2_alone.sql", "-- alone\nVACUUM"),
        ("3_more.sql", "CREATE TABLE more (x)"),
    ]);
    let steps = db.migrations(&good).dry_run().await.unwrap();
    assert_eq!(names(&steps), ["1_items", "2_alone", "3_more"]);
    assert_eq!(steps.iter().map(|it| it.took.is_some()).collect::<Vec<_>>(), [true, false, true]);
    assert!(steps[1].alone);
    assert!(tables(&db).await.is_empty());
    assert!(applied(&db, &good).await.is_empty());
    let bad = files(&[
        ITEMS,
        ("2_bad.sql", "INSERT INTO items VALUES (1);\n\nINSERT INTO items VALUES (1)"),
    ]);
    let (kind, message) = refused(db.migrations(&bad).dry_run().await);
    assert_eq!(kind, ErrorKind::PrimaryKeyViolation);
    assert!(message.contains("migration 2_bad: line 3"), "{message}");
    assert_eq!(db.migrations(&good).run().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_failure_undoes_its_migration_alone() {
    let (_place, db) = fresh().await;
    let bad =
        files(&[ITEMS, ("2_bad.sql", "CREATE TABLE half (x); INSERT INTO missing VALUES (1)")]);
    let (kind, message) = refused(db.migrations(&bad).run().await);
    assert_eq!(kind, ErrorKind::NoSuchTable);
    assert!(message.contains("2_bad: line 1"), "{message}");
    assert_eq!(tables(&db).await, ["items"]);
    assert_eq!(applied(&db, &bad).await, ["1_items"]);
}

#[tokio::test]
async fn what_can_not_be_in_a_migration_is_refused_before_any_runs() {
    let (_place, db) = fresh().await;
    for text in ["BEGIN; SELECT 1; COMMIT", "PRAGMA foreign_keys = OFF", "-- rebuild: nothing"] {
        let bad = Migrations::new([("1_items.sql", ITEMS.1), ("2_bad.sql", text)]).unwrap();
        let (kind, message) = refused(db.migrations(&bad).run().await);
        assert_eq!(kind, ErrorKind::InvalidArgument);
        assert!(message.contains("2_bad"), "{message}");
    }
    let bad = files(&[ITEMS, ("2_bad.sql", "SELECT 1"), ("2_bad.down.sql", "ROLLBACK")]);
    assert!(refused(db.migrations(&bad).run().await).1.contains("way back"));
    assert!(tables(&db).await.is_empty());
}

#[tokio::test]
async fn what_can_not_run_in_a_transaction_runs_alone() {
    let (place, db) = fresh().await;
    let all =
        files(&[ITEMS, ("2_small.sql", "-- alone\nPRAGMA auto_vacuum = INCREMENTAL;\nVACUUM;")]);
    let steps = db.migrations(&all).run().await.unwrap();
    assert!(steps[1].alone && steps[1].took.is_some());
    let outside: i64 = place.outside().query_row("PRAGMA auto_vacuum", [], |it| it.get(0)).unwrap();
    assert_eq!(outside, 2);
    assert!(db.migrations(&all).applied().await.unwrap()[1].applied_at.is_some());
    // Without the header it is refused, and the message says how.
    let wrong = files(&[ITEMS, ("2_small.sql", all_text()), ("3_vacuum.sql", "VACUUM")]);
    let (_, message) = refused(db.migrations(&wrong).run().await);
    assert!(message.contains("3_vacuum: line 1") && message.contains("-- alone"), "{message}");
}

fn all_text() -> &'static str {
    "-- alone\nPRAGMA auto_vacuum = INCREMENTAL;\nVACUUM;"
}

#[tokio::test]
async fn one_that_fails_alone_is_not_noted_as_begun() {
    let (_place, db) = fresh().await;
    let all = files(&[ITEMS, ("2_wrong.sql", "-- alone\nVACUUM missing")]);
    let (_, message) = refused(db.migrations(&all).run().await);
    assert!(message.contains("2_wrong"), "{message}");
    assert_eq!(applied(&db, &all).await, ["1_items"]);
}

#[tokio::test]
async fn outside_wal_mode_a_commit_waits_for_readers_as_long_as_for_writers() {
    let place = Place::new();
    let options = Options::default().journal_mode(ubiqlite::JournalMode::Delete);
    let db = place.open(options.busy_timeout(Duration::from_millis(20))).await.unwrap();
    db.execute("CREATE TABLE t (x)", ()).await.unwrap();
    let outside = place.outside();
    outside.execute_batch("BEGIN; SELECT * FROM t").unwrap();
    let release = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        outside.execute_batch("COMMIT").unwrap();
    });
    let all = files(&[
        ITEMS,
        ("2_vacuum.sql", "-- alone\nVACUUM"),
        ("3_more.sql", "CREATE TABLE more (x)"),
    ]);
    assert_eq!(names(&db.migrations(&all).run().await.unwrap()), ["1_items", "2_vacuum", "3_more"]);
    release.join().unwrap();
    assert_eq!(applied(&db, &all).await.len(), 3);
}

#[tokio::test]
async fn one_that_was_begun_alone_and_not_done_runs_again() {
    let (place, db) = fresh().await;
    let all = files(&[ITEMS, ("2_vacuum.sql", "-- alone\nVACUUM")]);
    db.migrations(&all).run().await.unwrap();
    place
        .outside()
        .execute("UPDATE ubiqlite_migrations SET applied_at = NULL WHERE id = 2", [])
        .unwrap();
    assert!(db.migrations(&all).applied().await.unwrap()[1].applied_at.is_none());
    assert_eq!(names(&db.migrations(&all).run().await.unwrap()), ["2_vacuum"]);
    assert!(db.migrations(&all).applied().await.unwrap()[1].applied_at.is_some());
}

#[tokio::test]
async fn an_edited_file_is_named_with_its_line_and_can_be_accepted() {
    let (_place, db) = fresh().await;
    let before = files(&[(
        "1_items.sql",
        "CREATE TABLE items (\n  id INTEGER PRIMARY KEY,\n  name TEXT\n);\n",
    )]);
    db.migrations(&before).run().await.unwrap();
    let same = files(&[(
        "1_items.sql",
        "CREATE TABLE items (\r\n  id INTEGER PRIMARY KEY,\r\n  name TEXT  \r\n);\r\n\r\n",
    )]);
    assert!(db.migrations(&same).run().await.unwrap().is_empty(), "another checkout");
    let edited = files(&[(
        "1_items.sql",
        "CREATE TABLE items (\n  id INTEGER PRIMARY KEY,\n  name TEXT NOT NULL\n);\n",
    )]);
    for error in [
        refused(db.migrations(&edited).run().await),
        refused(db.migrations(&edited).pending().await),
        refused(db.migrations(&edited).dry_run().await),
    ] {
        assert_eq!(error.0, ErrorKind::InvalidArgument);
        assert!(error.1.contains("migration 1_items") && error.1.contains("line 3"), "{}", error.1);
    }
    let steps = db.migrations(&edited.clone().accept_edited(true)).run().await.unwrap();
    assert_eq!(steps[0].action, MigrationAction::AcceptEdit);
    assert!(db.migrations(&edited).run().await.unwrap().is_empty(), "it was stamped anew");
}

#[tokio::test]
async fn a_text_keeps_what_is_quoted_in_it() {
    let (_place, db) = fresh().await;
    let all = files(&[(
        "1_quotes.sql",
        "-- BEGIN; is a comment\nCREATE TABLE \"a;b\" (x DEFAULT ';');\n\
         CREATE TRIGGER t AFTER INSERT ON \"a;b\" BEGIN\n  UPDATE \"a;b\" SET x = 'COMMIT;';\nEND;\n\
         INSERT INTO \"a;b\" VALUES (1);",
    )]);
    db.migrations(&all).run().await.unwrap();
    let value: String = db.query_value("SELECT x FROM \"a;b\"", ()).await.unwrap();
    assert_eq!(value, "COMMIT;");
}

#[tokio::test]
async fn drizzle_kits_folder_runs_with_the_pragmas_that_it_writes() {
    let (_place, db) = fresh().await;
    let journal =
        r#"{"entries":[{"idx":0,"when":1,"tag":"0000_one"},{"idx":1,"when":2,"tag":"0001_two"}]}"#;
    let all = files(&[
        (
            "0000_one.sql",
            "CREATE TABLE `a` (`id` integer PRIMARY KEY NOT NULL);\n--> statement-breakpoint\n\
            CREATE TABLE `b` (`a` integer REFERENCES `a`(`id`) ON DELETE cascade);\n--> statement-breakpoint\n\
            INSERT INTO `a` VALUES (1);--> statement-breakpoint\nINSERT INTO `b` VALUES (1);",
        ),
        (
            "0001_two.sql",
            "PRAGMA foreign_keys=OFF;--> statement-breakpoint\n\
            CREATE TABLE `__new_a` (`id` integer PRIMARY KEY NOT NULL, `n` text);\n--> statement-breakpoint\n\
            INSERT INTO `__new_a`(\"id\") SELECT \"id\" FROM `a`;--> statement-breakpoint\n\
            DROP TABLE `a`;--> statement-breakpoint\n\
            ALTER TABLE `__new_a` RENAME TO `a`;--> statement-breakpoint\nPRAGMA foreign_keys=ON;",
        ),
        ("meta/_journal.json", journal),
        ("meta/0000_snapshot.json", "{}"),
    ]);
    assert_eq!(names(&db.migrations(&all).run().await.unwrap()), ["0000_one", "0001_two"]);
    assert_eq!(number(&db, "SELECT count(*) FROM b").await, 1, "no child is lost");
}

/// The folder is as drizzle-kit 0.31.11 has written it, for a schema in which one table is new and
/// another one gets a constraint.
#[tokio::test]
async fn a_folder_of_drizzle_kits_runs_that_does_something_before_its_pragma() {
    let (_place, db) = fresh().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/migrate/drizzle");
    let all = Migrations::dir(folder).unwrap();
    assert_eq!(names(&db.migrations(&all).dry_run().await.unwrap()), ["0000_first", "0001_second"]);
    let first = db.migrations(&all).pending().await.unwrap()[0].number;
    db.migrations(&all).to(first).await.unwrap();
    db.batch("INSERT INTO authors VALUES (1, 'Ada'); INSERT INTO books VALUES (1, 1)")
        .await
        .unwrap();
    assert_eq!(names(&db.migrations(&all).run().await.unwrap()), ["0001_second"]);
    assert_eq!(number(&db, "SELECT count(*) FROM books").await, 1, "no child is lost");
    assert!(db.execute("INSERT INTO authors VALUES (2, NULL)", ()).await.is_err(), "it is rebuilt");
    assert_eq!(tables(&db).await, ["authors", "books", "shops"]);
}

#[tokio::test]
async fn a_lock_that_nobody_gives_back_is_reported_at_the_end_of_the_patience() {
    let place = Place::new();
    let db = place.open(Options::default().busy_timeout(Duration::from_millis(20))).await.unwrap();
    db.execute("CREATE TABLE t (x)", ()).await.unwrap();
    let outside = place.outside();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    let all = files(&[ITEMS]).lock_timeout(Duration::from_millis(200));
    let (kind, message) = refused(db.migrations(&all).run().await);
    assert_eq!(kind, ErrorKind::Busy);
    assert!(message.contains("200ms"), "{message}");
    outside.execute_batch("ROLLBACK").unwrap();
    assert_eq!(db.migrations(&all).run().await.unwrap().len(), 1);
}
