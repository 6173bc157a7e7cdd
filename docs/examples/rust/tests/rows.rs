//! The guide's page about rows.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use ubiqlite::{Database, ErrorKind, Key, Row};

async fn fresh() -> ubiqlite::Result<(tempfile::TempDir, Database)> {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(dir.path().join("app.db")).await?;
    // #region schema
    let schema = "
        CREATE TABLE items (
            id     INTEGER PRIMARY KEY,
            name   TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'new',
            price  REAL
        );
        CREATE INDEX items_by_status ON items (status);";
    db.batch(schema).await?;
    // #endregion schema
    Ok((dir, db))
}

#[tokio::test]
async fn one_row_by_its_key() -> ubiqlite::Result<()> {
    let (_dir, db) = fresh().await?;
    // #region insert
    use ubiqlite::{Row, record};

    let items = db.table("items");
    let id = items.insert(record! { "name" => "lamp", "price" => 19.9 }).await?;

    if let Some(lamp) = items.get::<Row>(&id).await? {
        println!("{} is {}", lamp.get::<&str>("name")?, lamp.get::<&str>("status")?); // lamp is new
    }
    // #endregion insert
    let lamp: Row = items.get(&id).await?.unwrap();
    assert_eq!(lamp.to::<(i64, String, String, f64)>()?, (1, "lamp".into(), "new".into(), 19.9));
    assert_eq!(items.get::<Row>(999).await?, None);

    // #region update
    let found = items.update(&id, record! { "status" => "done" }).await?; // true
    let missing = items.update(999, record! { "status" => "done" }).await?; // false
    let deleted = items.delete(&id).await?; // true
    // #endregion update
    assert_eq!((found, missing, deleted), (true, false, true));
    assert!(!items.delete(&id).await?);

    let error = items.update(1, record! { "nmae" => "x" }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchColumn);
    let error = db.table("itmes").get::<Row>(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchTable);
    db.close().await
}

#[tokio::test]
async fn upsert_inserts_or_updates() -> ubiqlite::Result<()> {
    use ubiqlite::record;
    let (_dir, db) = fresh().await?;
    let items = db.table("items");
    // #region upsert
    items.upsert(record! { "id" => 7, "name" => "lamp", "price" => 19.9 }).await?; // inserted
    items.upsert(record! { "id" => 7, "name" => "floor lamp" }).await?; // updated
    // #endregion upsert
    let row: (i64, String, f64) = db.query_one("SELECT id, name, price FROM items", ()).await?;
    assert_eq!(row, (7, "floor lamp".to_owned(), 19.9));
    db.batch("CREATE TABLE stock (place TEXT, shelf INTEGER, amount INTEGER, PRIMARY KEY (place, shelf))")
        .await?;
    let stock = db.table("stock");
    let key = stock.insert(record! { "place" => "eu", "shelf" => 7, "amount" => 3 }).await?;
    assert_eq!(key, Key::from(("eu", 7)));
    assert!(stock.get::<Row>(("eu", 7)).await?.is_some());
    db.close().await
}

#[tokio::test]
async fn rows_are_selected() -> ubiqlite::Result<()> {
    use ubiqlite::record;
    let (_dir, db) = fresh().await?;
    let items = db.table("items");
    items.insert(record! { "name" => "lamp", "price" => 19.9 }).await?;
    items.insert(record! { "name" => "chair", "price" => 49.5, "status" => "done" }).await?;
    items.insert(record! { "name" => "nail", "price" => 0.1 }).await?;
    items.insert(record! { "name" => "table", "price" => 99, "status" => "gone" }).await?;
    // #region select
    use ubiqlite::Compare;

    let found: Vec<Row> = items
        .select()
        .filter_in("status", ["new", "done"])
        .filter_with("price", Compare::Ge, 10)
        .order_by_desc("price")
        .limit(20)
        .all()
        .await?;
    let new = items.select().filter("status", "new").count().await?;
    // #endregion select
    let names: Vec<&str> =
        found.iter().map(|row| row.get("name")).collect::<ubiqlite::Result<_>>()?;
    assert_eq!((names, new), (vec!["chair", "lamp"], 2));
    db.close().await
}

