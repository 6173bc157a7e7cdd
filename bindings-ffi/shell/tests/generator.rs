//! `ubiqlite gen`: what types it finds, what it refuses, and when a file is out of date.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::fs;
use std::path::PathBuf;

use support::{run, text};

struct Place(tempfile::TempDir);

impl Place {
    fn new(schema: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("schema.sql", schema);
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let own = arguments.iter().map(|it| match it.contains('.') {
            true => self.file(it).display().to_string(),
            false => (*it).to_owned(),
        });
        let output = run(std::iter::once("gen".to_owned()).chain(own));
        (output.status.code(), text(&output.stderr))
    }

    /// Returns the Rust of these queries.
    fn rust(&self, queries: &str) -> String {
        self.write("q.sql", queries);
        assert_eq!(self.run(&["-rust", "out.rs", "schema.sql", "q.sql"]), (Some(0), String::new()));
        fs::read_to_string(self.file("out.rs")).unwrap()
    }

    /// Returns the types of a query's columns, as Rust has them.
    fn columns(&self, sql: &str) -> Vec<String> {
        let all = self.rust(&format!("-- name: Asked :many\n{sql}"));
        // Its rows may be those of a table.
        let row = all.split("-> Result<Vec<").last().unwrap().split('>').next().unwrap().to_owned();
        let class = all.split(&format!("pub struct {row} {{\n")).nth(1).unwrap();
        let lines = class.split("\n}").next().unwrap().lines();
        let fields = lines.filter_map(|line| line.trim().strip_prefix("pub "));
        fields.map(|it| it.split(": ").nth(1).unwrap().trim_end_matches(',').to_owned()).collect()
    }

    /// Returns the parameters of a query, as Rust has them.
    fn params(&self, sql: &str) -> String {
        let all = self.rust(&format!("-- name: Asked :exec\n{sql}"));
        let begin = "pub async fn asked(db: impl Runs";
        let rest = all.split(begin).nth(1).unwrap();
        rest.split(") -> Result").next().unwrap().trim_start_matches(", ").to_owned()
    }
}

