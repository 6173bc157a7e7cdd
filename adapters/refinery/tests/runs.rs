//! refinery's runner on ubiqlite.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use refinery::{Migration, Runner, Target};
use tempfile::TempDir;
use ubiqlite::{Database, ErrorKind, Migrations};
use ubiqlite_refinery::Refinery;

fn migrations() -> Vec<Migration> {
    [
        ("V1__items", "CREATE TABLE items (id INTEGER PRIMARY KEY); INSERT INTO items VALUES (1);"),
        ("V2__names", "ALTER TABLE items ADD COLUMN name TEXT;"),
        ("V3__notes", "CREATE TABLE notes (item REFERENCES items);"),
    ]
    .into_iter()
    .map(|(name, sql)| Migration::unapplied(name, sql).unwrap())
    .collect()
}

async fn file() -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path().join("app.db")).await.unwrap();
    (folder, database)
}

#[tokio::test]
async fn a_folder_of_migrations_is_run() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("app.db");
    // #region run
    mod embedded {
        refinery::embed_migrations!("tests/migrations");
    }

    let database = Database::open(path).await?;
    let mut refinery = Refinery::new(database.clone());
    let report = embedded::migrations::runner().run_async(&mut refinery).await?;
    println!("{} migrations were applied", report.applied_migrations().len());
    // #endregion run
    assert_eq!(tables(&database).await, ["items", "refinery_schema_history"]);
    Ok(())
}

/// Returns the kind of our error, which is the source of refinery's.
fn kind(error: &refinery::Error) -> ErrorKind {
    let source = std::error::Error::source(error).unwrap();
    source.downcast_ref::<ubiqlite::Error>().unwrap().kind()
}

async fn tables(database: &Database) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let names: Vec<(String,)> = database.query(sql, ()).await.unwrap();
    names.into_iter().map(|(name,)| name).collect()
}

#[tokio::test]
async fn a_run_applies_what_is_missing_and_the_next_one_nothing() {
    let (_folder, database) = file().await;
    let mut refinery = Refinery::new(database.clone());
    let all = migrations();
    let first = Runner::new(&all[..1]).run_async(&mut refinery).await.unwrap();
    assert_eq!(first.applied_migrations().len(), 1);
    let rest = Runner::new(&all).run_async(&mut refinery).await.unwrap();
    assert_eq!(rest.applied_migrations(), &all[1..]);
    let none = Runner::new(&all).run_async(&mut refinery).await.unwrap();
    assert!(none.applied_migrations().is_empty());

    let runner = Runner::new(&all);
    let applied = runner.get_applied_migrations_async(&mut refinery).await.unwrap();
    assert_eq!(applied, all);
    assert!(applied.iter().all(|migration| migration.applied_on().is_some()));
    let last = runner.get_last_applied_migration_async(&mut refinery).await.unwrap();
    assert_eq!(last.as_ref(), all.last());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_start_at_once_apply_each_migration_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let mut tasks = Vec::new();
    for number in 0..16 {
        // Half of them share a database, the others have connections of their own.
        let shared = Database::open(&path).await.unwrap();
        let path = path.clone();
        tasks.push(tokio::spawn(async move {
            let database = match number % 2 {
                0 => shared,
                _ => Database::open(path).await.unwrap(),
            };
            let mut refinery = Refinery::new(database);
            let report = Runner::new(&migrations()).run_async(&mut refinery).await.unwrap();
            report.applied_migrations().len()
        }));
    }
    let mut applied = 0;
    for task in tasks {
        applied += task.await.unwrap();
    }
    assert_eq!(applied, 3);
}

#[tokio::test]
async fn a_migration_that_fails_has_no_effect_and_those_before_it_stay() {
    let (_folder, database) = file().await;
    let mut refinery = Refinery::new(database.clone());
    let mut all = migrations();
    all[2] = Migration::unapplied(
        "V3__notes",
        "CREATE TABLE notes (x); INSERT INTO nowhere VALUES (1);",
    )
    .unwrap();
    let error = Runner::new(&all).run_async(&mut refinery).await.unwrap_err();
    assert_eq!(error.report().unwrap().applied_migrations(), &all[..2]);
    assert_eq!(tables(&database).await, ["items", "refinery_schema_history"]);
    assert_eq!(kind(&error), ErrorKind::NoSuchTable);

    // With the migration repaired, the next run goes on from there.
    let done = Runner::new(&migrations()).run_async(&mut refinery).await.unwrap();
    assert_eq!(done.applied_migrations().len(), 1);
}

