//! What `.dump` writes makes the same database again, in SQLite and here.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::path::Path;

use fastrand::Rng;
use rusqlite::Connection;
use rusqlite::types::Value;
use support::{answer, run, script, text};

/// Everything that a database has: its schema, and each table's rows with their rowids, types and
/// bytes.
fn content(path: &Path) -> Vec<String> {
    let db = Connection::open(path).unwrap();
    let rows = |sql: &str| -> Vec<Vec<Value>> {
        let mut statement = db.prepare(sql).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|it| row.get(it)).collect();
        statement.query_map((), row).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let mut all = Vec::new();
    for pragma in ["user_version", "application_id", "encoding"] {
        all.push(format!("{pragma}: {:?}", rows(&format!("PRAGMA {pragma}"))));
    }
    let schema = rows("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name");
    all.extend(schema.iter().map(|it| format!("{it:?}")));
    let tables = "SELECT name, wr, type FROM pragma_table_list WHERE schema = 'main'
        AND type IN ('table', 'shadow') AND name NOT IN ('sqlite_schema') ORDER BY name";
    for table in rows(tables) {
        let (Value::Text(name), Value::Integer(without), _) = (&table[0], &table[1], &table[2])
        else {
            unreachable!()
        };
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let columns =
            rows(&format!("SELECT name FROM pragma_table_xinfo('{}')", name.replace('\'', "''")));
        let cell = |column: &Vec<Value>| {
            let Value::Text(column) = &column[0] else { unreachable!() };
            let column = format!("\"{}\"", column.replace('"', "\"\""));
            // Bytes, whatever they are, as text that can be compared.
            format!(
                "typeof({column}) || ' ' || iif(typeof({column}) = 'real', printf('%!.17g', {column}), quote(CAST({column} AS BLOB)))"
            )
        };
        let mut cells: Vec<_> = columns.iter().map(cell).collect();
        if *without == 0 && name != "sqlite_sequence" {
            cells.push("rowid".to_owned());
        }
        let found = rows(&format!("SELECT {} FROM {quoted} NOT INDEXED", cells.join(",")));
        all.push(format!("{name}: {} rows", found.len()));
        all.extend(found.iter().map(|it| format!("{name}: {it:?}")));
    }
    all
}

fn literal(random: &mut Rng) -> String {
    match random.u8(..12) {
        0 => "NULL".into(),
        1 => i64::MIN.to_string(),
        2 => random.i64(..).to_string(),
        3 => format!("{:?}", f64::from_bits(random.u64(..)))
            .replace("NaN", "1.5")
            .replace("inf", "9e999"),
        4 => "9e999".into(),
        5 => "-9e999".into(),
        6 => "'it''s \"x\"; -- \n\r\n\t/* */'".into(),
        // A text with zeros, and one that is no UTF-8.
        7 => "CAST(x'610062' AS TEXT)".into(),
        8 => "CAST(x'ff00fe' AS TEXT)".into(),
        9 => format!("x'{:x}00'", random.u64(0x1000_0000_0000_0000..)),
        10 => "'日本語 😀'".into(),
        _ => format!("'{}'", random.u32(..)),
    }
}

/// Makes a random database.
fn make(path: &Path, seed: u64) {
    let mut random = Rng::with_seed(seed);
    let db = Connection::open(path).unwrap();
    db.execute_batch("PRAGMA synchronous = OFF").unwrap();
    if random.u8(..5) == 0 {
        let encoding = ["UTF-16le", "UTF-16be"][random.usize(..2)];
        db.execute_batch(&format!("PRAGMA encoding = '{encoding}'")).unwrap();
    }
    db.execute_batch(&format!("PRAGMA user_version = {}", random.i32(..))).unwrap();
    let forms = [
        "(id INTEGER PRIMARY KEY, a, b)",
        "(id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT, b BLOB) -- why",
        "(id, a, b)",
        "(id INTEGER PRIMARY KEY DESC, a REAL, b)",
        "(id INTEGER, a, b NUMERIC, PRIMARY KEY (id, a)) WITHOUT ROWID",
        "(id ANY, a ANY, b ANY) STRICT",
        "(id, a, b, g AS (id || a) VIRTUAL, s AS (typeof(b)) STORED)",
        "(rowid, a, b)",
        "(id, a, b, UNIQUE (b, a, id))",
    ];
    let names =
        ["t1", "it's", "a \"b\"", "select", "x; DROP TABLE t1; --", "日本", "sqlite", "[z]"];
    for (index, name) in names.iter().enumerate() {
        if random.bool() {
            continue;
        }
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let form = random.choice(forms).unwrap();
        db.execute_batch(&format!("CREATE TABLE {quoted} {form}")).unwrap();
        let columns = match () {
            () if form.contains("rowid,") => ["rowid", "a", "b"],
            () => ["id", "a", "b"],
        };
        for _ in 0..random.u8(..20) {
            let id = match random.u8(..3) {
                0 => "NULL".to_owned(),
                1 => random.i32(..).to_string(),
                _ => random.i32(1..1000).to_string(),
            };
            let (a, b) = (literal(&mut random), literal(&mut random));
            // Some violate a constraint.
            let _ = db.execute_batch(&format!(
                "INSERT OR IGNORE INTO {quoted} ({}) VALUES ({id}, {a}, {b})",
                columns.join(",")
            ));
        }
        let _ = db.execute_batch(&format!("DELETE FROM {quoted} WHERE {} % 3 = 0", columns[0]));
        if random.bool() {
            db.execute_batch(&format!(
                "CREATE INDEX \"index '{index}\" ON {quoted} (a, b DESC) WHERE a IS NOT NULL;
                 CREATE VIEW \"view {index}\" AS SELECT a, ';' AS c FROM {quoted};
                 CREATE TRIGGER \"trigger {index}\" AFTER UPDATE ON {quoted} BEGIN SELECT 1; SELECT 2; END;
                 CREATE TRIGGER \"instead {index}\" INSTEAD OF INSERT ON \"view {index}\" BEGIN SELECT 'x;'; END;"
            ))
            .unwrap();
        }
    }
    if random.bool() {
        db.execute_batch(
            "CREATE VIRTUAL TABLE f USING fts5(a, b); CREATE VIRTUAL TABLE f_more USING fts5(a);
             INSERT INTO f VALUES ('one two', 'three'), ('two', 'it''s'); DELETE FROM f WHERE rowid = 1;
             INSERT INTO f (rowid, a) VALUES (77, 'far two'); INSERT INTO f_more VALUES ('two more');
             CREATE VIRTUAL TABLE r USING rtree(id, x0, x1); INSERT INTO r VALUES (5, 1, 2), (9, -1, 0.5);",
        )
        .unwrap();
    }
    if random.bool() {
        db.execute_batch("ANALYZE").unwrap();
    }
}

