//! A backend that only runs programs supports every operation on statements and tables. An
//! operation that needs more reports which capability is missing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

#[path = "programs/backend.rs"]
mod backend;

use backend::ProgramsOnly;
use ubiqlite::{
    Batch, Begin, Compare, Database, Error, ErrorKind, Key, Row, Transfer, Value, named, params,
    record,
};

const SCHEMA: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, status TEXT, value REAL);
    CREATE TABLE users (email TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID;
    CREATE TABLE places (land TEXT, number INTEGER, name TEXT, PRIMARY KEY (land, number));
    CREATE TABLE plain (a, b);
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
    INSERT INTO accounts VALUES (1, 100), (2, 100), (3, 100);";

/// Returns the directory, a separate connection to the file, and the database.
fn open() -> (tempfile::TempDir, rusqlite::Connection, Database) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.db");
    let plain = rusqlite::Connection::open(&path).unwrap();
    plain.execute_batch(SCHEMA).unwrap();
    let beside = rusqlite::Connection::open(&path).unwrap();
    (dir, beside, Database::with_backend(ProgramsOnly::new(plain)))
}

#[tokio::test]
async fn a_row_is_inserted_read_changed_and_deleted_whatever_its_key() {
    let (_dir, _, db) = open();
    let cases: [(&str, Key, _); 3] = [
        ("items", Key::from(1), record! { "name" => "lamp" }),
        (
            "users",
            Key::from("a@example.org"),
            record! { "email" => "a@example.org", "name" => "A" },
        ),
        (
            "places",
            Key::from(("eu", 7)),
            record! { "land" => "eu", "number" => 7, "name" => "there" },
        ),
    ];
    for (name, key, row) in cases {
        let table = db.table(name);
        assert_eq!(table.insert(row).await.unwrap(), key, "{name}");
        assert!(table.update(&key, record! { "name" => "changed" }).await.unwrap());
        let row: Row = table.get(&key).await.unwrap().unwrap();
        assert_eq!(row.get::<&str>("name").unwrap(), "changed");
        assert!(table.delete(&key).await.unwrap());
        assert!(!table.delete(&key).await.unwrap());
        assert!(!table.update(&key, record! { "name" => "nobody" }).await.unwrap());
        assert!(table.get::<Row>(&key).await.unwrap().is_none());
    }
    let row = db.table("plain").insert(record! { "a" => 1 }).await.unwrap();
    assert!(db.table("plain").get::<Row>(&row).await.unwrap().is_some());
    let empty = db.table("items").insert(record! {}).await.unwrap();
    assert!(db.table("items").get::<Row>(&empty).await.unwrap().is_some());
}

#[tokio::test]
async fn unknown_names_never_reach_the_backend_as_sql() {
    let (_dir, _, db) = open();
    let error = db.table("items\"; DROP TABLE items; --").count().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchTable);
    let error = db.table("items").insert(record! { "no" => 1 }).await.unwrap_err();
    assert_eq!((error.kind(), error.table()), (ErrorKind::NoSuchColumn, Some("items")));
    let error = db.table("items").select().filter("no", 1).all::<Row>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchColumn);
    assert_eq!(db.table("items").count().await.unwrap(), 0);
}

