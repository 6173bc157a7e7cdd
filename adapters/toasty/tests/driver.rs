//! What Toasty's own tests for drivers leave out: other users of the database, several at once,
//! errors, and migrations of tables with rows that refer to them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helper fails as the test does"
)]

use std::error::Error;

use toasty::Db;
use toasty_core::driver::operation::{Operation, RawSql, RawSqlRet, Transaction, TransactionMode};
use toasty_core::driver::{ConnectContext, Driver as _};
use toasty_core::schema::db::Migration;
use ubiqlite::{Database, ErrorKind};
use ubiqlite_toasty::Ubiqlite;

// #region model
#[derive(Debug, toasty::Model)]
struct Item {
    #[key]
    #[auto]
    id: u64,
    #[unique]
    name: String,
    watt: u64,
}
// #endregion model

#[tokio::test]
async fn the_same_database_is_used_by_toasty_and_by_sql() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("app.db");
    // #region open
    let database = Database::open(path).await?;
    let driver = Ubiqlite::new(database.clone());
    let mut db = Db::builder().models(toasty::models!(Item)).build(driver).await?;
    db.push_schema().await?;

    let mut tx = db.transaction().await?;
    toasty::create!(Item { name: "lamp", watt: 40 }).exec(&mut tx).await?;
    let lamp = Item::get_by_name(&mut tx, "lamp").await?;
    tx.commit().await?;

    let sql = "SELECT watt FROM items WHERE id = ?";
    let watt: u64 = database.query_value(sql, [lamp.id]).await?;
    // #endregion open
    assert_eq!(watt, 40);
    Ok(())
}

async fn shop() -> (Database, Db) {
    let database = Database::open(":memory:").await.unwrap();
    let driver = Ubiqlite::new(database.clone());
    let db = Db::builder().models(toasty::models!(Item)).build(driver).await.unwrap();
    db.push_schema().await.unwrap();
    (database, db)
}

async fn count(database: &Database) -> i64 {
    database.query_value("SELECT count(*) FROM items", ()).await.unwrap()
}