fn questions(path: &Path) -> (i64, i64, String) {
    let db = Connection::open(path).unwrap();
    let one = |sql: &str| db.query_row(sql, (), |row| row.get(0)).unwrap_or(-1);
    let check = db.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    (
        one("SELECT sum(rowid) FROM f WHERE f MATCH 'two'"),
        one("SELECT count(*) FROM r WHERE x0 < 0"),
        check,
    )
}

#[test]
fn a_dump_of_any_database_makes_the_same_one_in_sqlite_and_here() {
    for seed in 0..60 {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        make(&file("a.db"), seed);
        let dump = answer([file("a.db").as_os_str(), ".dump".as_ref()]);
        let wanted = content(&file("a.db"));

        let db = Connection::open(file("b.db")).unwrap();
        db.execute_batch(&dump).unwrap_or_else(|error| panic!("{seed}: {error}\n{dump}"));
        drop(db);
        assert_eq!(content(&file("b.db")), wanted, "by SQLite, {seed}\n{dump}");

        std::fs::write(file("dump.sql"), &dump).unwrap();
        let read = format!(".read '{}'", file("dump.sql").display());
        let read = run([file("c.db").as_os_str(), read.as_ref()]);
        assert!(read.status.success(), "{seed}: {}\n{dump}", text(&read.stderr));
        assert_eq!(content(&file("c.db")), wanted, "by the shell, {seed}\n{dump}");
        for name in ["b.db", "c.db"] {
            assert_eq!(questions(&file(name)), questions(&file("a.db")), "{seed}");
        }
        assert_eq!(questions(&file("a.db")).2, "ok");
    }
}

#[test]
fn one_table_is_dumped_with_what_belongs_to_it_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "CREATE TABLE a (x); CREATE TABLE b (y); CREATE INDEX ax ON a (x); INSERT INTO a VALUES (1);
         CREATE TRIGGER bt AFTER INSERT ON b BEGIN SELECT 1; END; PRAGMA user_version = 3;",
    )
    .unwrap();
    drop(db);
    let dump = answer([path.as_os_str(), ".dump A".as_ref()]);
    assert_eq!(
        dump,
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE a (x);\n\
         INSERT INTO \"a\" VALUES(1);\nCREATE INDEX ax ON a (x);\nCOMMIT;\n"
    );
    assert_eq!(run([path.as_os_str(), ".dump nope".as_ref()]).status.code(), Some(1));
}

#[test]
fn foreign_keys_are_enforced_again_after_a_dump_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let db = Connection::open(file("a.db")).unwrap();
    // The child comes first, and its parent later.
    db.execute_batch(
        "CREATE TABLE child (p REFERENCES parent); CREATE TABLE parent (id PRIMARY KEY);
         INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1);",
    )
    .unwrap();
    drop(db);
    std::fs::write(file("dump.sql"), answer([file("a.db").as_os_str(), ".dump".as_ref()])).unwrap();
    let read = format!(".read '{}'\nINSERT INTO child VALUES (2);\n", file("dump.sql").display());
    let done = script(&file("b.db"), &read);
    let told = text(&done.stderr);
    assert!(told.starts_with("stdin:2: FOREIGN KEY") && done.status.code() == Some(1), "{told}");
    assert_eq!(content(&file("b.db")), content(&file("a.db")));
}
