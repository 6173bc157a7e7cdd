//! Types of other crates as values.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]
#![cfg(all(
    feature = "chrono",
    feature = "jiff",
    feature = "rust_decimal",
    feature = "time",
    feature = "uuid"
))]

use std::fmt::Debug;
use std::str::FromStr;

use rust_decimal::Decimal;
use ubiqlite::{Database, ErrorKind, FromValue, IntoValue, Record, Value, params};
use uuid::Uuid;

async fn open() -> Database {
    let db = Database::open(":memory:").await.unwrap();
    db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, x)").await.unwrap();
    db
}

/// Stores the value, checks its text, and reads it back.
async fn stored<T>(db: &Database, value: T, text: &str)
where
    T: IntoValue + Clone + PartialEq + Debug + for<'v> FromValue<'v>,
{
    let back: T = db.query_value("SELECT ?", params![value.clone()]).await.unwrap();
    assert_eq!(back, value);
    assert_eq!(value.into_value().unwrap(), Value::from(text));
}

fn now() -> chrono::DateTime<chrono::Utc> {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    chrono::DateTime::from_timestamp(since.as_secs().cast_signed(), since.subsec_nanos()).unwrap()
}

/// The column default in the documentation writes the exact format that a moment is stored in.
#[tokio::test]
async fn a_moment_that_sqlite_makes_sorts_among_those_that_are_stored() {
    let db = Database::open(":memory:").await.unwrap();
    let schema = "CREATE TABLE visits (id INTEGER PRIMARY KEY, \
        at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000000Z', 'now')))";
    db.execute(schema, ()).await.unwrap();
    let visits = db.table("visits");
    let before = now();
    visits.insert(ubiqlite::record! { "at" => before }).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    db.execute("INSERT INTO visits DEFAULT VALUES", ()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    visits.insert(ubiqlite::record! { "at" => now() }).await.unwrap();
    let made: chrono::DateTime<chrono::Utc> =
        db.query_value("SELECT at FROM visits WHERE id = 2", ()).await.unwrap();
    assert!(before < made && made < now());
    let ids: Vec<(i64,)> = db.query("SELECT id FROM visits ORDER BY at", ()).await.unwrap();
    assert_eq!(ids, [(1,), (2,), (3,)]);
    let widths = "SELECT count(DISTINCT length(at)) FROM visits";
    assert_eq!(db.query_value::<i64>(widths, ()).await.unwrap(), 1);
}

#[tokio::test]
async fn times_are_stored_in_utc_and_in_one_width() {
    let db = open().await;
    let text = "2024-05-01T09:30:00.000000007Z";

    let moment = chrono::DateTime::parse_from_rfc3339("2024-05-01T11:30:00.000000007+02:00");
    let moment = moment.unwrap();
    stored(&db, moment.to_utc(), text).await;
    stored(&db, moment, text).await;
    let naive = moment.naive_utc();
    stored(&db, naive, "2024-05-01T09:30:00.000000007").await;
    stored(&db, naive.date(), "2024-05-01").await;
    stored(&db, naive.time(), "09:30:00.000000007").await;

    let moment: jiff::Timestamp = text.parse().unwrap();
    stored(&db, moment, text).await;
    let civil = jiff::civil::datetime(2024, 5, 1, 9, 30, 0, 7);
    stored(&db, civil, "2024-05-01T09:30:00.000000007").await;
    stored(&db, civil.date(), "2024-05-01").await;
    stored(&db, civil.time(), "09:30:00.000000007").await;

    let date = time::Date::from_calendar_date(2024, time::Month::May, 1).unwrap();
    let clock = time::Time::from_hms_nano(9, 30, 0, 7).unwrap();
    let civil = time::PrimitiveDateTime::new(date, clock);
    let moment = civil.assume_utc().to_offset(time::UtcOffset::from_hms(-3, -30, 0).unwrap());
    stored(&db, moment, text).await;
    stored(&db, civil, "2024-05-01T09:30:00.000000007").await;
    stored(&db, date, "2024-05-01").await;
    stored(&db, clock, "09:30:00.000000007").await;
}

#[tokio::test]
async fn current_timestamp_is_read_as_utc() {
    let db = open().await;
    let sql = "SELECT '2024-05-01 09:30:00'";
    let seconds = 1_714_555_800;
    let moment: chrono::DateTime<chrono::Utc> = db.query_value(sql, ()).await.unwrap();
    assert_eq!(moment.timestamp(), seconds);
    let moment: jiff::Timestamp = db.query_value(sql, ()).await.unwrap();
    assert_eq!(moment.as_second(), seconds);
    let moment: time::OffsetDateTime = db.query_value(sql, ()).await.unwrap();
    assert_eq!(moment.unix_timestamp(), seconds);
    let now: chrono::DateTime<chrono::Utc> =
        db.query_value("SELECT CURRENT_TIMESTAMP", ()).await.unwrap();
    assert!(now.timestamp() > seconds);
}

#[tokio::test]
async fn the_order_of_the_texts_is_the_order_in_time() {
    let db = open().await;
    let mut moments: Vec<jiff::Timestamp> = (0..200)
        .map(|_| {
            let seconds = fastrand::i64(-62_167_219_200..253_402_207_200);
            let nanos = [0, 1, 100_000_000, 999_999_999][fastrand::usize(..4)];
            jiff::Timestamp::new(seconds, nanos).unwrap()
        })
        .collect();
    db.execute_many("INSERT INTO t (x) VALUES (?)", moments.iter().map(|moment| (*moment,)))
        .await
        .unwrap();
    let stored = db.stream("SELECT x FROM t ORDER BY x", ());
    let mut rows = stored;
    let mut sorted = Vec::new();
    while let Some(row) = rows.try_next().await.unwrap() {
        sorted.push(row.get::<jiff::Timestamp>(0).unwrap());
    }
    moments.sort();
    assert_eq!(sorted, moments);
}

#[tokio::test]
async fn a_time_that_has_no_text_of_that_width_is_refused() {
    let db = open().await;
    let far = chrono::NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap();
    let before = jiff::civil::date(-1, 1, 1);
    let leap = chrono::NaiveTime::from_hms_nano_opt(23, 59, 59, 1_000_000_000).unwrap();
    let calls = [
        db.execute("INSERT INTO t (x) VALUES (?)", params![far]).await,
        db.execute("INSERT INTO t (x) VALUES (?)", (Some(before),)).await,
        db.execute("INSERT INTO t (x) VALUES (?)", [leap]).await,
    ];
    for refused in calls {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    for bad in ["2024-02-30", "tomorrow", "2024-05-01 09:30:00", "09:30"] {
        let read = db.query_value::<chrono::NaiveDate>("SELECT ?", [bad]).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::DatatypeMismatch, "{bad}");
    }
}

#[tokio::test]
async fn a_time_in_a_struct_is_stored_as_that_text_with_the_attribute() {
    #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    struct Event {
        #[serde(with = "ubiqlite::stored")]
        x: Option<time::OffsetDateTime>,
    }
    let db = open().await;
    let event = Event { x: Some(time::OffsetDateTime::UNIX_EPOCH) };
    db.table("t").insert(Record::from_serialize(&event).unwrap()).await.unwrap();
    let text: String = db.query_value("SELECT x FROM t", ()).await.unwrap();
    assert_eq!(text, "1970-01-01T00:00:00.000000000Z");
    assert_eq!(db.query_one::<Event>("SELECT x FROM t", ()).await.unwrap(), event);
    let now: Event = db.query_one("SELECT CURRENT_TIMESTAMP AS x", ()).await.unwrap();
    assert!(now.x > event.x);
}

