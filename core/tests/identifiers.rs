//! No name can become SQL, whatever it contains.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use support::{Fresh, cells, kind, number, within};
use ubiqlite::{Compare, Database, ErrorKind, Key, Record, Row, Value, record};

/// Names that real tables and columns may have, though nobody should want them.
fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        r#""; DROP TABLE x; --"#,
        r#"x"; DROP TABLE x; --"#,
        "'; DELETE FROM x; --",
        "x) VALUES (1); DROP TABLE x; --",
        r#"""#,
        r#""""#,
        "'",
        "''",
        "`",
        "[brackets]",
        "]",
        "[",
        "back`tick",
        "a.b",
        "main.x",
        "?1",
        ":name",
        "@name",
        "$name",
        "x y",
        " ",
        "  leading and trailing  ",
        "\t",
        "new\nline",
        "\r\n",
        "/* comment */",
        "-- comment",
        "%s %d {}",
        r"back\slash",
        r#"\""#,
        "SELECT",
        "table",
        "from",
        "NULL",
        "true",
        "rowid",
        "oid",
        "excluded",
        "order by",
        "0",
        "-1",
        "1e3",
        "x'00'",
        "🦀",
        "👩‍👩‍👧‍👦",
        "naïve",
        "İstanbul",
        "日本語",
        "\u{202e}desrever",
        "\u{feff}",
        "\u{200b}",
        "a, b",
        "UNIQUE constraint failed: x.y",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    names.push("n".repeat(10_000));
    names.push("\"".repeat(10_000));
    names.push("é".repeat(10_000));
    names
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn fresh() -> Fresh {
    let schema = "CREATE TABLE x (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO x VALUES (1, 'untouched');";
    Fresh::with(Database::options(), schema).await
}

