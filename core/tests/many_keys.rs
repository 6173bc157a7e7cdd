//! Many keys at once: which of them are equal, and how many are allowed.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use support::Fresh;
use ubiqlite::{Database, Row, Value, record};

async fn fresh(schema: &str) -> Fresh {
    Fresh::with(Database::options(), schema).await
}

#[tokio::test]
async fn a_row_named_twice_by_keys_that_are_the_same_to_its_table_counts_once() {
    let fresh = fresh(
        "CREATE TABLE people (name TEXT COLLATE NOCASE PRIMARY KEY, age) WITHOUT ROWID;
         INSERT INTO people VALUES ('Bob', 1), ('Eve', 2);
         CREATE TABLE numbered (id INTEGER PRIMARY KEY, age);
         INSERT INTO numbered VALUES (1, 1), (2, 2), (3, 3);
         CREATE TABLE pairs (a INT, b TEXT, age, PRIMARY KEY (a, b));
         INSERT INTO pairs VALUES (1, 'x', 0), (1, '2', 0);
         CREATE TABLE bare (age); INSERT INTO bare VALUES (1), (2);
         CREATE VIRTUAL TABLE docs USING fts5 (body); INSERT INTO docs VALUES ('a'), ('b');",
    )
    .await;
    let db = &fresh.db;
    let older = || record! { "age" => 9 };
    let people = db.table("people");
    assert_eq!(people.update_many(["bob", "BOB", "Bob", "nobody"], older()).await.unwrap(), 1);
    assert_eq!(people.update_many(["EVE", "bob", "Eve"], older()).await.unwrap(), 2);
    let keys = || {
        let one = [Value::Integer(1), Value::Real(1.0), Value::from("1"), Value::from("1.0")];
        one.into_iter().chain([Value::from("2"), Value::Integer(2), Value::Integer(7)])
    };
    let numbered = db.table("numbered");
    assert_eq!(numbered.update_many(keys(), older()).await.unwrap(), 2);
    assert_eq!(numbered.update_many(keys().rev(), older()).await.unwrap(), 2);
    assert_eq!(numbered.update_many([3, 3, 1], older()).await.unwrap(), 2);
    // The row with key 1 gets key 8, and is then named once more.
    assert_eq!(numbered.update_many([1, 8], record! { "id" => 8 }).await.unwrap(), 1);
    let pairs = [
        vec![Value::Integer(1), Value::from("2")],
        vec![Value::from("1"), Value::Integer(2)],
        vec![Value::Real(1.0), Value::from("x")],
    ];
    assert_eq!(db.table("pairs").update_many(pairs, older()).await.unwrap(), 2);
    assert_eq!(db.table("bare").update_many(["1", "2", "1"], older()).await.unwrap(), 2);
    let body = || record! { "body" => "c" };
    assert_eq!(db.table("docs").update_many([1, 2, 2], body()).await.unwrap(), 2);
    // The same holds for many chunks, and in a transaction.
    let many = (0..5000).map(|n| if n % 2 == 0 { "bob" } else { "BOB" });
    let many: Vec<String> = many.enumerate().map(|(n, name)| format!("{name}{}", n / 2)).collect();
    db.execute_many("INSERT INTO people VALUES (?, 0)", (0..2500).map(|n| (format!("bOb{n}"),)))
        .await
        .unwrap();
    assert_eq!(people.update_many(&many, older()).await.unwrap(), 2500);
    let within = db
        .transaction(async |tx| tx.table("people").update_many(&many, older()).await)
        .await
        .unwrap();
    assert_eq!(within, 2500);
}

/// A table with one column of each affinity, and values of each type in them.
const TYPES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, i INTEGER, x TEXT, c TEXT COLLATE \
     NOCASE, r REAL, n NUMERIC, b BLOB, a)";

