//! Others change the file while this library has it open: its journal mode and its schema, or
//! with `VACUUM`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

#[allow(dead_code, reason = "each test program uses its part")]
mod support;

use std::path::Path;
use std::time::Duration;

use support::{ask, outside};
use ubiqlite::{Database, ErrorKind, JournalMode, Key, Options, Row, params, record};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO items VALUES (1, 'one'), (2, 'two'), (3, 'three');";

fn options() -> Options {
    Database::options().readers(2).busy_timeout(Duration::from_millis(500))
}

fn mode(path: &Path) -> String {
    outside(path).pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap()
}

async fn count(db: &Database) -> i64 {
    db.query_value("SELECT count(*) FROM items", ()).await.unwrap()
}

/// Checks that each kind of call works, and agrees with what is seen from outside.
async fn works(db: &Database, path: &Path) {
    let before = count(db).await;
    let items = db.table("items");
    let id = items.insert(record! { "name" => "more" }).await.unwrap();
    assert_eq!(count(db).await, before + 1);
    assert!(items.update(&id, record! { "name" => "changed" }).await.unwrap());
    let seen = ask(&outside(path), "SELECT count(*) FROM items WHERE name = 'changed'");
    assert_eq!(seen, 1);
    let left = db
        .transaction(async |tx| {
            tx.execute("DELETE FROM items WHERE id = ?", params![&id]).await?;
            tx.query_value::<i64>("SELECT count(*) FROM items", ()).await
        })
        .await
        .unwrap();
    assert_eq!(left, before);
    let streamed = db.stream("SELECT id FROM items", ()).collect::<i64>().await.unwrap();
    let snapshot = db.snapshot().await.unwrap();
    assert_eq!(snapshot.query::<i64>("SELECT id FROM items", ()).await.unwrap(), streamed);
    drop(snapshot);
    let mut session = db.acquire().await.unwrap();
    assert_eq!(session.query_value::<i64>("SELECT count(*) FROM items", ()).await.unwrap(), left);
}

#[tokio::test]
async fn a_journal_mode_set_while_we_are_closed_stays_until_the_caller_asks_for_another() {
    let (_dir, path, db) = support::with(options(), SCHEMA).await;
    db.close().await.unwrap();
    for other in ["delete", "persist", "truncate"] {
        outside(&path).pragma_update(None, "journal_mode", other).unwrap();
        let before = std::fs::read(&path).unwrap();
        let read_only = options().read_only(true).open(&path).await.unwrap();
        assert_eq!(count(&read_only).await, 3);
        read_only.close().await.unwrap();
        let db = options().open(&path).await.unwrap();
        assert_eq!(count(&db).await, 3);
        let snapshot = db.snapshot().await.unwrap();
        assert_eq!(snapshot.query_value::<i64>("SELECT max(id) FROM items", ()).await.unwrap(), 3);
        drop(snapshot);
        db.close().await.unwrap();
        assert_eq!(
            std::fs::read(&path).unwrap(),
            before,
            "{other}: who only reads changes nothing"
        );
        let db = options().open(&path).await.unwrap();
        works(&db, &path).await;
        db.close().await.unwrap();
        assert_ne!(mode(&path), "wal", "{other}");
        let db = options().journal_mode(JournalMode::Wal).open(&path).await.unwrap();
        works(&db, &path).await;
        db.close().await.unwrap();
        assert_eq!(mode(&path), "wal", "{other}");
        // Restore the file.
        std::fs::write(&path, before).unwrap();
    }
}

#[tokio::test]
async fn a_new_database_is_in_wal_mode_and_so_is_an_empty_file_that_was_there() {
    let (dir, path) = support::fresh();
    let db = options().open(&path).await.unwrap();
    let other = options().open(&path).await.unwrap();
    assert_eq!((mode(&path), mode(&path)), ("wal".into(), "wal".into()));
    drop((db, other));
    let empty = dir.path().join("empty.db");
    std::fs::File::create(&empty).unwrap();
    let db = options().open(&empty).await.unwrap();
    assert_eq!(mode(&empty), "wal");
    drop(db);
}

