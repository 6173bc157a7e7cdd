//! The database that is written, and the queries that are watched.

use std::sync::OnceLock;

use fastrand::Rng;
use ubiqlite::{Database, Result, Watch};

/// How many rows the largest table has, which the others follow.
pub(crate) fn rows() -> i64 {
    static ROWS: OnceLock<i64> = OnceLock::new();
    let given = || std::env::var("UBIQLITE_FUZZ_ROWS").map_or(600, |it| it.parse().unwrap());
    *ROWS.get_or_init(given)
}

/// How many groups the items are in.
pub(crate) fn groups() -> i64 {
    rows() / 75
}

const SCHEMA: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL,
        price REAL, grp INT, data TEXT);
    CREATE INDEX st ON items (status, id);
    CREATE INDEX gp ON items (grp, price);
    CREATE VIEW cheap AS SELECT id, name FROM items WHERE price < 5;
    CREATE TRIGGER cheap_insert INSTEAD OF INSERT ON cheap BEGIN
        INSERT INTO items (name, status, price, grp) VALUES (new.name, 'new', 1, 1); END;
    CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
    CREATE TABLE uniq (id INTEGER PRIMARY KEY, name TEXT UNIQUE, v INT);
    CREATE TABLE parent (id INTEGER PRIMARY KEY, v INT);
    CREATE TABLE child (id INTEGER PRIMARY KEY, p INT REFERENCES parent (id) ON DELETE CASCADE,
        o INT REFERENCES parent (id) ON DELETE SET NULL, v INT);
    CREATE INDEX cp ON child (p);
    CREATE INDEX co ON child (o);
    CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, m TEXT);
    CREATE TRIGGER tr AFTER UPDATE OF v ON parent BEGIN
        INSERT INTO log (m) VALUES ('p' || new.id); END;
    CREATE TABLE files (id INTEGER PRIMARY KEY, name TEXT, body TEXT);
    CREATE VIRTUAL TABLE ft USING fts5(body);
    CREATE VIRTUAL TABLE rt USING rtree(id, x0, x1);
    CREATE TABLE extra (a INTEGER PRIMARY KEY, b INT);
    CREATE TABLE twin_a (v INT);
    CREATE TABLE twin_b (v INT);
    CREATE TRIGGER twins AFTER UPDATE ON twin_a BEGIN UPDATE twin_b SET v = new.v; END;
    CREATE TABLE tick (id INTEGER PRIMARY KEY, v INT);
    INSERT INTO twin_a VALUES (0);
    INSERT INTO twin_b VALUES (0);
    INSERT INTO tick VALUES (1, 0);
    INSERT INTO extra VALUES (1, 1), (2, 2);";

/// Returns the script that makes and fills the database.
pub(crate) fn script() -> String {
    let (n, groups) = (rows(), groups());
    format!(
        "{SCHEMA}
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n})
             INSERT INTO items SELECT i, 'lamp ' || i, substr('newdonsol', 1 + i % 3 * 3, 3), i % 500,
                 i % {groups}, '{{\"watt\":40,\"colour\":\"red\",\"x\":\"some more text here\"}}' FROM n;
         INSERT INTO kv SELECT 'k' || id, 'v' || id FROM items WHERE id <= {n} / 10;
         INSERT INTO uniq SELECT id, 'u' || id, id FROM items WHERE id <= 50;
         INSERT INTO parent SELECT id, id FROM items WHERE id <= {n} / 20;
         INSERT INTO child SELECT id, 1 + id % ({n} / 20), 1 + id * 7 % ({n} / 20), id % 10
             FROM items WHERE id <= {n} / 10;
         INSERT INTO files SELECT id, 'f' || id,
             substr(hex(zeroblob(CASE WHEN id <= 8 THEN 4500 ELSE 50000 END)), 1 + id) FROM items WHERE id <= 10;
         INSERT INTO ft (rowid, body) SELECT id, 'w' || id % 50 || ' w' || id % 7 || ' common'
             FROM items WHERE id <= {n} / 20;
         INSERT INTO rt SELECT id, id, id + 2 FROM items WHERE id <= {n} / 20;"
    )
}

/// A query that is watched.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) kind: &'static str,
    pub(crate) sql: String,
    /// Without `ORDER BY` the rows may come in another order from another connection, which may
    /// have read other statistics and go through another index.
    pub(crate) ordered: bool,
    /// The table and the conditions of a selection, which `sql` says in words.
    selection: Option<(&'static str, Vec<Condition>)>,
}