const SCHEMA: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL, at DATETIME NOT NULL);
    CREATE TABLE parts (item INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (item, name)) WITHOUT ROWID;
    CREATE TABLE loose (key TEXT PRIMARY KEY, other);
    CREATE TABLE alike (key TEXT PRIMARY KEY, other);
    CREATE TABLE down (key INTEGER PRIMARY KEY DESC, other);
    CREATE TABLE strict (key TEXT PRIMARY KEY, other ANY) STRICT;
    CREATE TABLE keyed (key TEXT PRIMARY KEY, other) WITHOUT ROWID;
    CREATE VIEW named AS SELECT id, name FROM items;
    CREATE TRIGGER instead INSTEAD OF INSERT ON named BEGIN SELECT 1; END;
    CREATE TRIGGER update_named INSTEAD OF UPDATE ON named BEGIN SELECT 1; END;
    CREATE TRIGGER delete_named INSTEAD OF DELETE ON named BEGIN SELECT 1; END;
    CREATE VIEW outer_named AS SELECT items.id, parts.name FROM items LEFT JOIN parts ON parts.item = items.id;
    CREATE VIEW mixed AS SELECT id AS x FROM items UNION ALL SELECT name FROM items;
    CREATE TRIGGER into_mixed INSTEAD OF INSERT ON mixed BEGIN SELECT 1; END;
    CREATE VIEW over_mixed AS SELECT x, x AS \"a b\" FROM mixed;
    CREATE VIEW [it's] AS SELECT items.id, parts.name FROM items LEFT JOIN parts ON parts.item = items.id;
    CREATE TABLE other (price REAL, k INTEGER, type INTEGER, oid TEXT);
    CREATE TABLE settings (list TEXT, value TEXT);
    CREATE VIRTUAL TABLE searched USING fts5(words);
    CREATE TABLE ranked (rank INTEGER);
    CREATE TABLE computed (a INTEGER AS (1) STORED, b TEXT NOT NULL);";

fn place() -> Place {
    Place::new(SCHEMA)
}

#[test]
fn a_column_may_be_null_unless_it_is_certain_that_it_is_not() {
    let place = place();
    let (int, text, optional) = ("i64", "String", "Option<String>");
    for (sql, wanted) in [
        ("SELECT id, name FROM items", vec![int, text]),
        ("SELECT i.id, p.name FROM items i JOIN parts p ON p.item = i.id", vec![int, text]),
        ("SELECT rowid, name FROM items WHERE id IN (SELECT item FROM parts)", vec![int, text]),
        ("INSERT INTO items VALUES (1, 'a', 2, 3) RETURNING id, name", vec![int, text]),
        ("SELECT name, count(*) FROM items GROUP BY name", vec![text, int]),
        ("SELECT id, name FROM named", vec![int, text]),
        ("WITH x AS (SELECT name FROM items) SELECT name FROM x", vec![text]),
        // An outer join, also in a view.
        (
            "SELECT i.id, p.name FROM items i LEFT JOIN parts p ON p.item = i.id",
            vec!["Option<i64>", optional],
        ),
        ("SELECT p.name FROM items i FULL JOIN parts p ON p.item = i.id", vec![optional]),
        ("SELECT id, name FROM outer_named", vec!["Option<i64>", optional]),
        // However the view's name is written.
        ("SELECT id, name FROM 'outer_named'", vec!["Option<i64>", optional]),
        ("SELECT id, name FROM `outer_named`", vec!["Option<i64>", optional]),
        ("SELECT id, name FROM main.[OUTER_named]", vec!["Option<i64>", optional]),
        ("SELECT id, name FROM \"it's\"", vec!["Option<i64>", optional]),
        ("SELECT id, name FROM 'it''s'", vec!["Option<i64>", optional]),
        // A query that may have no row.
        ("SELECT (SELECT name FROM items) AS name", vec![optional]),
        ("SELECT id, (SELECT name FROM items) AS name FROM items", vec!["Option<i64>", optional]),
        // One row of none.
        ("SELECT name, count(*) FROM items", vec![optional, int]),
        ("SELECT name FROM (SELECT name, max(id) FROM items)", vec![optional]),
        (
            "SELECT name, count(*), sum(id) OVER (ROWS 1 PRECEDING EXCLUDE GROUP) FROM items",
            vec![optional, int, "ubiqlite::Value"],
        ),
        // A primary key that SQLite lets be NULL.
        ("SELECT key FROM loose", vec![optional]),
        ("SELECT key FROM down", vec!["Option<i64>"]),
        ("SELECT key FROM strict", vec![text]),
        ("SELECT key FROM keyed", vec![text]),
    ] {
        assert_eq!(place.columns(sql), wanted, "{sql}");
    }
}

#[test]
fn a_value_of_no_known_type_is_any_value() {
    let place = place();
    let any = "ubiqlite::Value";
    for (sql, wanted) in [
        ("SELECT at, price FROM items", vec![any, "Option<f64>"]),
        ("SELECT id + 1, max(price) FROM items", vec![any, any]),
        // SQLite describes only the first of several queries.
        ("SELECT id FROM items UNION ALL SELECT name FROM items", vec![any]),
        ("SELECT id FROM (SELECT id FROM items UNION SELECT 'a')", vec![any]),
        (
            "SELECT count(*), CAST(price AS INTEGER) AS whole, 7, 'a', avg(price) FROM items",
            vec!["i64", "Option<i64>", "i64", "String", "Option<f64>"],
        ),
        (
            "SELECT items.*, count(*) OVER (PARTITION BY name), EXISTS (SELECT 1) AS there FROM items",
            vec!["Option<i64>", "Option<String>", "Option<f64>", any, "i64", "i64"],
        ),
        (
            "SELECT 1 IS DISTINCT FROM 2, count(*) FILTER (WHERE id > 1) AS n FROM items",
            vec![any, "i64"],
        ),
        // A condition is no alias, unless it is a name.
        ("SELECT upper(name) ISNULL, 'a' NOTNULL FROM items", vec![any, any]),
        ("SELECT NOT EXISTS (SELECT 1) ISNULL, count(*) OVER () NOTNULL", vec![any, any]),
        (
            "SELECT upper(name) AS 'isnull', lower(name) \"notnull\", length(name) COLLATE nocase FROM items",
            vec!["Option<String>", "Option<String>", any],
        ),
        // A plan.
        ("EXPLAIN QUERY PLAN SELECT 1, 2, 3, 4", vec![any; 4]),
        ("explain SELECT id, name, 1, 2, 3, 4, 5, 6 FROM items", vec![any; 8]),
        // A trigger decides what is returned.
        ("INSERT INTO named VALUES (1, 'a') RETURNING id, upper(name)", vec![any, any]),
        ("INSERT OR IGNORE INTO main.'named' (id) VALUES (1) RETURNING id", vec![any]),
        (
            "WITH a AS (SELECT 1) REPLACE INTO [named] SELECT 1, 2 FROM a RETURNING *",
            vec![any, any],
        ),
        ("UPDATE OR IGNORE named SET id = 1 RETURNING id", vec![any]),
        ("DELETE FROM named RETURNING name", vec![any]),
        ("DELETE FROM items WHERE id IN (SELECT id FROM named) RETURNING id", vec!["Option<i64>"]),
    ] {
        assert_eq!(place.columns(sql), wanted, "{sql}");
    }
    // Not that of `alike`, which has the same columns.
    let all = place.rust("-- name: Asked :many\nSELECT * FROM loose");
    assert!(all.contains("asked(db: impl Reads) -> Result<Vec<Loose>>"), "{all}");
    let told = "-- column: most REAL\n-- column: id INTEGER NOT NULL\nSELECT max(price) AS most, max(id) AS id FROM items";
    assert_eq!(place.columns(told), ["Option<f64>", "i64"]);
}

#[test]
fn a_view_has_the_types_of_the_query_that_reads_it() {
    let place = place();
    let all = place.rust("");
    for (class, wanted) in [
        ("Named", ["pub id: i64,", "pub name: String,"].as_slice()),
        ("OuterNamed", &["pub id: Option<i64>,", "pub name: Option<String>,"]),
        ("Mixed", &["pub x: ubiqlite::Value,"]),
        ("OverMixed", &["pub x: ubiqlite::Value,", "pub a_b: ubiqlite::Value,"]),
    ] {
        let lines = all.split(&format!("pub struct {class} {{\n")).nth(1).unwrap();
        let lines = lines.split("\n}").next().unwrap().lines().map(str::trim);
        let fields: Vec<_> = lines.filter(|it| it.starts_with("pub ")).collect();
        assert_eq!(fields, wanted, "{class}");
    }
}

#[test]
fn an_integer_that_no_number_holds_is_looked_for_in_each_column_of_numbers() {
    let place = Place::new("CREATE TABLE t (a INT, b DECIMAL, c NUMERIC, d BOOL, e TEXT, f REAL);");
    place.write("q.sql", "-- name: All :many\nSELECT * FROM t");
    assert_eq!(place.run(&["-ts", "o.ts", "schema.sql", "q.sql"]), (Some(0), String::new()));
    let all = fs::read_to_string(place.file("o.ts")).unwrap();
    assert!(all.contains("numbers(row, [\"a\", \"b\", \"c\", \"d\", \"f\"])"), "{all}");
}

#[test]
fn a_schema_writes_no_file() {
    for sql in [
        "ATTACH 'FILE' AS a; CREATE TABLE a.t (x);",
        "CREATE TABLE t (x); VACUUM INTO 'FILE';",
        "-- alone\n/* ; */ \u{feff}vacuum main INTO 'FILE'",
        "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END; Attach DATABASE 'FILE' AS a; CREATE TABLE a.t (x);",
    ] {
        let place = Place::new("");
        let file = place.file("made.db");
        let sql = sql.replace("FILE", &file.display().to_string());
        place.write("schema.sql", &sql);
        fs::create_dir(place.file("all.migrations")).unwrap();
        place.write("all.migrations/1_all.sql", &sql);
        for source in ["schema.sql", "all.migrations"] {
            let (code, told) = place.run(&["-rust", "out.rs", source]);
            assert!(code == Some(1) && told.contains(" is refused here: "), "{sql}: {told}");
            assert!(told.contains(".sql:") && !file.exists(), "{source}: {sql}: {told}");
        }
    }
}

#[test]
fn a_parameter_has_the_type_of_its_column_or_takes_any_value() {
    let place = place();
    let any = "impl ubiqlite::IntoValue";
    for (sql, wanted) in [
        ("DELETE FROM items WHERE id = ?", "id: i64".to_owned()),
        (
            "DELETE FROM items WHERE items.name <> :other AND price BETWEEN ? AND ?",
            "other: &str, price: f64, price_2: f64".to_owned(),
        ),
        (
            "DELETE FROM items WHERE id IN (?, ?) OR name NOT IN (?)",
            "id: i64, id_2: i64, name: &str".to_owned(),
        ),
        ("DELETE FROM items WHERE price IS ?1 OR ?1 IS NULL", "price: Option<f64>".to_owned()),
        (
            "UPDATE items SET price = ?2, name = ?3 WHERE id = ?1",
            "id: i64, price: Option<f64>, name: &str".to_owned(),
        ),
        (
            "INSERT INTO items (name, price) VALUES (@a, $b), (upper(?), ?)",
            format!("a: &str, b: Option<f64>, p3: {any}, price: Option<f64>"),
        ),
        (
            "INSERT INTO parts VALUES (?, ?) ON CONFLICT DO UPDATE SET name = ?",
            "item: i64, name: &str, name_2: &str".to_owned(),
        ),
        (
            "DELETE FROM items WHERE id IN (SELECT id FROM items LIMIT ? OFFSET ?)",
            "limit: i64, offset: i64".to_owned(),
        ),
        // The first number is the offset, if there is a comma.
        ("SELECT 1 AS c FROM items LIMIT ?, ?", "offset: i64, limit: i64".to_owned()),
        (
            "SELECT 1 AS c FROM items WHERE id IN (SELECT id FROM items LIMIT ?, ?) LIMIT ?",
            "offset: i64, limit: i64, limit_2: i64".to_owned(),
        ),
        (
            "SELECT 1 AS c FROM items LIMIT max(?, ?), ?",
            format!("p1: {any}, p2: {any}, limit: i64"),
        ),
        ("SELECT 1 AS c FROM items LIMIT ?, 10", "offset: i64".to_owned()),
        ("SELECT 1 AS c FROM items LIMIT 10, ?", "limit: i64".to_owned()),
        ("SELECT 1 AS c FROM items LIMIT ?2, ?1", "limit: i64, offset: i64".to_owned()),
        ("SELECT 1 AS c FROM items LIMIT 10 OFFSET ?", "offset: i64".to_owned()),
        // A name belongs to the parameter that has it in the query.
        (
            "DELETE FROM items WHERE id = ? AND name = :id AND price = ?",
            "id_2: i64, id: &str, price: f64".to_owned(),
        ),
        (
            "UPDATE items SET name = ?, price = ? WHERE name = ? AND ? < price",
            format!("name: &str, price: Option<f64>, name_2: &str, p4: {any}"),
        ),
        (
            "INSERT INTO items (price, name) VALUES (?, ?), (?, ?)",
            "price: Option<f64>, name: &str, price_2: Option<f64>, name_2: &str".to_owned(),
        ),
        (
            "UPDATE items SET (name, price) = (?, ?) WHERE (id, name) = (?, ?)",
            format!("p1: {any}, p2: {any}, p3: {any}, p4: {any}"),
        ),
        ("DELETE FROM items WHERE name LIKE :begin", "begin: &str".to_owned()),
        // Of another type than the column, or of none that is known.
        (
            "DELETE FROM items WHERE id = ? + 1 OR id + name = ? OR ? = id",
            format!("p1: {any}, p2: {any}, p3: {any}"),
        ),
        ("DELETE FROM items WHERE id = :x OR name = :x", format!("x: {any}")),
        (
            "WITH t AS (SELECT name AS id FROM items) DELETE FROM items WHERE name IN (SELECT id FROM t WHERE id = ?)",
            format!("p1: {any}"),
        ),
        ("INSERT INTO computed VALUES (?)", format!("p1: {any}")),
        // Of a function, a table of SQLite's, a result's name or another table.
        (
            "SELECT count(*) AS c FROM settings, json_each(settings.list) AS j WHERE j.value = ?1",
            format!("p1: {any}"),
        ),
        (
            "SELECT 1 AS c FROM settings s JOIN json_each(s.list) WHERE key = ? AND s.value = ? AND 1 IN (SELECT key FROM keyed)",
            format!("p1: {any}, value: &str"),
        ),
        ("SELECT 1 AS c FROM settings, json_each WHERE json_each.value = ?", format!("p1: {any}")),
        (
            "SELECT 1 AS c FROM sqlite_schema WHERE type = ? AND 1 IN (SELECT k FROM other)",
            format!("p1: {any}"),
        ),
        (
            "SELECT price AS name FROM other WHERE name > ?1 AND k IN (SELECT id FROM items)",
            format!("p1: {any}"),
        ),
        (
            "SELECT price 'name' FROM other WHERE name > ?1 AND k IN (SELECT id FROM items)",
            format!("p1: {any}"),
        ),
        (
            "SELECT k FROM other WHERE 1 IN (SELECT k name FROM other WHERE name > ?) AND k IN (SELECT item FROM parts)",
            format!("p1: {any}"),
        ),
        (
            "SELECT 1 AS c FROM items WHERE oid = ? AND id IN (SELECT k FROM other)",
            format!("p1: {any}"),
        ),
        (
            "SELECT 1 AS c FROM searched WHERE rank = ? AND 1 IN (SELECT rank FROM ranked)",
            format!("p1: {any}"),
        ),
        (
            "SELECT k AS window, price AS name FROM other WHERE name > ? AND k IN (SELECT id FROM items)",
            format!("p1: {any}"),
        ),
        (
            "SELECT 1 AS c FROM other AS with JOIN other o ON with.k = o.k, json_each('[]') WHERE key = ? AND with.k = ? AND 1 IN (SELECT key FROM keyed)",
            format!("p1: {any}, p2: {any}"),
        ),
        ("SELECT id AS name FROM items WHERE name = ?", "name: &str".to_owned()),
        (
            "SELECT 1 AS c FROM 'items' AS 'i' JOIN (parts p, other AS o) WHERE i.id = ? AND o.price < ? AND p.name IS NOT DISTINCT FROM p.item AND k = ?",
            "id: i64, price: f64, k: i64".to_owned(),
        ),
        (
            "INSERT INTO 'items' AS i (id) VALUES (?) ON CONFLICT DO UPDATE SET price = ? WHERE excluded.name = ? AND i.id = ?",
            "id: i64, price: Option<f64>, name: &str, id_2: i64".to_owned(),
        ),
        (
            "UPDATE down SET other = 1 AND loose.key = ?, key = ? FROM loose",
            "key: &str, key_2: Option<i64>".to_owned(),
        ),
        // What is written through a view may be NULL, and any value where rows have any.
        (
            "INSERT INTO named (id, name) VALUES (?, ?)",
            "id: Option<i64>, name: Option<&str>".to_owned(),
        ),
        ("INSERT INTO mixed (x) VALUES (?)", format!("x: {any}")),
        ("UPDATE named SET name = ? WHERE id = ?", format!("name: Option<&str>, p2: {any}")),
        ("-- param: x TEXT\nDELETE FROM items WHERE id = :x + 1", "x: Option<&str>".to_owned()),
    ] {
        assert_eq!(place.params(sql), wanted, "{sql}");
    }
}

#[test]
fn what_does_not_compile_is_told_with_its_kind_file_and_line() {
    let place = place();
    let first = "-- name: First :one\nSELECT 1 AS one;\n";
    for (query, wanted) in [
        (
            "-- name: Bad :one\nSELECT id,\n  nmae FROM items",
            "q.sql:5: NoSuchColumn: no such column: nmae",
        ),
        ("-- name: Bad :one\nSELECT * FROM itmes", "q.sql:4: NoSuchTable: no such table: itmes"),
        ("-- name: Bad :one\nSELEC 1", "q.sql:4: Syntax: near \"SELEC\""),
        ("-- name: Bad :one\nBEGIN", "q.sql:4: InvalidArgument: "),
        ("-- name: Bad :many\nDELETE FROM items", "q.sql:4: `Bad` returns no rows: use :exec"),
        ("-- name: Bad :many\nSELECT ?2", "q.sql:4: the parameter ?1 is missing"),
        ("-- name: first :exec\nDELETE FROM items", "q.sql:4: `first` and `First` of "),
        (
            "-- name: Bad :one\n-- column: x TEXT\nSELECT 1 AS y",
            "q.sql:4: `Bad` has no column x: it has y",
        ),
    ] {
        place.write("q.sql", &format!("{first}{query}"));
        let (code, told) = place.run(&["-rust", "out.rs", "schema.sql", "q.sql"]);
        let told = told.replace(&format!("{}{}", folder(&place), std::path::MAIN_SEPARATOR), "");
        assert!(code == Some(1) && told.starts_with(wanted), "{told}");
        assert!(!place.file("out.rs").exists());
    }
    place.write("schema.sql", "CREATE TABLE a (x);\nCREATE TABL b (x);");
    let (code, told) = place.run(&["-rust", "out.rs", "schema.sql"]);
    assert!(code == Some(1) && told.contains("schema.sql:2: "), "{told}");
    assert_eq!(place.run(&["-rust", "out.rs"]).0, Some(2));
    assert_eq!(place.run(&["schema.sql"]).0, Some(2));
}

fn folder(place: &Place) -> String {
    place.0.path().display().to_string()
}

#[test]
fn the_same_comes_of_a_script_a_database_and_migrations_and_a_change_makes_it_out_of_date() {
    let place = place();
    place.write("q.sql", "-- name: All :many\nSELECT * FROM items");
    let schema = fs::read_to_string(place.file("schema.sql")).unwrap();
    let virtual_table = "CREATE VIRTUAL TABLE found USING fts5(words);";
    let schema = format!(
        "{schema}{virtual_table} CREATE TRIGGER t AFTER INSERT ON parts BEGIN DELETE FROM items; END;"
    );
    place.write("schema.sql", &schema);
    let path = place.file("app.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(&schema).unwrap();
    let before = fs::read(&path).unwrap();
    fs::create_dir(place.file("all.migrations")).unwrap();
    fs::write(place.file("all.migrations/1_all.sql"), &schema).unwrap();
    let mut outputs = Vec::new();
    for source in ["schema.sql", "app.db", "all.migrations"] {
        for _ in 0..2 {
            let all = [
                "-rust", "o.rs", "-ts", "o.ts", "-python", "o.py", "-kotlin", "o.kt", source,
                "q.sql",
            ];
            assert_eq!(place.run(&all), (Some(0), String::new()), "{source}");
            let read = |name| fs::read_to_string(place.file(name)).unwrap();
            outputs.push(["o.rs", "o.ts", "o.py", "o.kt"].map(read));
        }
    }
    assert!(outputs.iter().all(|it| *it == outputs[0]));
    assert!(outputs[0].iter().all(|it| it.lines().next().unwrap().contains("do not edit")));
    assert_eq!(fs::read(&path).unwrap(), before, "the database is only read");

    let check = ["-check", "-rust", "o.rs", "-ts", "o.ts", "app.db", "q.sql"];
    assert_eq!(place.run(&check), (Some(0), String::new()));
    place.write("q.sql", "-- name: All :many\r\nSELECT *\r\n  FROM items");
    assert_eq!(place.run(&check).0, Some(1));
    place.write("q.sql", "-- name: All :many\nSELECT *\n  FROM items");
    assert_eq!(place.run(&check[1..]), (Some(0), String::new()));
    place.write("q.sql", "-- name: All :many\r\nSELECT *\r\n  FROM items");
    assert_eq!(place.run(&check), (Some(0), String::new()), "a checkout changes the ends of lines");
    place.write("q.sql", "-- name: All :many\nSELECT * FROM items");
    assert_eq!(place.run(&check[1..]).0, Some(0));
    place.write("o.ts", &outputs[0][1].replace('\n', "\r\n"));
    assert_eq!(place.run(&check).0, Some(0));
    place.write("q.sql", "-- name: All :many\nSELECT id FROM items");
    let (code, told) = place.run(&check);
    assert!(code == Some(1) && told.contains("o.rs") && told.contains("o.ts"), "{told}");
    assert_eq!(
        fs::read_to_string(place.file("o.rs")).unwrap(),
        outputs[0][0],
        "-check writes nothing"
    );
}
