//! Rows are identified by their key, whatever its kind.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use support::{Fresh, kind, within};
use ubiqlite::{Database, ErrorKind, Key, Record, Row, Table, Value, record};

/// Checks every operation by key: `first` and `second` are keys of rows, `absent` of none,
/// and `columns` are the names of the key's columns, if it has any.
async fn assert_found(table: Table<'_>, columns: &[&str], first: Key, second: Key, absent: Key) {
    let row = |key: &Key, name: &str| {
        let mut record = Record::from_iter(columns.iter().copied().zip(key.values().to_vec()));
        record.set("name", name);
        record
    };
    let name = table.name();
    assert_eq!(table.insert(row(&first, "a")).await.unwrap(), first, "{name}");
    assert_eq!(table.insert(row(&second, "b")).await.unwrap(), second, "{name}");
    for (key, wanted) in [(&first, "a"), (&second, "b")] {
        let found: Row = table.get(key).await.unwrap().unwrap();
        assert_eq!(found.get::<&str>("name").unwrap(), wanted, "{name}");
    }
    assert!(table.get::<Row>(&absent).await.unwrap().is_none());
    assert!(table.update(&first, record! { "name" => "c" }).await.unwrap());
    assert!(!table.update(&absent, record! { "name" => "c" }).await.unwrap());
    let keys = [&first, &absent, &second, &first];
    assert_eq!(table.update_many(keys, record! { "name" => "d" }).await.unwrap(), 2, "{name}");
    assert_eq!(table.update_many(keys, record! { "amount" => 10 }).await.unwrap(), 2);
    table.transfer("amount", [(&first, &second, 4)]).await.unwrap();
    let error = table.transfer("amount", [(&first, &absent, 4)]).await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::NotFound, Some(0)), "{name}");
    let amount = table.get::<Row>(&second).await.unwrap().unwrap();
    assert_eq!(amount.get::<i64>("amount").unwrap(), 14, "{name}");
    if !columns.is_empty() {
        assert!(kind(table.insert(row(&first, "twice")).await).is_constraint(), "{name}");
        assert_eq!(table.upsert(row(&first, "e")).await.unwrap(), first, "{name}");
        assert_eq!(table.upsert(row(&absent, "f")).await.unwrap(), absent, "{name}");
        let only_key = Record::from_iter(columns.iter().copied().zip(absent.values().to_vec()));
        assert_eq!(table.upsert(only_key).await.unwrap(), absent, "{name}");
        let kept = table.get::<Row>(&absent).await.unwrap().unwrap();
        assert_eq!(kept.get::<&str>("name").unwrap(), "f", "{name}");
        assert!(table.delete(&absent).await.unwrap());
    } else {
        let refused = table.upsert(record! { "name" => "x" }).await;
        assert_eq!(kind(refused), ErrorKind::InvalidArgument, "{name}");
    }
    assert!(table.delete(&first).await.unwrap());
    assert!(!table.delete(&first).await.unwrap());
    assert_eq!(table.count().await.unwrap(), 1, "{name}");
    let too_long: Key = vec![Value::from(1), Value::from(2), Value::from(3), Value::from(4)].into();
    assert_eq!(kind(table.get::<Row>(too_long).await), ErrorKind::InvalidArgument);
}