fn samples() -> Vec<Value> {
    let mut samples = vec![
        Value::Null,
        Value::from("1"),
        Value::from("1.0"),
        Value::from("Ab"),
        Value::from("aB"),
        Value::from(""),
        Value::from("nul\0nul"),
        Value::from("\u{1}\u{7f}\"\\/ß𝄞\u{2028}"),
        Value::from("[1]"),
        Value::Blob(vec![]),
        Value::Blob(vec![0, 255, 49]),
        Value::Blob(b"1".to_vec()),
        Value::Real(f64::INFINITY),
        Value::Real(f64::NEG_INFINITY),
        Value::Real(-0.0),
        Value::Real(0.1),
        Value::Real(f64::MIN_POSITIVE / 3.0),
        Value::Real(5e-324),
        Value::Real(f64::MAX),
        Value::Real(1.0),
        Value::Real(9_007_199_254_740_993.0),
    ];
    samples.extend([0, 1, -1, i64::MAX, i64::MIN, (1 << 53) + 1].map(Value::Integer));
    samples.extend((0..30).filter_map(|_| {
        let value = f64::from_bits(fastrand::u64(..));
        (!value.is_nan()).then_some(Value::Real(value))
    }));
    samples
}

#[tokio::test]
async fn a_long_list_selects_the_same_rows_as_its_values_one_by_one() {
    fastrand::seed(7);
    let fresh = fresh(TYPES).await;
    let db = &fresh.db;
    let samples = samples();
    let rows = samples.iter().map(|value| vec![value.clone(); 7]);
    db.execute_many("INSERT INTO t (i, x, c, r, n, b, a) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        .await
        .unwrap();
    // These equal none of the rows.
    let filler = (0..1001).map(|n| Value::from(format!("filler {n}")));
    let filler: Vec<Value> = filler.collect();
    for column in ["i", "x", "c", "r", "n", "b", "a"] {
        for sample in &samples {
            let ids = async |values: Vec<Value>| -> Vec<i64> {
                let selected = db.table("t").select().filter_in(column, values).order_by("id");
                let rows: Vec<Row> = selected.all().await.unwrap();
                rows.iter().map(|row| row.get("id").unwrap()).collect()
            };
            // SQLite turns a list of one value into `=`, which compares as a real what a
            // longer list would first convert to one.
            let short = filler.iter().take(3).cloned().chain([sample.clone()]).collect();
            let short = ids(short).await;
            let long = filler.iter().cloned().chain([sample.clone()]).collect();
            assert_eq!(ids(long).await, short, "{column} in {sample:?}");
        }
        let all = samples.iter().cloned().chain(filler.clone());
        let all = db.table("t").select().filter_in(column, all).count().await.unwrap();
        // The column of reals holds i64::MAX rounded, which is a different number.
        let rounded = u64::from(column == "r");
        assert_eq!(all, samples.len() as u64 - rounded, "{column}");
    }
}

#[tokio::test]
async fn a_list_may_have_a_hundred_thousand_values() {
    let fresh = fresh(TYPES).await;
    let db = &fresh.db;
    let n = 100_000_i64;
    db.execute_many(
        "INSERT INTO t (i, x, r, b) VALUES (?1, ?2, ?3, ?4)",
        (0..1000_i64).map(|id| (id, format!("text {id}"), id as f64 / 7.0, id.to_be_bytes())),
    )
    .await
    .unwrap();
    let t = db.table("t");
    let integers = t.select().filter_in("i", 500..500 + n);
    assert_eq!(integers.count().await.unwrap(), 500);
    let texts = t.select().filter_in("x", (500..500 + n).map(|id| format!("text {id}")));
    assert_eq!(texts.count().await.unwrap(), 500);
    let blobs = t.select().filter_in("b", (500..500 + n).map(i64::to_be_bytes));
    assert_eq!(blobs.count().await.unwrap(), 500);
    let reals = t.select().filter_in("r", (500..500 + n).map(|id| id as f64 / 7.0));
    assert_eq!(reals.count().await.unwrap(), 500);
    let mixed = (0..n).map(|id| match id % 4 {
        0 => Value::from(format!("text {id}")),
        1 => Value::Integer(id),
        2 => Value::Real(id as f64 / 7.0),
        _ => Value::from(id.to_be_bytes()),
    });
    let mixed: Vec<Row> =
        t.select().filter_in("b", mixed).order_by("id").limit(3).all().await.unwrap();
    let ids: Vec<i64> = mixed.iter().map(|row| row.get("i").unwrap()).collect();
    assert_eq!(ids, [3, 7, 11]);
}