#[tokio::test]
async fn many_rows_go_in_as_one_program_or_not_at_all() {
    let (_dir, beside, db) = open();
    let rows = |from: i64, to: i64| (from..to).map(|n| record! { "name" => format!("item {n}") });
    let items = db.table("items");
    assert_eq!(items.insert_many(rows(0, 5_000)).await.unwrap(), 5_000);
    let error = items.insert_many(rows(5_000, 8_000).chain(rows(0, 1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UniqueViolation);
    assert_eq!(items.count().await.unwrap(), 5_000, "the good ones went back too");
    let mixed = [record! { "name" => "x" }, record! { "status" => "y" }, record! {}];
    assert_eq!(items.insert_many(mixed).await.unwrap(), 3);

    let done = record! { "status" => "done" };
    assert_eq!(items.update_many(2_900..6_000, done.clone()).await.unwrap(), 2_104);
    assert_eq!(items.update_many([1, 1, 2, 99_999], done.clone()).await.unwrap(), 2);
    assert_eq!(items.select().filter("status", "done").count().await.unwrap(), 2_106);

    let rows = (0..4_000).map(|n| params![n, -n]);
    assert_eq!(db.execute_many("INSERT INTO plain VALUES (?, ?)", rows).await.unwrap(), 4_000);
    let sum: i64 = beside.query_row("SELECT sum(b) FROM plain", [], |row| row.get(0)).unwrap();
    assert_eq!(sum, -7_998_000);
}

#[tokio::test]
async fn every_filter_selects() {
    let (_dir, _, db) = open();
    let items = db.table("items");
    let rows = (1..=10).map(|n| {
        let status = if n % 2 == 0 { Value::Null } else { Value::from("odd") };
        record! { "name" => format!("n{n}"), "status" => status, "value" => f64::from(n) }
    });
    items.insert_many(rows).await.unwrap();
    let of = async |select: ubiqlite::Select<'_>| -> Vec<i64> {
        let rows: Vec<Row> = select.clone().order_by("id").all().await.unwrap();
        assert_eq!(select.count().await.unwrap(), rows.len() as u64);
        rows.iter().map(|row| row.get(0).unwrap()).collect()
    };
    let all = || items.select();
    assert_eq!(of(all().filter("name", "n3")).await, [3]);
    assert_eq!(of(all().filter_null("status")).await, [2, 4, 6, 8, 10]);
    assert_eq!(of(all().filter_not_null("status")).await, [1, 3, 5, 7, 9]);
    assert_eq!(of(all().filter_with("value", Compare::Lt, 3)).await, [1, 2]);
    assert_eq!(of(all().filter_with("value", Compare::Le, 3)).await, [1, 2, 3]);
    assert_eq!(of(all().filter_with("value", Compare::Gt, 8)).await, [9, 10]);
    assert_eq!(of(all().filter_with("value", Compare::Ge, 8)).await, [8, 9, 10]);
    assert_eq!(of(all().filter_with("id", Compare::Ne, 1).limit(2)).await.len(), 2);
    assert_eq!(of(all().filter_with("name", Compare::Like, "N1%")).await, [1, 10]);
    assert_eq!(of(all().filter_with("name", Compare::NotLike, "n_")).await, [10]);
    assert_eq!(of(all().filter_in("id", [2, 3, 77])).await, [2, 3]);
    assert_eq!(of(all().filter_in("id", Vec::<i64>::new())).await, Vec::<i64>::new());
    assert_eq!(of(all().filter("status", "odd").filter_with("id", Compare::Gt, 6)).await, [7, 9]);
    let last: Row = all().order_by_desc("id").offset(1).first().await.unwrap().unwrap();
    assert_eq!(last.get::<i64>("id").unwrap(), 9);
    let mut stream =
        items.select().filter_not_null("status").order_by("id").stream().await.unwrap();
    let mut seen = Vec::new();
    while let Some(row) = stream.try_next().await.unwrap() {
        seen.push(row.get::<i64>("id").unwrap());
    }
    assert_eq!(seen, [1, 3, 5, 7, 9]);
    assert_eq!(items.stream().await.unwrap().collect::<Row>().await.unwrap().len(), 10);
}

#[tokio::test]
async fn an_upsert_inserts_or_changes() {
    let (_dir, _, db) = open();
    let users = db.table("users");
    for name in ["A", "B"] {
        let row = record! { "email" => "a@example.org", "name" => name };
        assert_eq!(users.upsert(row).await.unwrap(), Key::from("a@example.org"));
        let user: Row = users.get("a@example.org").await.unwrap().unwrap();
        assert_eq!(user.get::<&str>("name").unwrap(), name);
    }
    assert_eq!(users.count().await.unwrap(), 1);
    let error = db.table("plain").upsert(record! { "a" => 1 }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn a_transfer_moves_all_or_nothing() {
    let (_dir, _, db) = open();
    let accounts = db.table("accounts");
    accounts.transfer("balance", [(1, 2, 50), (2, 3, 25)]).await.unwrap();
    let full = i64::MAX;
    accounts.insert(record! { "id" => 4, "balance" => full }).await.unwrap();
    let refused = [
        (vec![Transfer::new(1, 2, 10), Transfer::new(1, 9, 5)], ErrorKind::NotFound),
        (vec![Transfer::new(1, 2, 10), Transfer::new(9, 1, 5)], ErrorKind::NotFound),
        (vec![Transfer::new(2, 1, 5), Transfer::new(1, 2, 56)], ErrorKind::CheckViolation),
        (vec![Transfer::new(1, 2, -1)], ErrorKind::InvalidArgument),
        (vec![Transfer::new(1, 2, 10), Transfer::new(2, 4, 1)], ErrorKind::InvalidArgument),
    ];
    for (transfers, kind) in refused {
        let error = accounts.transfer("balance", transfers).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let balances: Vec<i64> =
            db.query("SELECT balance FROM accounts ORDER BY id", ()).await.unwrap();
        assert_eq!(balances, [50, 125, 125, full]);
    }
}

#[tokio::test]
async fn the_schema_is_followed_when_it_changes_beside_us() {
    let (_dir, beside, db) = open();
    let items = db.table("items");
    let id = items.insert(record! { "name" => "lamp" }).await.unwrap();
    beside.execute_batch("ALTER TABLE items ADD COLUMN more TEXT").unwrap();
    assert!(items.update(&id, record! { "more" => "new" }).await.unwrap());
    let row: Row = items.get(&id).await.unwrap().unwrap();
    assert_eq!(row.get::<&str>("more").unwrap(), "new");
}

#[tokio::test]
async fn statements_and_batches_run() {
    let (_dir, _, db) = open();
    let sql = "INSERT INTO items (name, status) VALUES (:name, :status)";
    let done = db.execute(sql, named! { "name" => "a", "status" => "s" }).await.unwrap();
    assert_eq!((done.rows_changed, done.last_row_id), (1, 1));
    let mut batch = Batch::new();
    batch.push("INSERT INTO items (name) VALUES (?)", params!["b"]);
    batch.push("UPDATE items SET status = 't'", ());
    let done = db.batch(batch).await.unwrap();
    assert_eq!(done.iter().map(|one| one.rows_changed).collect::<Vec<_>>(), [1, 2]);
    db.batch("CREATE TABLE more (a); INSERT INTO more VALUES (1);").await.unwrap();
    let failed = db.batch("INSERT INTO more VALUES (2); INSERT INTO nowhere VALUES (1);").await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::NoSuchTable);

    let names: Vec<String> = db.query("SELECT name FROM items ORDER BY id", ()).await.unwrap();
    assert_eq!(names, ["a", "b"]);
    let one: (i64, String) =
        db.query_one("SELECT id, name FROM items WHERE id = ?", params![2]).await.unwrap();
    assert_eq!(one, (2, "b".to_owned()));
    let none = db.query_optional::<Row>("SELECT * FROM items WHERE id = 3", ()).await.unwrap();
    assert!(none.is_none());
    let none = db.query_one::<Row>("SELECT * FROM items WHERE id = 3", ()).await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound);
    let rows: i64 = db.query_value("SELECT count(*) FROM more", ()).await.unwrap();
    assert_eq!(rows, 1, "the batch that failed left nothing");
}

fn lacks(error: &Error, capability: &str) {
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.message().contains(capability), "{error}");
}

#[tokio::test]
async fn what_needs_more_than_programs_says_what_is_missing() {
    let (_dir, _, db) = open();
    let ran = db.transaction(async |tx| tx.execute("DELETE FROM accounts", ()).await).await;
    lacks(&ran.unwrap_err(), "interactive transactions");
    lacks(&db.begin().await.err().unwrap(), "interactive transactions");
    lacks(&db.begin_with(Begin::Deferred).await.err().unwrap(), "interactive transactions");
    lacks(&db.snapshot().await.err().unwrap(), "snapshots");
    lacks(&db.acquire().await.err().unwrap(), "sessions");
    let mut stream = db.stream("SELECT * FROM accounts", ());
    lacks(&stream.try_next().await.unwrap_err(), "cursors");
    assert!(stream.try_next().await.unwrap().is_none());
    assert_eq!(db.table("accounts").count().await.unwrap(), 3);
    db.close().await.unwrap();
    assert_eq!(db.table("accounts").count().await.unwrap_err().kind(), ErrorKind::Closed);
}
