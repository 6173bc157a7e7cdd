//! One call reports everything about a statement.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use support::{Fresh, cells, kind};
use ubiqlite::{Database, ErrorKind, RunResult, Value, params};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, price DECIMAL(10, 2), made DATETIME, \"any\");
    CREATE TABLE log (item);
    CREATE TRIGGER t AFTER INSERT ON items BEGIN INSERT INTO log VALUES (new.id), (new.id); END;";

fn types(done: &RunResult) -> Vec<(&str, Option<&str>)> {
    done.columns.iter().map(|it| (it.name.as_str(), it.declared_type.as_deref())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_and_their_types_are_told_where_there_is_no_row() {
    let fresh = Fresh::with(Database::options(), SCHEMA).await;
    let wanted = [
        ("id", Some("INTEGER")),
        ("name", Some("VARCHAR(20)")),
        ("price", Some("DECIMAL(10, 2)")),
        ("made", Some("DATETIME")),
        ("any", None),
        ("1 + 1", None),
    ];
    let sql = "SELECT *, 1 + 1 FROM items WHERE id > ?";
    // Inline, and on the reader's thread.
    for _ in 0..3 {
        let done = fresh.db.run(sql, params![0]).await.unwrap();
        assert_eq!(types(&done), wanted);
        assert_eq!((done.rows.len(), done.rows_changed, done.last_row_id), (0, 0, 0));
    }
    let mut tx = fresh.db.begin().await.unwrap();
    assert_eq!(types(&tx.run(sql, params![0]).await.unwrap()), wanted);
    tx.rollback().await.unwrap();
    let snapshot = fresh.db.snapshot().await.unwrap();
    assert_eq!(types(&snapshot.run(sql, params![0]).await.unwrap()), wanted);
    let refused = snapshot.run("DELETE FROM items", ()).await;
    assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::ReadOnly));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_changes_are_told_together() {
    let fresh = Fresh::with(Database::options(), SCHEMA).await;
    let insert =
        "INSERT INTO items (id, name) VALUES (?, 'a'), (?, 'b') RETURNING id * 2 AS twice, name";
    let done = fresh.db.run(insert, params![7, 8]).await.unwrap();
    assert_eq!((done.rows_changed, done.last_row_id), (2, 8));
    assert_eq!(types(&done), [("twice", None), ("name", Some("VARCHAR(20)"))]);
    let rows = vec![vec![Value::from(14), "a".into()], vec![Value::from(16), "b".into()]];
    assert_eq!(cells(&done.rows), rows);
    let done = fresh.db.run("UPDATE items SET price = 3 WHERE id > 7", ()).await.unwrap();
    assert_eq!((done.rows_changed, done.last_row_id), (1, 0), "no row was inserted");
    assert!(done.columns.is_empty());
    let done = fresh.db.run("CREATE TABLE more (x)", ()).await.unwrap();
    assert_eq!((done.rows_changed, done.last_row_id, done.columns.len()), (0, 0, 0));
    let done = fresh.db.run("PRAGMA user_version", ()).await.unwrap();
    assert_eq!(cells(&done.rows), vec![vec![Value::from(0)]]);
    assert_eq!(kind(fresh.db.run("SELECT ?", ()).await), ErrorKind::InvalidArgument);
    // The schema changes after a statement was prepared.
    let sql = "SELECT * FROM more";
    assert_eq!(types(&fresh.db.run(sql, ()).await.unwrap()), [("x", None)]);
    fresh.db.run("ALTER TABLE more ADD COLUMN y TEXT", ()).await.unwrap();
    assert_eq!(types(&fresh.db.run(sql, ()).await.unwrap()), [("x", None), ("y", Some("TEXT"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_described_statement_has_not_run_and_tells_its_columns_origins_and_parameters() {
    let fresh = Fresh::with(Database::options(), SCHEMA).await;
    let sql = "INSERT INTO items (id, name) VALUES (?3, :name) RETURNING id AS made, upper(name)";
    for _ in 0..2 {
        let it = fresh.db.describe(sql).await.unwrap();
        let columns: Vec<_> = it
            .columns
            .iter()
            .map(|it| {
                let origin = it.origin.as_ref().map(|(table, column)| (&**table, &**column));
                (it.column.name.as_str(), it.column.declared_type.as_deref(), origin)
            })
            .collect();
        let made = ("made", Some("INTEGER"), Some(("items", "id")));
        assert_eq!(columns, [made, ("upper(name)", None, None)]);
        let parameters: Vec<_> = it.parameters.iter().map(Option::as_deref).collect();
        assert_eq!(parameters, [None, None, Some("?3"), Some(":name")]);
        assert!(!it.reads_only);
    }
    assert_eq!(fresh.db.query_value::<i64>("SELECT count(*) FROM items", ()).await.unwrap(), 0);
    assert!(fresh.db.describe("SELECT 1").await.unwrap().reads_only);
    let error = fresh.db.describe("SELECT\n nmae FROM items").await.unwrap_err();
    assert_eq!((error.kind(), error.offset()), (ErrorKind::NoSuchColumn, Some(8)));
    let snapshot = fresh.db.snapshot().await.unwrap();
    assert_eq!(snapshot.describe("SELECT * FROM log").await.unwrap().columns.len(), 1);
    assert_eq!(kind(snapshot.describe("DELETE FROM log").await), ErrorKind::ReadOnly);
    let error = fresh.db.describe("BEGIN").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_acts_while_it_is_compiled_is_not_described_and_changes_nothing() {
    let fresh = Fresh::with(Database::options(), SCHEMA).await;
    let mut session = fresh.db.acquire().await.unwrap();
    for sql in [
        "PRAGMA foreign_keys = OFF",
        "/* a */ pragma foreign_keys(0)",
        "EXPLAIN PRAGMA foreign_keys = 0",
        "explain -- all\n query plan PRAGMA foreign_keys = 0",
        "; PRAGMA busy_timeout = 1",
        "PRAGMA journal_mode = DELETE",
        "ROLLBACK",
        "SAVEPOINT s",
        "END",
    ] {
        assert_eq!(kind(session.describe(sql).await), ErrorKind::InvalidArgument, "{sql}");
        assert_eq!(kind(fresh.db.describe(sql).await), ErrorKind::InvalidArgument, "{sql}");
    }
    assert!(session.query_value::<bool>("PRAGMA foreign_keys", ()).await.unwrap());
    let mode: String = fresh.db.query_value("PRAGMA journal_mode", ()).await.unwrap();
    assert_eq!(mode, "wal");
    let table = "SELECT * FROM pragma_table_info('items')";
    assert_eq!(fresh.db.describe(table).await.unwrap().columns.len(), 6);
    // SQLite has rolled back by itself: only a ROLLBACK that runs ends that.
    session.batch("CREATE TEMP TABLE u (a UNIQUE); INSERT INTO u VALUES (1)").await.unwrap();
    session.execute("BEGIN", ()).await.unwrap();
    assert!(session.execute("INSERT OR ROLLBACK INTO u VALUES (1)", ()).await.is_err());
    assert!(session.describe("ROLLBACK").await.is_err());
    assert!(session.execute("INSERT INTO u VALUES (2)", ()).await.is_err());
    session.execute("ROLLBACK", ()).await.unwrap();
    session.execute("INSERT INTO u VALUES (2)", ()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_described_as_of_the_schema_that_another_connection_has_made() {
    let fresh = Fresh::with(Database::options(), SCHEMA).await;
    let sql = "SELECT * FROM log";
    assert_eq!(fresh.db.describe(sql).await.unwrap().columns.len(), 1);
    fresh.db.batch("ALTER TABLE log ADD COLUMN at TEXT").await.unwrap();
    let other = Database::open(fresh.path()).await.unwrap();
    other.batch("ALTER TABLE log RENAME COLUMN item TO thing").await.unwrap();
    let names: Vec<_> = fresh
        .db
        .describe(sql)
        .await
        .unwrap()
        .columns
        .into_iter()
        .map(|it| it.column.name)
        .collect();
    assert_eq!(names, ["thing", "at"]);
    let mut tx = fresh.db.begin().await.unwrap();
    tx.execute("ALTER TABLE log RENAME COLUMN thing TO item", ()).await.unwrap();
    assert_eq!(tx.describe(sql).await.unwrap().columns[0].column.name, "item");
    tx.rollback().await.unwrap();
    other.close().await.unwrap();
}