#[tokio::test]
async fn a_run_that_can_not_be_committed_applies_nothing_and_reports_nothing() {
    let orphans = "CREATE TABLE parts (item REFERENCES items DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO parts VALUES (7);";
    let rolled_back = "INSERT OR ROLLBACK INTO items (id) VALUES (1);";
    let wrong = "INSERT INTO nowhere VALUES (1);";
    for last in [&[orphans][..], &[rolled_back], &[orphans, wrong]] {
        let (_folder, database) = file().await;
        let mut all = migrations();
        all.extend(
            last.iter().zip(4..).map(|(sql, number)| {
                Migration::unapplied(&format!("V{number}__last"), sql).unwrap()
            }),
        );
        let run = Runner::new(&all).run_async(&mut Refinery::new(database.clone())).await;
        let error = run.unwrap_err();
        assert!(error.to_string().contains("nothing of the run is applied"), "{error}");
        assert!(error.report().is_none(), "{error}");
        let left = tables(&database).await;
        assert!(!left.contains(&"items".to_owned()), "{left:?}");
    }
}

#[tokio::test]
async fn a_grouped_run_that_fails_has_no_effect_at_all() {
    let (_folder, database) = file().await;
    let mut all = migrations();
    all[2] = Migration::unapplied("V3__notes", "INSERT INTO nowhere VALUES (1);").unwrap();
    let runner = Runner::new(&all).set_grouped(true);
    runner.run_async(&mut Refinery::new(database.clone())).await.unwrap_err();
    assert_eq!(tables(&database).await, ["refinery_schema_history"]);
}

#[tokio::test]
async fn a_run_stops_at_its_target_and_a_fake_one_only_notes() {
    let (_folder, database) = file().await;
    let mut refinery = Refinery::new(database.clone());
    let all = migrations();
    let to = |target| Runner::new(&all).set_target(target);
    to(Target::Version(1)).run_async(&mut refinery).await.unwrap();
    assert_eq!(tables(&database).await, ["items", "refinery_schema_history"]);
    to(Target::Fake).run_async(&mut refinery).await.unwrap();
    assert_eq!(tables(&database).await, ["items", "refinery_schema_history"]);
    let applied = to(Target::Latest).get_applied_migrations_async(&mut refinery).await.unwrap();
    assert_eq!(applied, all);
}

#[tokio::test]
async fn a_migration_that_was_changed_later_is_refused() {
    let (_folder, database) = file().await;
    let mut refinery = Refinery::new(database.clone());
    let mut all = migrations();
    Runner::new(&all).run_async(&mut refinery).await.unwrap();
    all[1] = Migration::unapplied("V2__names", "ALTER TABLE items ADD COLUMN title TEXT;").unwrap();
    let error = Runner::new(&all).run_async(&mut refinery).await.unwrap_err();
    assert!(error.to_string().contains("V2__names"), "{error}");
}

#[tokio::test]
async fn a_history_that_somebody_else_broke_is_an_error_and_no_panic() {
    let (_folder, database) = file().await;
    let mut refinery = Refinery::new(database.clone());
    Runner::new(&migrations()).run_async(&mut refinery).await.unwrap();
    let sql = "UPDATE refinery_schema_history SET applied_on = 'yesterday' WHERE version = 2";
    database.execute(sql, ()).await.unwrap();
    let error = Runner::new(&migrations()).run_async(&mut refinery).await.unwrap_err();
    assert!(error.to_string().contains("yesterday"), "{error}");
}

#[tokio::test]
async fn a_switch_of_foreign_keys_that_sqlite_would_ignore_is_refused() {
    let (_folder, database) = file().await;
    let sql = "PRAGMA foreign_keys = OFF; CREATE TABLE items (x);";
    let migration = Migration::unapplied("V1__items", sql).unwrap();
    let mut refinery = Refinery::new(database.clone());
    let error = Runner::new(&[migration]).run_async(&mut refinery).await.unwrap_err();
    assert_eq!(kind(&error), ErrorKind::InvalidArgument);
    assert_eq!(tables(&database).await, ["refinery_schema_history"]);
}

#[tokio::test]
async fn our_own_migrations_take_its_history_over() {
    let (_folder, database) = file().await;
    let mut refinery = Refinery::new(database.clone());
    Runner::new(&migrations()[..2]).run_async(&mut refinery).await.unwrap();
    let texts = [
        ("0001_items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY)"),
        ("0002_names.sql", "ALTER TABLE items ADD COLUMN name TEXT"),
        ("0003_notes.sql", "CREATE TABLE notes (item REFERENCES items)"),
    ];
    let ours = Migrations::new(texts).unwrap();
    let ran = database.migrations(&ours).run().await.unwrap();
    let took: Vec<_> = ran.iter().map(|step| (step.number, step.took.is_some())).collect();
    assert_eq!(took, [(1, false), (2, false), (3, true)]);
    assert!(tables(&database).await.contains(&"notes".to_owned()));
}