async fn table(definition: &str) -> Fresh {
    Fresh::with(Database::options(), &format!("CREATE TABLE t {definition}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn integer_keys_find_their_rows() {
    let others = "name TEXT, amount INTEGER DEFAULT 0";
    for definition in [
        format!("(id INTEGER PRIMARY KEY, {others})"),
        format!("(id integer primary key autoincrement, {others})"),
        // Because of an old bug in SQLite this one is not an alias for the rowid.
        format!("(id INTEGER PRIMARY KEY DESC, {others})"),
        format!("(id INT PRIMARY KEY, {others})"),
        format!("(id INTEGER PRIMARY KEY, {others}) WITHOUT ROWID"),
        format!("(id INTEGER PRIMARY KEY, {others}) STRICT"),
        format!("({others}, id INTEGER, PRIMARY KEY (id))"),
        format!("({others}, id INTEGER, PRIMARY KEY (id DESC))"),
        format!("(id BIGINT PRIMARY KEY, {others})"),
    ] {
        let fresh = table(&definition).await;
        let (first, second) = (Key::from(700), Key::from(i64::MIN));
        assert_found(fresh.db.table("t"), &["id"], first, second, Key::from(9)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_keys_find_their_rows() {
    let others = "name TEXT, amount INTEGER DEFAULT 0";
    for without in ["", " WITHOUT ROWID"] {
        let fresh = table(&format!("(code TEXT PRIMARY KEY NOT NULL, {others}){without}")).await;
        let keys = ["a", "", "\0b"].map(Key::from);
        let [first, second, absent] = keys;
        assert_found(fresh.db.table("t"), &["code"], first, second, absent).await;

        let fresh = table(&format!("(code BLOB PRIMARY KEY NOT NULL, {others}){without}")).await;
        let keys = [vec![0, 1, 255], vec![], vec![0]].map(Key::from);
        let [first, second, absent] = keys;
        assert_found(fresh.db.table("t"), &["code"], first, second, absent).await;

        // The key's order is not that of the columns.
        let both =
            format!("(b TEXT NOT NULL, {others}, a INTEGER NOT NULL, PRIMARY KEY (a, b)){without}");
        let fresh = table(&both).await;
        let (first, second, absent) = ((1, "x").into(), (1, "y").into(), (2, "x").into());
        assert_found(fresh.db.table("t"), &["a", "b"], first, second, absent).await;
    }
    let three = format!("(a, b, c, {others}, PRIMARY KEY (c, a, b))");
    let fresh = table(&three).await;
    let (first, second, absent) = ((1, 2, 3).into(), (3, 2, 1).into(), (2, 2, 2).into());
    assert_found(fresh.db.table("t"), &["c", "a", "b"], first, second, absent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_declared_key_are_found_by_their_rowid() {
    let others = "name TEXT, amount INTEGER DEFAULT 0";
    for definition in [
        format!("({others})"),
        format!("({others}, code TEXT UNIQUE)"),
        // A column takes one of the rowid's names, and leaves it the others.
        format!("({others}, rowid TEXT DEFAULT 'mine')"),
        format!("({others}, ROWID TEXT DEFAULT 'mine', oid TEXT)"),
        format!("({others}, _rowid_ TEXT, RowId DEFAULT 7)"),
    ] {
        let fresh = table(&definition).await;
        assert_found(fresh.db.table("t"), &[], Key::from(1), Key::from(2), Key::from(9)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_called_rowid_is_a_key_like_others() {
    let others = "name TEXT, amount INTEGER DEFAULT 0";
    let fresh = table(&format!("(rowid TEXT PRIMARY KEY NOT NULL, {others})")).await;
    let [first, second, absent] = ["a", "b", "c"].map(Key::from);
    assert_found(fresh.db.table("t"), &["rowid"], first, second, absent).await;
    let fresh = table(&format!("(rowid INTEGER PRIMARY KEY, {others})")).await;
    assert_found(fresh.db.table("t"), &["rowid"], 5.into(), 6.into(), 7.into()).await;
    // The columns hide the rowid, which has no name left here.
    let fresh = table(&format!("(rowid INTEGER, oid TEXT, _rowid_ TEXT, {others})")).await;
    let t = fresh.db.table("t");
    t.insert(record! { "rowid" => 5, "name" => "a" }).await.unwrap();
    assert_eq!(kind(t.get::<Row>(1).await), ErrorKind::InvalidArgument);
    assert_eq!(kind(t.delete(5).await), ErrorKind::InvalidArgument);
    assert_eq!(t.count().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_a_table_comes_in_the_order_of_its_keys() {
    for definition in [
        "(id TEXT PRIMARY KEY, name TEXT)",
        "(id TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID",
        "(name TEXT, id INTEGER PRIMARY KEY)",
        "(id INTEGER PRIMARY KEY DESC, name TEXT)",
    ] {
        let fresh = table(definition).await;
        let t = fresh.db.table("t");
        for id in [5, 1, 4, 2, 3] {
            t.insert(record! { "id" => id, "name" => "n" }).await.unwrap();
        }
        let rows: Vec<Row> = t.stream().await.unwrap().collect().await.unwrap();
        let ids: Vec<i64> = rows
            .iter()
            .map(|row| {
                row.get::<i64>("id")
                    .or_else(|_| row.get::<&str>("id").map(|id| id.parse().unwrap()))
            })
            .collect::<ubiqlite::Result<_>>()
            .unwrap();
        assert_eq!(ids, [1, 2, 3, 4, 5], "{definition}");
    }
}

#[tokio::test]
async fn a_stream_of_a_table_is_in_the_order_of_its_key_after_others_changed_it() {
    let fresh = Fresh::with(
        Database::options(),
        "CREATE TABLE t (a TEXT, b TEXT PRIMARY KEY) WITHOUT ROWID;
         INSERT INTO t VALUES ('1', 'z'), ('2', 'y'), ('3', 'x');",
    )
    .await;
    let table = fresh.db.table("t");
    let firsts = async || -> Vec<(String, String)> {
        within("the stream", async { table.stream().await.unwrap().collect().await }).await.unwrap()
    };
    let first = firsts().await;
    assert_eq!(first[0], ("3".to_owned(), "x".to_owned()));
    // The names stay the same, but the key is the other column.
    let outside = fresh.outside();
    outside
        .execute_batch(
            "ALTER TABLE t RENAME b TO c; ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME c TO a;
             INSERT INTO t (b, a) VALUES ('0', '~');",
        )
        .unwrap();
    let swapped = firsts().await;
    assert_eq!(swapped[0], ("3".to_owned(), "x".to_owned()));
    assert_eq!(swapped[3], ("0".to_owned(), "~".to_owned()));
    outside.execute_batch("ALTER TABLE t RENAME a TO id").unwrap();
    assert_eq!(firsts().await, swapped);
    outside.execute_batch("DROP TABLE t; CREATE TABLE t (n TEXT, m TEXT)").unwrap();
    assert_eq!(firsts().await, []);
    outside.execute_batch("DROP TABLE t").unwrap();
    let gone = within("the stream", table.stream()).await;
    assert_eq!(gone.err().map(|error| error.kind()), Some(ErrorKind::NoSuchTable));
}

#[tokio::test]
async fn a_stream_of_a_selection_is_of_the_columns_as_they_are_now() {
    let schema = "CREATE TABLE t (a TEXT, b TEXT); INSERT INTO t VALUES ('1', 'z'), ('2', 'y')";
    let fresh = Fresh::with(Database::options(), schema).await;
    let table = fresh.db.table("t");
    let rows = async |column: &str| -> ubiqlite::Result<Vec<(String, String)>> {
        let select = table.select().order_by(column);
        within("the stream", async { select.stream().await?.collect().await }).await
    };
    assert_eq!(rows("b").await.unwrap()[0].1, "y");
    let outside = fresh.outside();
    outside
        .execute_batch(
            "ALTER TABLE t RENAME b TO c; ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME c TO a",
        )
        .unwrap();
    assert_eq!(rows("b").await.unwrap()[0].0, "1");
    outside.execute_batch("ALTER TABLE t RENAME b TO d").unwrap();
    assert_eq!(rows("b").await.unwrap_err().kind(), ErrorKind::NoSuchColumn);
    assert_eq!(rows("d").await.unwrap()[0].0, "1");
}

#[tokio::test]
async fn a_view_is_streamed_though_its_rows_have_no_key() {
    let fresh = Fresh::with(
        Database::options(),
        "CREATE TABLE t (a); INSERT INTO t VALUES (2), (1);
         CREATE VIEW v AS SELECT a FROM t ORDER BY a",
    )
    .await;
    let view = fresh.db.table("v");
    let rows: Vec<(i64,)> = view.stream().await.unwrap().collect().await.unwrap();
    assert_eq!(rows, [(1,), (2,)]);
    let one = view.get::<Row>(1).await.unwrap_err();
    assert_eq!(one.kind(), ErrorKind::InvalidArgument);
}