#[test]
fn whoever_opens_a_new_file_at_once_with_others_finds_it_in_wal_mode() {
    for _ in 0..20 {
        let (_dir, path) = support::fresh();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread();
                    let runtime = { runtime }.enable_all().build().unwrap();
                    runtime.block_on(async {
                        let db = options().open(&path).await.unwrap();
                        let mode: String = db.query_value("PRAGMA journal_mode", ()).await.unwrap();
                        assert_eq!(mode, "wal");
                        db.close().await.unwrap();
                    });
                });
            }
        });
    }
}

#[tokio::test]
async fn outside_wal_mode_reads_go_on_while_another_process_prepares_to_write() {
    let options = options().journal_mode(JournalMode::Delete).busy_timeout(Duration::ZERO);
    let (_dir, path, db) = support::with(options, SCHEMA).await;
    works(&db, &path).await;
    let outside = outside(&path);
    outside.execute_batch("BEGIN IMMEDIATE; UPDATE items SET name = 'theirs'").unwrap();
    let row: Row = db.table("items").get(1).await.unwrap().unwrap();
    assert_eq!(row.get::<String>("name").unwrap(), "one");
    let ask = || db.query_value::<i64>("SELECT count(*) FROM items", ());
    let (a, b, c) = tokio::join!(ask(), ask(), ask());
    assert_eq!((a.unwrap(), b.unwrap(), c.unwrap()), (3, 3, 3));
    let names = db.stream("SELECT name FROM items", ()).collect::<String>().await.unwrap();
    assert_eq!(names, ["one", "two", "three"]);
    let snapshot = db.snapshot().await.unwrap();
    assert_eq!(snapshot.query_value::<i64>("SELECT count(*) FROM items", ()).await.unwrap(), 3);
    drop(snapshot);
    let refused = db.execute("DELETE FROM items", ()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    outside.execute_batch("COMMIT").unwrap();
    let name: String = db.query_value("SELECT name FROM items WHERE id = 1", ()).await.unwrap();
    assert_eq!(name, "theirs");
}

#[tokio::test]
async fn a_session_can_change_the_journal_mode_too() {
    let (_dir, path, db) = support::with(options().journal_mode(JournalMode::Delete), SCHEMA).await;
    works(&db, &path).await;
    let mut session = db.acquire().await.unwrap();
    let set: String = session.query_value("PRAGMA journal_mode = WAL", ()).await.unwrap();
    assert_eq!(set, "wal");
    drop(session);
    works(&db, &path).await;
    assert_eq!(mode(&path), "wal");
}

#[tokio::test]
async fn the_journal_mode_can_not_be_taken_from_under_us() {
    let (_dir, path, db) = support::with(options(), SCHEMA).await;
    works(&db, &path).await;
    let outside = outside(&path);
    outside.busy_timeout(Duration::from_millis(200)).unwrap();
    // All leases have ended by now; only the open file prevents it.
    std::thread::sleep(Duration::from_millis(50));
    let refused = outside
        .pragma_update_and_check(None, "journal_mode", "delete", |row| row.get::<_, String>(0));
    assert!(refused.as_deref().map_or(true, |mode| mode == "wal"), "{refused:?}");
    works(&db, &path).await;
    assert_eq!(mode(&path), "wal");
}

#[tokio::test]
async fn the_journal_mode_changes_from_inside_and_back() {
    let (_dir, path, db) = support::with(options(), SCHEMA).await;
    works(&db, &path).await;
    for round in 0..3 {
        db.execute("PRAGMA journal_mode = DELETE", ()).await.unwrap();
        assert_eq!(mode(&path), "delete", "round {round}");
        works(&db, &path).await;
        outside(&path).execute("UPDATE items SET name = 'outer' WHERE id = 1", []).unwrap();
        let name: String = db.query_value("SELECT name FROM items WHERE id = 1", ()).await.unwrap();
        assert_eq!(name, "outer");
        let set: String = db.query_value("PRAGMA journal_mode = WAL", ()).await.unwrap();
        assert_eq!(set, "wal", "round {round}");
        works(&db, &path).await;
        outside(&path).execute("UPDATE items SET name = 'inner' WHERE id = 1", []).unwrap();
        let name: String = db.query_value("SELECT name FROM items WHERE id = 1", ()).await.unwrap();
        assert_eq!(name, "inner");
    }
}

#[tokio::test]
async fn the_journal_mode_does_not_change_under_a_running_stream() {
    let (_dir, path, db) = support::with(options(), SCHEMA).await;
    let rows = (0..20_000).map(|n| [format!("item {n} {}", "x".repeat(100))]);
    db.execute_many("INSERT INTO items (name) VALUES (?)", rows).await.unwrap();
    let mut stream = db.stream("SELECT * FROM items", ());
    assert!(stream.try_next().await.unwrap().is_some());
    let refused = db.execute("PRAGMA journal_mode = DELETE", ()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(stream.collect::<Row>().await.unwrap().len(), 20_002);
    works(&db, &path).await;
    db.execute("PRAGMA journal_mode = DELETE", ()).await.unwrap();
    works(&db, &path).await;
}

#[tokio::test]
async fn a_vacuum_leaves_everything_right_whoever_does_it() {
    let (_dir, path, db) = support::with(options(), SCHEMA).await;
    db.batch("CREATE TABLE plain (name TEXT); INSERT INTO plain VALUES ('a'), ('b'), ('c');")
        .await
        .unwrap();
    let plain = db.table("plain");
    for round in 0..3 {
        works(&db, &path).await;
        plain.insert(record! { "name" => "gone" }).await.unwrap();
        db.execute("DELETE FROM plain WHERE name = 'gone'", ()).await.unwrap();
        if round % 2 == 0 {
            outside(&path).execute_batch("VACUUM").unwrap();
        } else {
            db.execute("VACUUM", ()).await.unwrap();
        }
        works(&db, &path).await;
        let names: Vec<String> = db.query("SELECT name FROM plain", ()).await.unwrap();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(ask(&outside(&path), "SELECT count(*) FROM pragma_integrity_check"), 1);
    }
}

#[tokio::test]
async fn a_vacuum_from_inside_runs_beside_a_stream() {
    let (_dir, path, db) = support::with(options(), SCHEMA).await;
    let rows = (0..20_000).map(|n| [format!("item {n} {}", "x".repeat(100))]);
    db.execute_many("INSERT INTO items (name) VALUES (?)", rows).await.unwrap();
    let mut stream = db.stream("SELECT * FROM items", ());
    assert!(stream.try_next().await.unwrap().is_some());
    db.execute("VACUUM", ()).await.unwrap();
    assert_eq!(stream.collect::<Row>().await.unwrap().len(), 20_002);
    works(&db, &path).await;
}

async fn columns(db: &Database) -> Vec<String> {
    let row: Row = db.query_one("SELECT * FROM items WHERE id = 1", ()).await.unwrap();
    row.columns().iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_column_added_outside_is_in_the_next_select_star() {
    let (_dir, path, db) = support::with(options(), SCHEMA).await;
    let items = db.table("items");
    for number in 0..20 {
        // So that every reader has the statement and the schema.
        for _ in 0..4 {
            assert_eq!(columns(&db).await.len(), 2 + number);
            assert_eq!(items.get::<Row>(1).await.unwrap().unwrap().len(), 2 + number);
        }
        let column = format!("c{number}");
        outside(&path)
            .execute_batch(&format!("ALTER TABLE items ADD COLUMN {column} TEXT DEFAULT 'new'"))
            .unwrap();
        assert_eq!(columns(&db).await.last(), Some(&column));
        let row: Row = items.get(1).await.unwrap().unwrap();
        assert_eq!(row.get::<&str>(column.as_str()).unwrap(), "new");
        assert!(items.update(1, record! { column.clone() => "set" }).await.unwrap());
        let found: Vec<Row> = items.select().filter(&column, "set").all().await.unwrap();
        assert_eq!(found.len(), 1);
        let streamed: Vec<Row> = items.stream().await.unwrap().collect().await.unwrap();
        assert_eq!(streamed[0].len(), 3 + number);
    }
    outside(&path).execute_batch("ALTER TABLE items DROP COLUMN c3").unwrap();
    let error = items.update(1, record! { "c3" => "x" }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchColumn);
    assert_eq!(columns(&db).await.len(), 21);
    outside(&path).execute_batch("DROP TABLE items").unwrap();
    assert_eq!(items.get::<Row>(1).await.unwrap_err().kind(), ErrorKind::NoSuchTable);
    assert_eq!(items.count().await.unwrap_err().kind(), ErrorKind::NoSuchTable);
}

/// Makes `items`, keyed by `id` and known to the database, and then rekeys it from outside by
/// `key`: the values of `code` are the ids of the other row.
async fn rekeyed(key: &str) -> (tempfile::TempDir, Database) {
    let before = "CREATE TABLE items (id INTEGER PRIMARY KEY, code INTEGER, name TEXT);
        INSERT INTO items VALUES (1, 2, 'one'), (2, 1, 'two');";
    let (dir, path, db) = support::with(options(), before).await;
    let items = db.table("items");
    for _ in 0..4 {
        assert!(items.get::<Row>(1).await.unwrap().is_some());
        assert!(items.update(1, record! { "name" => "one" }).await.unwrap());
        assert_eq!(items.update_many([1], record! { "name" => "one" }).await.unwrap(), 1);
    }
    outside(&path)
        .execute_batch(&format!(
            "DROP TABLE items;
             CREATE TABLE items (id INTEGER, code INTEGER, name TEXT, PRIMARY KEY ({key}));
             INSERT INTO items VALUES (1, 2, 'one'), (2, 1, 'two');"
        ))
        .unwrap();
    (dir, db)
}

async fn names(db: &Database) -> Vec<String> {
    db.query("SELECT name FROM items ORDER BY id", ()).await.unwrap()
}

#[tokio::test]
async fn one_row_is_found_by_the_key_that_the_table_has_now() {
    let (_dir, db) = rekeyed("code").await;
    let row: Row = db.table("items").get(1).await.unwrap().unwrap();
    assert_eq!(row.get::<&str>("name").unwrap(), "two");

    let (_dir, db) = rekeyed("code").await;
    assert!(db.table("items").update(1, record! { "name" => "changed" }).await.unwrap());
    assert_eq!(names(&db).await, ["one", "changed"]);

    let (_dir, db) = rekeyed("code").await;
    assert!(db.table("items").delete(1).await.unwrap());
    assert_eq!(names(&db).await, ["one"]);

    let (_dir, db) = rekeyed("code").await;
    let key = db.table("items").upsert(record! { "code" => 1, "name" => "up" }).await.unwrap();
    assert_eq!(key, Key::from(1));
    assert_eq!(names(&db).await, ["one", "up"]);
}

#[tokio::test]
async fn many_rows_are_found_by_the_key_that_the_table_has_now() {
    let (_dir, db) = rekeyed("code").await;
    let changed = db.table("items").update_many([1], record! { "name" => "changed" }).await;
    assert_eq!(changed.unwrap(), 1);
    assert_eq!(names(&db).await, ["one", "changed"]);
}

#[tokio::test]
async fn a_key_of_more_columns_is_taken_when_the_table_has_it_now() {
    let (_dir, db) = rekeyed("code, id").await;
    let row: Option<Row> = db.table("items").get((1, 2)).await.unwrap();
    assert_eq!(row.unwrap().get::<&str>("name").unwrap(), "two");

    let (_dir, db) = rekeyed("code, id").await;
    assert!(db.table("items").update((1, 2), record! { "name" => "changed" }).await.unwrap());
    assert_eq!(names(&db).await, ["one", "changed"]);

    let (_dir, db) = rekeyed("code, id").await;
    assert!(db.table("items").delete((1, 2)).await.unwrap());
    assert_eq!(names(&db).await, ["one"]);

    let (_dir, db) = rekeyed("code, id").await;
    let changed = db.table("items").update_many([(1, 2)], record! { "name" => "changed" }).await;
    assert_eq!(changed.unwrap(), 1);
}