/// Checks that the table `x` is unchanged, and that nothing was created or dropped.
async fn assert_untouched(db: &Database, tables: i64) {
    let rows: Vec<(i64, String)> = db.query("SELECT * FROM x", ()).await.unwrap();
    assert_eq!(rows, [(1, "untouched".to_owned())]);
    assert_eq!(number(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'").await, tables);
}

/// Runs every operation on a table whose key is `id`, on the column named `column`.
async fn work_on(db: &Database, table: &str, column: &str) {
    let table = db.table(table);
    let one = |value: i64| {
        let mut record = record! { "id" => value };
        record.set(column, value);
        record
    };
    let set = |value: i64| Record::from_iter([(column, value)]);
    assert_eq!(table.insert(one(1)).await.unwrap(), Key::from(1), "{column:?}");
    assert_eq!(table.insert_many((2..=5).map(one)).await.unwrap(), 4);
    assert!(table.update(3, set(30)).await.unwrap());
    assert_eq!(table.update_many([4, 5, 99], set(40)).await.unwrap(), 2);
    assert_eq!(table.upsert(one(1)).await.unwrap(), Key::from(1));
    let mut moved = one(1);
    moved.set(column, 11);
    assert_eq!(table.upsert(moved).await.unwrap(), Key::from(1));
    let row: Row = table.get(3).await.unwrap().unwrap();
    assert_eq!(row.get::<i64>(column).unwrap(), 30, "{column:?}");
    table.transfer(column, [(3, 1, 10)]).await.unwrap();
    let rows: Vec<Row> = table
        .select()
        .filter_with(column, Compare::Gt, 2)
        .filter_in(column, [20, 21, 40])
        .filter_not_null(column)
        .order_by_desc(column)
        .order_by("id")
        .limit(9)
        .offset(0)
        .all()
        .await
        .unwrap();
    let ids: Vec<i64> = rows.iter().map(|row| row.get("id").unwrap()).collect();
    assert_eq!(ids, [4, 5, 1, 3], "{column:?} of {:?}", table.name());
    assert_eq!(table.select().filter(column, 40).count().await.unwrap(), 2);
    let like =
        table.select().filter_with(column, Compare::Like, "2%").first::<Row>().await.unwrap();
    assert!(like.is_some());
    let streamed: Vec<Row> = table.stream().await.unwrap().collect().await.unwrap();
    assert_eq!(streamed.len(), 5);
    assert!(table.delete(2).await.unwrap());
    assert_eq!(table.count().await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_with_hostile_names_are_tables_like_others() {
    let fresh = fresh().await;
    let db = &fresh.db;
    for (index, name) in hostile().into_iter().enumerate() {
        let create = format!("CREATE TABLE {} (id INTEGER PRIMARY KEY, value)", quoted(&name));
        db.execute(&create, ()).await.unwrap_or_else(|error| panic!("{name:?}: {error}"));
        within("the operations", work_on(db, &name, "value")).await;
        assert_untouched(db, index as i64 + 2).await;
    }
    for name in hostile() {
        assert_eq!(db.table(&name).count().await.unwrap(), 4, "{name:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_with_hostile_names_are_columns_like_others() {
    let fresh = fresh().await;
    let db = &fresh.db;
    for (index, name) in hostile().into_iter().enumerate() {
        let table = format!("t{index}");
        let create =
            format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY, {} , rest TEXT)", quoted(&name));
        db.execute(&create, ()).await.unwrap_or_else(|error| panic!("{name:?}: {error}"));
        within("the operations", work_on(db, &table, &name)).await;
        assert_untouched(db, index as i64 + 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_with_hostile_names_find_their_rows() {
    let fresh = fresh().await;
    let db = &fresh.db;
    for (index, name) in hostile().into_iter().enumerate() {
        for (kind, rest) in [("TEXT PRIMARY KEY", ""), ("TEXT PRIMARY KEY", "WITHOUT ROWID")] {
            let table = format!("{name}{index}{rest}");
            let create =
                format!("CREATE TABLE {} ({} {kind}, value) {rest}", quoted(&table), quoted(&name));
            db.execute(&create, ()).await.unwrap_or_else(|error| panic!("{name:?}: {error}"));
            let mut row = record! { "value" => 1 };
            row.set(&name, &name);
            let rows = db.table(&table);
            assert_eq!(rows.insert(row.clone()).await.unwrap(), Key::from(&name));
            assert_eq!(rows.upsert(row).await.unwrap(), Key::from(&name));
            assert!(rows.update(&name, record! { "value" => 7 }).await.unwrap());
            assert_eq!(rows.update_many([&name], record! { "value" => 8 }).await.unwrap(), 1);
            assert!(rows.get::<Row>(&name).await.unwrap().is_some());
            assert!(rows.delete(&name).await.unwrap());
        }
    }
    assert_untouched(db, 1 + 2 * hostile().len() as i64).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_of_nothing_are_errors_before_anything_runs() {
    let fresh = fresh().await;
    let db = &fresh.db;
    let writes = number(db, "PRAGMA data_version").await;
    let x = db.table("x");
    for name in hostile() {
        let error = db.table(&name).insert(record! { "a" => 1 }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSuchTable, "{name:?}");
        assert_eq!(error.table(), Some(name.as_str()));
        assert_eq!(error.code(), None, "SQLite was not asked");
        assert_eq!(kind(db.table(&name).count().await), ErrorKind::NoSuchTable);
        assert_eq!(kind(db.table(&name).delete(1).await), ErrorKind::NoSuchTable);
        assert_eq!(kind(db.table(&name).insert_many([record! {}]).await), ErrorKind::NoSuchTable);
        let column = || Record::from_iter([("name", "gone"), (&name, "x")]);
        let error = x.insert(column()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSuchColumn, "{name:?}");
        assert_eq!(error.columns(), [name.as_str()]);
        assert_eq!(error.code(), None, "SQLite was not asked");
        assert_eq!(kind(x.update(1, column()).await), ErrorKind::NoSuchColumn);
        assert_eq!(kind(x.update_many([1], column()).await), ErrorKind::NoSuchColumn);
        assert_eq!(kind(x.upsert(column()).await), ErrorKind::NoSuchColumn);
        assert_eq!(kind(x.insert_many([column()]).await), ErrorKind::NoSuchColumn);
        assert_eq!(kind(x.transfer(&name, [(1, 1, 1)]).await), ErrorKind::NoSuchColumn);
        let select = || x.select().filter("id", 1);
        assert_eq!(kind(select().filter(&name, 1).count().await), ErrorKind::NoSuchColumn);
        assert_eq!(kind(select().order_by(&name).all::<Row>().await), ErrorKind::NoSuchColumn);
        assert_eq!(
            kind(select().filter_in(&name, [1]).first::<Row>().await),
            ErrorKind::NoSuchColumn
        );
        let stream = select().filter_null(&name).stream().await.map(|_| ());
        assert_eq!(kind(stream), ErrorKind::NoSuchColumn);
    }
    assert_untouched(db, 1).await;
    assert_eq!(number(db, "PRAGMA data_version").await, writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_with_nul_is_an_invalid_argument() {
    let fresh = fresh().await;
    let db = &fresh.db;
    for name in ["\0", "x\0", "x\0; DROP TABLE x", "\0name"] {
        assert_eq!(kind(db.table(name).count().await), ErrorKind::InvalidArgument, "{name:?}");
        assert_eq!(kind(db.table(name).delete(1).await), ErrorKind::InvalidArgument);
        let column = || Record::from_iter([(name, 1)]);
        assert_eq!(kind(db.table(name).insert(column()).await), ErrorKind::InvalidArgument);
        assert_eq!(
            kind(db.execute(&format!("SELECT 1 {name}"), ()).await),
            ErrorKind::InvalidArgument
        );
        let x = db.table("x");
        let refused = [
            x.insert(column()).await.map(|_| ()),
            x.update(1, column()).await.map(|_| ()),
            x.select().order_by(name).count().await.map(|_| ()),
            x.transfer(name, [(1, 1, 1)]).await,
        ];
        for refused in refused {
            assert_eq!(kind(refused), ErrorKind::InvalidArgument, "column {name:?}");
        }
    }
    assert_untouched(db, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_empty_name_is_refused_or_a_name_like_others() {
    let fresh = fresh().await;
    let db = &fresh.db;
    assert_eq!(kind(db.table("").count().await), ErrorKind::NoSuchTable);
    assert_eq!(kind(db.table("x").select().filter("", 1).count().await), ErrorKind::NoSuchColumn);
    if db.execute(r#"CREATE TABLE "" (id INTEGER PRIMARY KEY, "" )"#, ()).await.is_ok() {
        within("the operations", work_on(db, "", "")).await;
        let rows: Vec<Row> = db.query(r#"SELECT * FROM """#, ()).await.unwrap();
        assert_eq!(cells(&rows)[0][0], Value::Integer(1));
    }
    let rows: Vec<(i64, String)> = db.query("SELECT * FROM x", ()).await.unwrap();
    assert_eq!(rows, [(1, "untouched".to_owned())]);
}
