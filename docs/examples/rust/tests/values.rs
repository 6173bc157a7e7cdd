//! The guide's page about values.

use ubiqlite::{Database, ErrorKind, Row, record};

async fn fresh() -> ubiqlite::Result<Database> {
    let db = Database::open(":memory:").await?;
    db.batch(
        "CREATE TABLE items (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, sold INTEGER NOT NULL DEFAULT 0, price REAL,
            photo BLOB, data TEXT CHECK (json_valid(data)));
        CREATE TABLE payments (id TEXT PRIMARY KEY, amount TEXT NOT NULL);",
    )
    .await?;
    Ok(db)
}

#[tokio::test]
async fn each_type_comes_back() -> ubiqlite::Result<()> {
    let db = fresh().await?;
    let items = db.table("items");
    // #region types
    let photo: &[u8] = &[0xff, 0xd8, 0xff];
    let lamp =
        record! { "name" => "lamp", "sold" => true, "price" => None::<f64>, "photo" => photo };
    let id = items.insert(lamp).await?;

    let row: Row = items.get(&id).await?.unwrap();
    let sold: bool = row.get("sold")?;
    let price: Option<f64> = row.get("price")?;
    let photo: &[u8] = row.get("photo")?;
    let unpriced = items.select().filter_null("price").count().await?;
    // #endregion types
    assert_eq!((sold, price, photo, unpriced), (true, None, &[0xff, 0xd8, 0xff][..], 1));
    assert_eq!(row.get::<i64>("sold")?, 1);
    assert_eq!(row.get::<f64>("price").unwrap_err().kind(), ErrorKind::DatatypeMismatch);
    assert_eq!(items.select().filter("price", None::<f64>).count().await?, 1);
    let sql = "SELECT count(*) FROM items WHERE price = ?";
    assert_eq!(db.query_value::<i64>(sql, [None::<f64>]).await?, 0);

    assert_eq!(db.query_value::<i64>("SELECT ?", [i64::MAX]).await?, i64::MAX);
    let error = db.query_value::<i64>("SELECT ?", [u64::MAX]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let error = db.query_value::<i64>("SELECT 1.5", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DatatypeMismatch);
    assert_eq!(db.query_value::<String>("SELECT typeof(?)", [f64::NAN]).await?, "null");
    assert_eq!(db.query_value::<String>("SELECT typeof(?)", [20.0]).await?, "real");
    db.close().await
}

#[tokio::test]
async fn bytes_in_a_struct() -> ubiqlite::Result<()> {
    #[derive(Serialize)]
    struct Listed {
        name: String,
        photo: Vec<u8>,
    }
    #[derive(Serialize, Deserialize)]
    struct Stored {
        name: String,
        #[serde(with = "ubiqlite::stored")]
        photo: Vec<u8>,
    }
    let db = fresh().await?;
    let items = db.table("items");
    let listed = Listed { name: "lamp".into(), photo: vec![1, 2] };
    items.insert(ubiqlite::Record::from_serialize(&listed)?).await?;
    let stored = Stored { name: "chair".into(), photo: vec![1, 2] };
    items.insert(ubiqlite::Record::from_serialize(&stored)?).await?;
    let types: Vec<(String,)> = db.query("SELECT typeof(photo) FROM items ORDER BY id", ()).await?;
    assert_eq!(types, [("text".to_owned(),), ("blob".to_owned(),)]);
    assert_eq!(items.get::<Stored>(2).await?.unwrap().photo, [1, 2]);
    db.close().await
}

// #region jsontype
use serde::{Deserialize, Serialize};
use ubiqlite::Json;

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Details {
    watt: u32,
    colours: Vec<String>,
}

#[derive(Deserialize)]
struct Item {
    name: String,
    data: Option<Details>, // a struct in a field is JSON text in the column
}
// #endregion jsontype

#[tokio::test]
async fn a_json_column() -> ubiqlite::Result<()> {
    let db = fresh().await?;
    let items = db.table("items");
    // #region json
    let details = Details { watt: 40, colours: vec!["red".into()] };
    let id = items.insert(record! { "name" => "lamp", "data" => Json(details) }).await?;

    let lamp: Option<Item> = items.get(&id).await?;
    let watt: i64 = db.query_value("SELECT data ->> 'watt' FROM items", ()).await?;
    // #endregion json
    let lamp = lamp.unwrap();
    assert_eq!((lamp.name.as_str(), watt), ("lamp", 40));
    assert_eq!(lamp.data, Some(Details { watt: 40, colours: vec!["red".into()] }));
    let row: Row = items.get(&id).await?.unwrap();
    assert_eq!(row.get::<&str>("data")?, r#"{"watt":40,"colours":["red"]}"#);
    assert_eq!(row.get::<Json<Details>>("data")?.0.watt, 40);
    let error =
        items.insert(record! { "name" => "x", "data" => Json(f64::NAN) }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    db.close().await
}

#[tokio::test]
async fn moments_sort_by_time() -> ubiqlite::Result<()> {
    let db = fresh().await?;
    // #region datetable
    db.batch(
        "CREATE TABLE visits (
            page TEXT NOT NULL,
            at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000000Z', 'now')))",
    )
    .await?;
    // #endregion datetable
    // #region dates
    use ubiqlite::Compare;

    let visits = db.table("visits");
    visits.insert(record! { "page" => "/", "at" => "2026-01-31T12:00:00.000000000Z" }).await?;
    visits.insert(record! { "page" => "/about" }).await?; // now, from the column's default

    let since = "2026-01-31T00:00:00.000000000Z";
    let found: Vec<(String, String)> =
        visits.select().filter_with("at", Compare::Ge, since).order_by("at").all().await?;
    // #endregion dates
    let first = found.iter().find(|(page, _)| page == "/").unwrap();
    assert_eq!(first.1, "2026-01-31T12:00:00.000000000Z");
    let now: String = db.query_value("SELECT at FROM visits WHERE page = '/about'", ()).await?;
    assert!(now.len() == 30 && now.ends_with("000000Z") && &now[10..11] == "T", "{now}");

    let at_noon = "SELECT '2026-01-31 12:00:00' >= ?1, '2026-01-31 12:00:00' >= datetime(?1)";
    assert_eq!(db.query_one::<(bool, bool)>(at_noon, [since]).await?, (false, true));
    db.close().await
}

#[tokio::test]
async fn decimals_and_uuids_are_text() -> ubiqlite::Result<()> {
    let db = fresh().await?;
    // #region exact
    let payments = db.table("payments");
    let id = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
    payments.insert(record! { "id" => id, "amount" => "19.90" }).await?;

    let row: Option<(String, String)> = payments.get(id).await?;
    // #endregion exact
    assert_eq!(row, Some((id.to_owned(), "19.90".to_owned())));
    assert_eq!(db.query_value::<i64>("SELECT '9.5' > '10.0'", ()).await?, 1);
    let sum = db.query_value::<String>("SELECT typeof(sum(amount)) FROM payments", ());
    assert_eq!(sum.await?, "real");
    assert_eq!(
        db.query_value::<String>("SELECT strftime('%Y', '2026-01-31T12:00:00.123000000Z')", ())
            .await?,
        "2026"
    );
    db.batch("CREATE TABLE numeric_payments (amount NUMERIC)").await?;
    db.table("numeric_payments").insert(record! { "amount" => "19.90" }).await?;
    assert_eq!(db.query_value::<f64>("SELECT amount FROM numeric_payments", ()).await?, 19.9);
    db.close().await
}

// #region own
use ubiqlite::{FromValue, Value, ValueRef};

struct Cents(i64);

impl From<Cents> for Value {
    fn from(amount: Cents) -> Self {
        Self::Integer(amount.0)
    }
}

impl FromValue<'_> for Cents {
    fn from_value(value: ValueRef<'_>) -> Result<Self, String> {
        i64::from_value(value).map(Self)
    }
}
// #endregion own

#[tokio::test]
async fn a_type_of_ones_own() -> ubiqlite::Result<()> {
    let db = fresh().await?;
    db.batch("CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)").await?;
    // #region ownuse
    let accounts = db.table("accounts");
    accounts.insert(record! { "balance" => Cents(1990) }).await?;
    let total: Cents = db.query_value("SELECT sum(balance) FROM accounts", ()).await?;
    // #endregion ownuse
    assert_eq!(total.0, 1990);
    db.close().await
}