#[tokio::test]
async fn a_live_query_sees_what_toasty_writes() {
    let (database, mut db) = shop().await;
    let mut live = database.watch("SELECT name FROM items", ());
    assert!(live.try_next().await.unwrap().unwrap().is_empty());
    toasty::create!(Item { name: "lamp", watt: 40 }).exec(&mut db).await.unwrap();
    let names: Vec<(String,)> = live.try_next().await.unwrap().unwrap().rows().unwrap();
    assert_eq!(names, [("lamp".to_owned(),)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_begin_at_once_wait_for_each_other_and_lose_no_update() {
    let (_database, mut db) = shop().await;
    let lamp = toasty::create!(Item { name: "lamp", watt: 0 }).exec(&mut db).await.unwrap();
    let id = lamp.id;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let mut db = db.clone();
            tokio::spawn(async move {
                let mut tx = db.transaction().await?;
                let mut lamp = Item::get_by_id(&mut tx, &id).await?;
                let watt = lamp.watt + 1;
                lamp.update().watt(watt).exec(&mut tx).await?;
                tx.commit().await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(Item::get_by_id(&mut db, &id).await.unwrap().watt, 16);
}

#[tokio::test]
async fn a_transaction_that_reads_only_keeps_its_moment_next_to_a_writer_and_writes_nothing() {
    let (database, mut db) = shop().await;
    let mut other = db.clone();
    let mut reading = db.transaction_builder().read_only(true).begin().await.unwrap();
    assert!(Item::all().exec(&mut reading).await.unwrap().is_empty());
    toasty::create!(Item { name: "lamp", watt: 40 }).exec(&mut other).await.unwrap();
    assert!(Item::all().exec(&mut reading).await.unwrap().is_empty());

    let mut nested = reading.transaction().await.unwrap();
    let create = toasty::create!(Item { name: "chair", watt: 0 });
    let error = create.exec(&mut nested).await.unwrap_err();
    assert!(error.is_read_only_transaction(), "{error}");
    nested.commit().await.unwrap();
    reading.commit().await.unwrap();
    assert_eq!(count(&database).await, 1);
}

#[tokio::test]
async fn a_savepoint_in_a_savepoint_is_undone_alone_and_the_outer_ones_go_on() {
    let (database, mut db) = shop().await;
    let mut tx = db.transaction().await.unwrap();
    toasty::create!(Item { name: "a", watt: 1 }).exec(&mut tx).await.unwrap();
    let mut outer = tx.transaction().await.unwrap();
    toasty::create!(Item { name: "b", watt: 1 }).exec(&mut outer).await.unwrap();
    for name in ["c", "d"] {
        let mut inner = outer.transaction().await.unwrap();
        toasty::create!(Item { name: name, watt: 1 }).exec(&mut inner).await.unwrap();
        inner.rollback().await.unwrap();
    }
    let mut inner = outer.transaction().await.unwrap();
    toasty::create!(Item { name: "e", watt: 1 }).exec(&mut inner).await.unwrap();
    inner.commit().await.unwrap();
    outer.commit().await.unwrap();
    // Nobody else sees any of it yet.
    assert_eq!(count(&database).await, 0);
    tx.commit().await.unwrap();
    let names: Vec<(String,)> =
        database.query("SELECT name FROM items ORDER BY name", ()).await.unwrap();
    assert_eq!(names.into_iter().map(|(name,)| name).collect::<String>(), "abe");
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_before_the_next_write() {
    let (database, mut db) = shop().await;
    let mut tx = db.transaction().await.unwrap();
    let mut nested = tx.transaction().await.unwrap();
    toasty::create!(Item { name: "lamp", watt: 40 }).exec(&mut nested).await.unwrap();
    drop(nested);
    drop(tx);
    toasty::create!(Item { name: "lamp", watt: 60 }).exec(&mut db).await.unwrap();
    let watt: i64 = database.query_value("SELECT watt FROM items", ()).await.unwrap();
    assert_eq!(watt, 60);
}

#[tokio::test]
async fn an_error_leads_to_ours_with_its_kind_and_columns() {
    let (_database, mut db) = shop().await;
    toasty::create!(Item { name: "lamp", watt: 40 }).exec(&mut db).await.unwrap();
    let again = toasty::create!(Item { name: "lamp", watt: 60 }).exec(&mut db).await.unwrap_err();
    let mut cause: Option<&(dyn Error + 'static)> = again.source();
    let ours = loop {
        let error = cause.expect("our error is a cause");
        if let Some(ours) = error.downcast_ref::<ubiqlite::Error>() {
            break ours;
        }
        cause = error.source();
    };
    assert_eq!(ours.kind(), ErrorKind::UniqueViolation);
    assert_eq!(ours.columns(), ["name"]);
}

#[tokio::test]
async fn a_writer_that_waits_too_long_gets_a_serialization_failure() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::options()
        .busy_timeout(std::time::Duration::from_millis(20))
        .open(folder.path().join("shop.db"))
        .await
        .unwrap();
    let driver = Ubiqlite::new(database.clone());
    let mut db = Db::builder().models(toasty::models!(Item)).build(driver).await.unwrap();
    db.push_schema().await.unwrap();
    let stalled = database.begin().await.unwrap();
    let begun = db.transaction_builder().mode(TransactionMode::Immediate).begin().await;
    let error = begun.err().expect("another writer is there");
    assert!(error.is_serialization_failure(), "{error}");
    stalled.rollback().await.unwrap();
    // The connection of the pool is as good as before.
    toasty::create!(Item { name: "lamp", watt: 40 }).exec(&mut db).await.unwrap();
}

#[tokio::test]
async fn a_closed_database_is_a_lost_connection() {
    let (database, mut db) = shop().await;
    database.close().await.unwrap();
    let error = Item::all().exec(&mut db).await.unwrap_err();
    assert!(error.is_connection_lost(), "{error}");
}

#[tokio::test]
async fn a_database_that_is_reset_is_empty_for_everybody_and_goes_on() {
    let (database, mut db) = shop().await;
    toasty::create!(Item { name: "lamp", watt: 40 }).exec(&mut db).await.unwrap();
    db.reset_db().await.unwrap();
    let tables: i64 = database.query_value("SELECT count(*) FROM sqlite_schema", ()).await.unwrap();
    assert_eq!(tables, 0);
    db.push_schema().await.unwrap();
    assert!(Item::all().exec(&mut db).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_migration_that_gives_a_parent_another_form_keeps_its_children() {
    let database = Database::open(":memory:").await.unwrap();
    database
        .batch(
            "CREATE TABLE shelves (id INTEGER PRIMARY KEY);
             CREATE TABLE items (shelf REFERENCES shelves ON DELETE CASCADE);
             INSERT INTO shelves VALUES (1); INSERT INTO items VALUES (1);",
        )
        .await
        .unwrap();
    let driver = Ubiqlite::new(database.clone());
    let mut connection = driver.connect(&ConnectContext::default()).await.unwrap();
    // What Toasty writes for a column of another type.
    let rebuild = Migration::new_sql_with_breakpoints(&[
        "-- Toasty\nPRAGMA main.foreign_keys = OFF;",
        "CREATE TABLE _toasty_new_shelves (id INTEGER PRIMARY KEY, name TEXT);",
        "INSERT INTO _toasty_new_shelves (id) SELECT id FROM shelves;",
        "DROP TABLE shelves;",
        "ALTER TABLE _toasty_new_shelves RENAME TO shelves;",
        "PRAGMA/* */foreign_keys(1);",
    ]);
    connection.apply_migration(u64::MAX, "0001_names", &rebuild).await.unwrap();
    assert_eq!(count(&database).await, 1);

    // One that leaves rows without what they refer to has no effect.
    let lost = Migration::new_sql("DELETE FROM shelves;".to_owned());
    let error = connection.apply_migration(2, "0002_lost", &lost).await.unwrap_err();
    assert!(error.to_string().contains("0002_lost"), "{error}");
    let shelves: i64 = database.query_value("SELECT count(*) FROM shelves", ()).await.unwrap();
    assert_eq!(shelves, 1);
    let applied = connection.applied_migrations().await.unwrap();
    assert_eq!(applied.iter().map(|it| it.id()).collect::<Vec<_>>(), [u64::MAX]);
    // Foreign keys are enforced as before.
    let orphan = database.execute("INSERT INTO items VALUES (9)", ()).await.unwrap_err();
    assert_eq!(orphan.kind(), ErrorKind::ForeignKeyViolation);
}

#[tokio::test]
async fn orphans_that_were_there_before_stop_no_migration_and_new_ones_do() {
    let database = Database::open(":memory:").await.unwrap();
    let mut session = database.acquire().await.unwrap();
    session.execute("PRAGMA foreign_keys = OFF", ()).await.unwrap();
    session
        .batch(
            "CREATE TABLE shelves (id INTEGER PRIMARY KEY);
             CREATE TABLE items (id INTEGER PRIMARY KEY, shelf REFERENCES shelves);
             INSERT INTO shelves VALUES (1); INSERT INTO items VALUES (1, 1), (2, 9);",
        )
        .await
        .unwrap();
    drop(session);
    let driver = Ubiqlite::new(database.clone());
    let mut connection = driver.connect(&ConnectContext::default()).await.unwrap();
    let names = Migration::new_sql("ALTER TABLE items ADD COLUMN name TEXT;".to_owned());
    connection.apply_migration(1, "0001_names", &names).await.unwrap();
    let lost = Migration::new_sql("DELETE FROM shelves;".to_owned());
    let error = connection.apply_migration(2, "0002_lost", &lost).await.unwrap_err();
    assert!(error.to_string().contains("0002_lost"), "{error}");
    // Whose rows get other rowids, and another name.
    let moved = Migration::new_sql_with_breakpoints(&[
        "CREATE TABLE things (name TEXT, shelf REFERENCES shelves);",
        "INSERT INTO things SELECT name, shelf FROM items ORDER BY id DESC;",
        "DROP TABLE items;",
        "ALTER TABLE things RENAME TO items;",
    ]);
    connection.apply_migration(4, "0002_moved", &moved).await.unwrap();
    let healed = Migration::new_sql("DELETE FROM items WHERE shelf = 9;".to_owned());
    connection.apply_migration(3, "0003_healed", &healed).await.unwrap();
    let applied = connection.applied_migrations().await.unwrap();
    assert_eq!(applied.iter().map(|it| it.id()).collect::<Vec<_>>(), [1, 3, 4]);
}

#[tokio::test]
async fn a_migration_that_several_apply_at_once_is_applied_once() {
    let database = Database::open(":memory:").await.unwrap();
    let driver = Ubiqlite::new(database.clone());
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let driver = driver.clone();
            tokio::spawn(async move {
                let items = "CREATE TABLE items (id INTEGER PRIMARY KEY)";
                let migration = Migration::new_sql(items.to_owned());
                let mut connection = driver.connect(&ConnectContext::default()).await?;
                connection.applied_migrations().await?;
                connection.apply_migration(1, "0001_items", &migration).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(count(&database).await, 0);
}

#[tokio::test]
async fn a_savepoint_that_is_rolled_back_to_is_still_there_and_one_that_never_was_is_an_error() {
    let (database, db) = shop().await;
    let schema = db.schema().clone();
    let driver = Ubiqlite::new(database.clone());
    let mut connection = driver.connect(&ConnectContext::default()).await.unwrap();
    let mut ask = async |operation: Transaction| connection.exec(&schema, operation.into()).await;
    ask(Transaction::start()).await.unwrap();
    ask(Transaction::Savepoint("a".into())).await.unwrap();
    ask(Transaction::Savepoint("b".into())).await.unwrap();
    ask(Transaction::RollbackToSavepoint("a".into())).await.unwrap();
    // With it went the one inside.
    let gone = ask(Transaction::ReleaseSavepoint("b".into())).await.err().unwrap();
    assert!(gone.is_invalid_statement(), "{gone}");
    ask(Transaction::ReleaseSavepoint("a".into())).await.unwrap();
    ask(Transaction::Savepoint("c".into())).await.unwrap();
    let again = ask(Transaction::start()).await.err().unwrap();
    assert!(again.is_invalid_statement(), "{again}");
    ask(Transaction::Commit).await.unwrap();
    // What is over is rolled back already.
    ask(Transaction::Rollback).await.unwrap();
    assert!(ask(Transaction::Commit).await.err().unwrap().is_invalid_statement());
    // And nobody waits for it.
    database.execute("DELETE FROM items", ()).await.unwrap();
}

/// A nested transaction that is undone is left by `ROLLBACK TO`, after which its savepoint is there.
#[tokio::test]
async fn ten_thousand_nested_transactions_that_are_undone_are_no_ten_thousand_levels() {
    let (database, mut db) = shop().await;
    let mut tx = db.transaction().await.unwrap();
    for round in 0..10_000 {
        let mut outer = tx.transaction().await.unwrap();
        if round % 100 == 0 {
            toasty::create!(Item { name: "undone", watt: 1 }).exec(&mut outer).await.unwrap();
            outer.transaction().await.unwrap().rollback().await.unwrap();
        }
        outer.rollback().await.unwrap();
        // What the transaction goes on with is not in what was undone.
        if round % 1_000 == 0 {
            let name = format!("kept {round}");
            toasty::create!(Item { name: name, watt: 1 }).exec(&mut tx).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    assert_eq!(count(&database).await, 10);
}

/// Savepoints as Toasty uses them, beside what SQL says of the same.
#[tokio::test]
async fn savepoints_that_are_kept_and_undone_in_any_order_leave_what_sql_leaves() {
    for seed in 0..200_u64 {
        let mut state = seed * 2 + 1;
        let mut random = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let (database, db) = shop().await;
        // What SQL says: `ROLLBACK TO` keeps the savepoint, `RELEASE` ends it and those inside.
        let mut rows: Vec<String> = Vec::new();
        let mut savepoints: Vec<(String, usize)> = Vec::new();
        let schema = db.schema().clone();
        let driver = Ubiqlite::new(database.clone());
        let mut connection = driver.connect(&ConnectContext::default()).await.unwrap();
        connection.exec(&schema, Transaction::start().into()).await.unwrap();
        let mut open: Vec<String> = Vec::new();
        for step in 0..60 {
            let operation: Operation = match random(5) {
                0 => {
                    // As Toasty names them: by their depth, or by what they are for.
                    let depth = format!("tx_{}", open.len());
                    let free = !open.iter().any(|name| name == "rmw");
                    let name = if free && random(3) == 0 { "rmw".into() } else { depth };
                    open.push(name.clone());
                    savepoints.push((name.clone(), rows.len()));
                    Transaction::Savepoint(name).into()
                }
                kind @ (1 | 2) => {
                    let Some(name) = open.pop() else { continue };
                    let at = savepoints.iter().rposition(|(each, _)| *each == name).unwrap();
                    if kind == 1 {
                        savepoints.truncate(at);
                        Transaction::ReleaseSavepoint(name).into()
                    } else {
                        savepoints.truncate(at + 1);
                        rows.truncate(savepoints[at].1);
                        Transaction::RollbackToSavepoint(name).into()
                    }
                }
                _ => {
                    rows.push(format!("{step:02}"));
                    let sql = format!("INSERT INTO items (name, watt) VALUES ('{step:02}', 1)");
                    RawSql { sql, params: Vec::new(), ret: RawSqlRet::None }.into()
                }
            };
            connection.exec(&schema, operation).await.unwrap();
        }
        connection.exec(&schema, Transaction::Commit.into()).await.unwrap();
        let sql = "SELECT name FROM items ORDER BY name";
        let found: Vec<(String,)> = database.query(sql, ()).await.unwrap();
        let found: Vec<String> = found.into_iter().map(|(name,)| name).collect();
        assert_eq!(found, rows, "seed {seed}");
    }
}

#[tokio::test]
async fn a_schema_without_tables_is_pushed() {
    let driver = Ubiqlite::new(Database::open(":memory:").await.unwrap());
    let db = Db::builder().build(driver).await.unwrap();
    db.push_schema().await.unwrap();
}

#[tokio::test]
async fn what_would_change_a_connection_under_others_is_refused() {
    let (_database, mut db) = shop().await;
    let pragma = toasty::sql::statement("PRAGMA foreign_keys = OFF").exec(&mut db).await;
    assert!(pragma.is_err());
}