#[derive(Debug, Clone)]
enum Condition {
    Integer(&'static str, i64),
    Text(&'static str, &'static str),
    In(&'static str, Vec<i64>),
}

impl Watched {
    fn sql(kind: &'static str, sql: impl Into<String>) -> Self {
        let sql = sql.into();
        Self { kind, ordered: sql.contains("ORDER BY"), sql, selection: None }
    }

    fn selection(table: &'static str, conditions: Vec<Condition>) -> Self {
        let words: Vec<_> = conditions
            .iter()
            .map(|it| match it {
                Condition::Integer(column, value) => format!("{column} = {value}"),
                Condition::Text(column, value) => format!("{column} = '{value}'"),
                Condition::In(column, values) => format!("{column} IN ({})", list(values)),
            })
            .collect();
        let sql = format!("SELECT * FROM {table} WHERE {}", words.join(" AND "));
        Self { kind: "selection", sql, ordered: false, selection: Some((table, conditions)) }
    }

    /// Begins to watch it.
    pub(crate) async fn watch(&self, db: &Database) -> Result<Watch> {
        let Some((table, conditions)) = &self.selection else {
            return Ok(db.watch(&self.sql, ()));
        };
        let table = db.table(table);
        let select = conditions.iter().fold(table.select(), |select, it| match it {
            Condition::Integer(column, value) => select.filter(*column, *value),
            Condition::Text(column, value) => select.filter(*column, *value),
            Condition::In(column, values) => select.filter_in(*column, values.iter().copied()),
        });
        select.watch().await
    }
}

fn list(values: &[i64]) -> String {
    values.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

/// The query by which is known that commits of others have been noticed.
pub(crate) const TICK: &str = "SELECT v FROM tick WHERE id = 1";

/// Returns the queries to watch, the tick first.
pub(crate) fn watched(random: &mut Rng) -> Vec<Watched> {
    let n = rows();
    let mut all = vec![Watched::sql("tick", TICK)];
    let mut add = |kind, sql: String| all.push(Watched::sql(kind, sql));
    for _ in 0..8 {
        add("row by its key", format!("SELECT * FROM items WHERE id = {}", random.i64(1..=n)));
    }
    for _ in 0..4 {
        let k = random.i64(1..=n / 10);
        add("row by its key, WITHOUT ROWID", format!("SELECT * FROM kv WHERE k = 'k{k}'"));
    }
    for _ in 0..3 {
        let grp = random.i64(0..groups());
        add(
            "range of an index, LIMIT",
            format!("SELECT id, name FROM items WHERE grp = {grp} ORDER BY price, id LIMIT 20"),
        );
        add("count in an index", format!("SELECT count(*) FROM items WHERE grp = {grp}"));
        let from = random.i64(1..n);
        add(
            "range of keys",
            format!("SELECT id, status FROM items WHERE id BETWEEN {from} AND {}", from + 50),
        );
        let p = random.i64(1..=n / 20);
        add(
            "join by key",
            format!(
                "SELECT p.id, c.id, c.v FROM parent AS p JOIN child AS c ON c.p = p.id WHERE p.id = {p}"
            ),
        );
        add("full text", format!("SELECT rowid FROM ft WHERE ft MATCH 'w{}'", random.u32(0..50)));
        let x = random.i64(1..=n / 20);
        add("box", format!("SELECT id FROM rt WHERE x0 > {x} AND x1 < {}", x + 20));
    }
    for (kind, sql) in [
        ("aggregate", "SELECT sum(price) FROM items"),
        ("aggregate", "SELECT count(*) FROM items WHERE status = 'don'"),
        ("aggregate", "SELECT count(*) FROM log"),
        ("aggregate", "SELECT status, count(*) FROM items GROUP BY status"),
        (
            "aggregate",
            "SELECT p.id, count(c.id) FROM parent AS p LEFT JOIN child AS c ON c.p = p.id GROUP BY p.id",
        ),
        ("maximum", "SELECT max(id) FROM items"),
        ("newest", "SELECT * FROM items ORDER BY id DESC LIMIT 20"),
        ("newest", "SELECT id, m FROM log ORDER BY id DESC LIMIT 5"),
        ("DISTINCT", "SELECT DISTINCT grp FROM items WHERE grp < 5"),
        ("DISTINCT", "SELECT DISTINCT v FROM child"),
        ("full text", "SELECT count(*) FROM ft WHERE ft MATCH 'fresh'"),
        ("full text", "SELECT body FROM ft WHERE rowid = 4"),
        ("view", "SELECT count(*) FROM cheap"),
        ("view", "SELECT name FROM cheap WHERE id = 3"),
        ("EXISTS", "SELECT EXISTS (SELECT 1 FROM parent WHERE v > 90)"),
        ("IN", "SELECT name FROM items WHERE id IN (SELECT p FROM child WHERE v < 2)"),
        ("UNION", "SELECT id FROM parent WHERE id < 9 UNION SELECT o FROM child WHERE o < 9"),
        ("rows pushed out", "SELECT id, v FROM uniq WHERE name = 'u7'"),
        ("rows pushed out", "SELECT count(*), sum(v) FROM uniq"),
        ("long value", "SELECT body FROM files WHERE id = 3"),
        ("long value", "SELECT name, body FROM files WHERE id = 9"),
        ("long values' tails", "SELECT id, substr(body, -20) FROM files"),
        ("long values' lengths", "SELECT sum(length(body)) FROM files"),
        ("changing table", "SELECT * FROM extra"),
        ("changing table", "SELECT b FROM extra WHERE a = 2"),
        ("schema", "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'items'"),
        ("sequence", "SELECT seq FROM sqlite_sequence WHERE name = 'log'"),
        ("whole table, WITHOUT ROWID", "SELECT k, v FROM kv"),
    ] {
        add(kind, sql.to_owned());
    }
    all.push(Watched::selection("items", vec![Condition::Integer("id", random.i64(1..=n))]));
    let group = Condition::Integer("grp", random.i64(0..groups()));
    all.push(Watched::selection("items", vec![Condition::Text("status", "new"), group]));
    let some = (0..4).map(|_| random.i64(1..=n)).collect();
    all.push(Watched::selection("items", vec![Condition::In("id", some)]));
    all.push(Watched::selection("child", vec![Condition::Integer("p", random.i64(1..=n / 20))]));
    all.push(Watched::selection("uniq", vec![Condition::Text("name", "u11")]));
    all
}