#[tokio::test]
async fn sql_has_parameters() -> ubiqlite::Result<()> {
    use ubiqlite::record;
    let (_dir, db) = fresh().await?;
    let id = db.table("items").insert(record! { "name" => "lamp", "price" => 19.9 }).await?;
    // #region query
    use ubiqlite::{named, params};

    let sql = "SELECT id, name FROM items WHERE status = ? AND price < ?";
    let cheap: Vec<Row> = db.query(sql, params!["new", 50]).await?;
    let lamp: Row = db.query_one("SELECT * FROM items WHERE id = ?", params![&id]).await?;
    let count: i64 = db.query_value("SELECT count(*) FROM items", ()).await?;
    let done = db
        .execute(
            "UPDATE items SET status = :status WHERE id = :id",
            named! { "status" => "done", "id" => &id },
        )
        .await?;
    println!("{} rows changed", done.rows_changed);
    // #endregion query
    assert_eq!((cheap.len(), count, done.rows_changed), (1, 1, 1));
    assert_eq!(lamp.get::<&str>("name")?, "lamp");
    let missing = "SELECT * FROM items WHERE id = 999";
    assert_eq!(db.query_one::<Row>(missing, ()).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(db.query_optional::<Row>(missing, ()).await?, None);
    let error = db.query::<Row>(sql, params!["new"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let error = db.execute("DELETE FROM items; DELETE FROM items", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    db.close().await
}

// #region type
use serde::{Deserialize, Serialize};
use ubiqlite::Record;

#[derive(Debug, Deserialize, Serialize)]
struct Item {
    #[serde(skip_serializing)]
    id: i64,
    name: String,
    status: String,
    price: Option<f64>,
}
// #endregion type

#[tokio::test]
async fn rows_are_ones_own_types() -> ubiqlite::Result<()> {
    let (_dir, db) = fresh().await?;
    let items = db.table("items");
    let chair = Item { id: 0, name: "chair".into(), status: "new".into(), price: None };
    // #region into
    let id = items.insert(Record::from_serialize(&chair)?).await?;

    let read: Option<Item> = items.get(&id).await?;
    let new: Vec<Item> = db.query("SELECT * FROM items WHERE status = ?", ["new"]).await?;
    let pairs: Vec<(i64, String)> = db.query("SELECT id, name FROM items", ()).await?;
    // #endregion into
    let read = read.unwrap();
    assert_eq!((read.id, read.name.as_str(), read.status.as_str()), (1, "chair", "new"));
    assert_eq!((new.len(), new[0].price), (1, None));
    assert_eq!(pairs, [(1, "chair".to_owned())]);
    db.execute("UPDATE items SET price = 'much'", ()).await?;
    let error = items.get::<Item>(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DatatypeMismatch);
    assert!(error.to_string().contains("price"), "{error}");
    db.close().await
}

#[tokio::test]
async fn many_rows_are_all_or_none() -> ubiqlite::Result<()> {
    use ubiqlite::record;
    let (_dir, db) = fresh().await?;
    let items = db.table("items");
    // #region many
    let records = (1..=1000).map(|number| record! { "name" => format!("item {number}") });
    let inserted = items.insert_many(records).await?; // 1000
    let updated = items.update_many([1, 2, 5000], record! { "status" => "done" }).await?; // 2

    let rows = (1..=1000).map(|number| (format!("part {number}"), 0.5));
    db.execute_many("INSERT INTO items (name, price) VALUES (?, ?)", rows).await?;
    // #endregion many
    assert_eq!((inserted, updated), (1000, 2));
    assert_eq!(items.count().await?, 2000);

    // #region index
    let records = [record! { "name" => "fine" }, record! { "name" => None::<&str> }];
    if let Err(error) = items.insert_many(records).await {
        println!("{} at index {:?}", error.kind(), error.index()); // NotNullViolation at index Some(1)
    }
    // #endregion index
    let records = [record! { "name" => "fine" }, record! { "name" => None::<&str> }];
    let error = items.insert_many(records).await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::NotNullViolation, Some(1)));
    assert_eq!(items.count().await?, 2000);
    db.close().await
}

#[tokio::test]
async fn a_large_result_is_streamed() -> ubiqlite::Result<()> {
    let (_dir, db) = fresh().await?;
    let rows = (1..=100_000).map(|number| (format!("item {number}"), 0.5));
    db.execute_many("INSERT INTO items (name, price) VALUES (?, ?)", rows).await?;
    let mut total = 0.0;
    // #region stream
    let mut rows = db.stream("SELECT * FROM items WHERE status = ?", ["new"]);
    while let Some(row) = rows.try_next().await? {
        total += row.get::<f64>("price")?;
        if total >= 1000.0 {
            break; // the query stops when `rows` is dropped
        }
    }
    // #endregion stream
    drop(rows);
    assert_eq!(total, 1000.0);
    let mut keys = Vec::new();
    let mut all = db.table("items").stream().await?;
    while let Some(row) = all.try_next().await? {
        keys.push(row.get::<i64>("id")?);
    }
    assert!(keys.len() == 100_000 && keys.is_sorted());
    db.close().await
}
