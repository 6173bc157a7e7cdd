//! What Rust's types are stored as, and that they are read back.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ubiqlite::{Database, ErrorKind, Json, Params, Record, Row, Value, params, record};

async fn open() -> Database {
    Database::open(":memory:").await.unwrap()
}

/// Stores a struct in a table of its fields, without types, and reads it back.
async fn there_and_back<T: Serialize + DeserializeOwned>(db: &Database, value: &T) -> T {
    let record = Record::from_serialize(value).unwrap();
    let columns: Vec<_> = record.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    db.batch(format!("DROP TABLE IF EXISTS t; CREATE TABLE t ({})", columns.join(", ")))
        .await
        .unwrap();
    db.table("t").insert(record).await.unwrap();
    db.query_one("SELECT * FROM t", ()).await.unwrap()
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
enum Kind {
    Plain,
    #[serde(rename = "{odd}")]
    Odd,
    Number(i64),
    Pair(bool, String),
    Named {
        on: bool,
        list: Vec<u8>,
    },
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Meters(f64);

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Unit;

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Part {
    done: bool,
    deep: Option<Vec<f64>>,
    kinds: Vec<Kind>,
    names: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, PartialEq)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, value: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(value.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(tag = "shape", rename_all = "lowercase")]
enum Tagged {
    Circle { round: bool, radius: f64 },
    Polygon { closed: Option<bool>, corners: Vec<(i64, i64)>, sides: u8 },
    Nothing,
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Inner {
    active: bool,
    count: u8,
    hidden: Option<bool>,
    tags: Vec<String>,
    inner_kind: Kind,
    inner_part: Option<Part>,
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct All {
    yes: bool,
    small: i8,
    large: i64,
    unsigned: u64,
    wide: i128,
    real: f64,
    single: f32,
    letter: char,
    text: String,
    bytes: Bytes,
    plain_bytes: Vec<u8>,
    array: [u8; 3],
    nothing: Option<String>,
    unit: (),
    unit_struct: Unit,
    meters: Meters,
    kind: Kind,
    pair: (i64, String),
    part: Part,
    json: Json<serde_json::Value>,
    value: Value,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    tagged: Tagged,
}

fn text() -> String {
    let alphabet = ['a', 'Z', '0', ' ', '"', '\\', '{', '[', '\0', 'ß', '𝄞', '\u{7f}', '\''];
    (0..fastrand::usize(..6)).map(|_| alphabet[fastrand::usize(..alphabet.len())]).collect()
}

fn integer() -> i64 {
    match fastrand::u8(..5) {
        0 => fastrand::i64(0..3),
        1 => i64::MAX,
        2 => i64::MIN,
        _ => fastrand::i64(..),
    }
}

fn finite() -> f64 {
    match fastrand::u8(..5) {
        0 => 0.0,
        1 => integer() as f64,
        2 => f64::MIN_POSITIVE / 4.0,
        _ => loop {
            let value = f64::from_bits(fastrand::u64(..));
            if value.is_finite() {
                break value;
            }
        },
    }
}

fn kind() -> Kind {
    match fastrand::u8(..5) {
        0 => Kind::Plain,
        1 => Kind::Odd,
        2 => Kind::Number(integer()),
        3 => Kind::Pair(fastrand::bool(), text()),
        _ => Kind::Named { on: fastrand::bool(), list: vec![fastrand::u8(..); 2] },
    }
}

fn part() -> Part {
    Part {
        done: fastrand::bool(),
        deep: fastrand::bool().then(|| (0..3).map(|_| finite()).collect()),
        kinds: (0..fastrand::usize(..3)).map(|_| kind()).collect(),
        names: (0..fastrand::usize(..3)).map(|_| (text(), fastrand::u64(..))).collect(),
    }
}

fn all() -> All {
    All {
        yes: fastrand::bool(),
        small: fastrand::i8(..),
        large: integer(),
        unsigned: fastrand::u64(..) >> 1,
        wide: integer().into(),
        real: if fastrand::u8(..8) == 0 { f64::NEG_INFINITY } else { finite() },
        single: fastrand::f32(),
        letter: fastrand::char(..),
        text: text(),
        bytes: Bytes((0..fastrand::usize(..5)).map(|_| fastrand::u8(..)).collect()),
        plain_bytes: vec![fastrand::u8(..); fastrand::usize(..3)],
        array: [fastrand::u8(..), 2, 255],
        nothing: fastrand::bool().then(text),
        unit: (),
        unit_struct: Unit,
        meters: Meters(finite()),
        kind: kind(),
        pair: (integer(), text()),
        part: part(),
        json: Json(match fastrand::u8(..4) {
            0 => serde_json::Value::Null,
            1 => text().into(),
            2 => integer().into(),
            _ => serde_json::json!({ "a": [true, text()] }),
        }),
        value: match fastrand::u8(..5) {
            0 => Value::Null,
            1 => Value::Integer(integer()),
            2 => Value::Real(finite()),
            3 => Value::Text(text()),
            _ => Value::Blob(text().into_bytes()),
        },
        inner: Inner {
            active: fastrand::bool(),
            count: fastrand::u8(..3),
            hidden: fastrand::bool().then(fastrand::bool),
            tags: (0..fastrand::usize(..3)).map(|_| text()).collect(),
            inner_kind: kind(),
            inner_part: fastrand::bool().then(part),
        },
        tagged: match fastrand::u8(..3) {
            0 => Tagged::Circle { round: fastrand::bool(), radius: finite() },
            1 => Tagged::Polygon {
                closed: fastrand::bool().then(fastrand::bool),
                corners: vec![(integer(), 1); fastrand::usize(..3)],
                sides: fastrand::u8(..3),
            },
            _ => Tagged::Nothing,
        },
    }
}

#[tokio::test]
async fn what_serde_writes_is_read_back_equal() {
    let db = open().await;
    for seed in 0..500 {
        fastrand::seed(seed);
        let value = all();
        assert_eq!(there_and_back(&db, &value).await, value, "seed {seed}");
        assert_eq!(there_and_back(&db, &value.tagged).await, value.tagged, "seed {seed}");
        assert_eq!(there_and_back(&db, &value.inner).await, value.inner, "seed {seed}");
    }
}

#[test]
fn bytes_and_infinities_are_stored_as_such_and_not_by_way_of_json() {
    #[derive(Serialize)]
    struct Odd {
        data: Bytes,
        high: f64,
        none: f64,
    }
    let odd = Odd { data: Bytes(vec![1, 2, 255]), high: f64::INFINITY, none: f64::NAN };
    let record = Record::from_serialize(&odd).unwrap();
    assert_eq!(record.get("data"), Some(&Value::Blob(vec![1, 2, 255])));
    assert_eq!(record.get("high"), Some(&Value::Real(f64::INFINITY)));
    assert!(matches!(record.get("none"), Some(Value::Real(nan)) if nan.is_nan()));
}

#[test]
fn what_no_value_is_equal_to_is_refused_and_the_field_is_named() {
    let refused = |value: &dyn Fn() -> ubiqlite::Result<Record>| {
        let error = value().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("\"x\""), "{error}");
    };
    refused(&|| Record::from_serialize(&BTreeMap::from([("x", u64::MAX)])));
    refused(&|| Record::from_serialize(&BTreeMap::from([("x", 1_i128 << 63)])));
    refused(&|| Record::from_serialize(&BTreeMap::from([("x", vec![f64::NAN])])));
    refused(&|| Record::from_serialize(&BTreeMap::from([("x", Some(vec![f32::INFINITY]))])));
    refused(&|| Record::from_serialize(&BTreeMap::from([("x", (1, Bytes(vec![1])))])));
    refused(&|| Record::from_serialize(&BTreeMap::from([("x", BTreeMap::from([((1, 2), 3)]))])));
    for error in [
        Record::from_serialize(&7),
        Record::from_serialize(&[7]),
        Record::from_serialize(&BTreeMap::from([(1, 2)])),
        Record::from_serialize(&Kind::Number(1)),
        Record::from_serialize(&None::<Part>),
    ] {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}

#[tokio::test]
async fn booleans_and_lists_are_read_where_serde_forgets_their_types() {
    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(tag = "t", content = "c")]
    enum Adjacent {
        One { on: bool },
        Two(bool, i64),
    }
    #[derive(Deserialize, Debug, PartialEq)]
    struct Rest {
        #[serde(flatten)]
        rest: BTreeMap<String, bool>,
    }
    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(untagged)]
    enum Untagged {
        Flag {
            #[serde(with = "ubiqlite::stored")]
            on: bool,
        },
    }
    let db = open().await;
    let one: Adjacent = db.query_one("SELECT 'One' AS t, '{\"on\":true}' AS c", ()).await.unwrap();
    assert_eq!(one, Adjacent::One { on: true });
    let two: Adjacent = db.query_one("SELECT '[true,1]' AS c, 'Two' AS t", ()).await.unwrap();
    assert_eq!(two, Adjacent::Two(true, 1));
    let rest: Rest = db.query_one("SELECT 1 AS a, 0 AS b", ()).await.unwrap();
    assert_eq!(rest.rest, BTreeMap::from([("a".into(), true), ("b".into(), false)]));
    let flag: Untagged = db.query_one("SELECT 1 AS \"on\"", ()).await.unwrap();
    assert_eq!(flag, Untagged::Flag { on: true });
    let wrong = db.query_one::<Rest>("SELECT 1 AS a, 2 AS b", ()).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::DatatypeMismatch);
}

#[tokio::test]
async fn a_value_that_does_not_fit_fails_the_call_it_was_for() {
    let db = open().await;
    db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, x)").await.unwrap();
    let big = u64::MAX;
    let insert = "INSERT INTO t (x) VALUES (?)";
    let table = db.table("t");
    let errors = [
        db.execute(insert, params![big]).await.unwrap_err(),
        db.execute(insert, (big,)).await.unwrap_err(),
        db.execute(insert, [Some(&big)]).await.unwrap_err(),
        db.query::<Row>("SELECT ?", vec![big]).await.unwrap_err(),
        db.stream("SELECT ?", [big]).try_next().await.unwrap_err(),
        db.execute_many(insert, [(1_u64,), (big,)]).await.unwrap_err(),
        db.batch([(insert, [big])]).await.unwrap_err(),
        table.insert(record! { "x" => big }).await.unwrap_err(),
        table.upsert(record! { "id" => 1, "x" => big }).await.unwrap_err(),
        table.insert_many([record! { "x" => usize::MAX }]).await.unwrap_err(),
        table.update(1, record! { "x" => big }).await.unwrap_err(),
        table.update_many([1], record! { "x" => big }).await.unwrap_err(),
        table.get::<Row>(big).await.unwrap_err(),
        table.delete(&big).await.unwrap_err(),
        table.transfer("x", [(1, 2, big)]).await.unwrap_err(),
        table.select().filter("x", big).all::<Row>().await.unwrap_err(),
        table.select().filter_in("x", [big]).count().await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.message().contains("18446744073709551615"), "{error}");
    }
    assert_eq!(table.count().await.unwrap(), 0);
    let sixteen = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, "p");
    let last: String = db
        .query_value(
            "SELECT max(?16, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            sixteen,
        )
        .await
        .unwrap();
    assert_eq!(last, "p");
}

#[tokio::test]
async fn parameters_come_from_a_struct() {
    #[derive(Serialize)]
    struct Change {
        id: u64,
        name: Option<&'static str>,
    }
    let db = open().await;
    let change = Params::from_serialize(&Change { id: 7, name: Some("lamp") }).unwrap();
    let sum: String = db.query_value("SELECT :id || $name", change).await.unwrap();
    assert_eq!(sum, "7lamp");
    let by_place = Params::from_serialize(&(1, "a", [1, 2])).unwrap();
    assert_eq!(by_place, params![1, "a", "[1,2]"]);
    assert!(Params::from_serialize(&Change { id: u64::MAX, name: None }).is_err());
}