#[tokio::test]
async fn a_uuid_is_text_and_is_read_from_bytes_too() {
    let db = open().await;
    let text = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let id = Uuid::parse_str(text).unwrap();
    stored(&db, id, text).await;
    let from_bytes: Uuid = db.query_value("SELECT ?", [id.as_bytes()]).await.unwrap();
    assert_eq!(from_bytes, id);
    assert!(db.query_value::<Uuid>("SELECT x'00'", ()).await.is_err());
    db.batch("CREATE TABLE users (id TEXT PRIMARY KEY, name)").await.unwrap();
    let users = db.table("users");
    users.insert(ubiqlite::record! { "id" => id, "name" => "a" }).await.unwrap();
    assert!(users.get::<ubiqlite::Row>(id).await.unwrap().is_some());
}

#[tokio::test]
async fn decimals_are_text_and_survive_a_numeric_column() {
    let db = open().await;
    let price = Decimal::from_str("12.50").unwrap();
    stored(&db, price, "12.50").await;
    stored(&db, Decimal::MAX, "79228162514264337593543950335").await;
    db.batch("CREATE TABLE prices (price DECIMAL(10, 2))").await.unwrap();
    db.execute("INSERT INTO prices VALUES (?)", [price]).await.unwrap();
    let kind: String = db.query_value("SELECT typeof(price) FROM prices", ()).await.unwrap();
    assert_eq!(kind, "real");
    assert_eq!(db.query_value::<Decimal>("SELECT price FROM prices", ()).await.unwrap(), price);
    assert!(db.query_value::<Decimal>("SELECT 'x'", ()).await.is_err());
}
