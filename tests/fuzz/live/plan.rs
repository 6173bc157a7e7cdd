//! What a process commits, drawn from a seed: the same seed makes the same statements.

use fastrand::Rng;

use crate::schema::{groups, rows};

/// One thing that a process does.
#[derive(Debug)]
pub(crate) enum Plan {
    /// A statement by itself.
    One(String),
    /// A transaction, which is committed or rolled back.
    Transaction(Vec<Part>, bool),
    /// Statements in one commit.
    Script(Vec<String>),
    /// Statements that are asked for at the same time, each its own.
    Several(Vec<String>),
    /// Statements of a connection of its own.
    Session(Vec<String>),
    /// One statement for many rows.
    Many(&'static str, Vec<(i64, i64)>),
    /// What is refused in a transaction, or changes nothing that is read.
    Upkeep(&'static str),
}

/// A part of a transaction.
#[derive(Debug)]
pub(crate) enum Part {
    Do(String),
    /// A savepoint, which is released or rolled back.
    Point(Vec<String>, bool),
}

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Purpose {
    /// One commit at most, of the kinds that programs make most; seldom a change of the schema.
    Measured,
    /// Anything.
    Anything,
}

impl Plan {
    /// Draws a plan.
    pub(crate) fn of(seed: u64, purpose: Purpose) -> Self {
        let random = &mut Rng::with_seed(seed);
        let seldom = if purpose == Purpose::Measured { 300 } else { 30 };
        if random.u32(0..seldom) == 0 {
            return schema_change(random);
        }
        if random.u32(0..seldom) == 0 {
            return Self::Upkeep(upkeep(random));
        }
        let some = |random: &mut Rng, most: usize| -> Vec<String> {
            (0..random.usize(1..=most)).map(|_| statement(random)).collect()
        };
        let shapes = if purpose == Purpose::Measured { 12 } else { 16 };
        match random.u32(0..shapes) {
            0..9 => Self::One(statement(random)),
            9 => {
                let parts = (0..random.usize(1..4)).map(|_| match random.u32(0..3) {
                    0 => Part::Point(some(random, 2), random.bool()),
                    _ => Part::Do(statement(random)),
                });
                let parts = parts.collect();
                Self::Transaction(parts, random.u32(0..4) > 0)
            }
            10 => Self::Script(some(random, 3)),
            11 => {
                let some =
                    (0..random.usize(1..30)).map(|_| (random.i64(1..=rows()), random.i64(0..9)));
                let some = some.collect();
                Self::Many("UPDATE items SET price = ?2 WHERE id = ?1", some)
            }
            12..14 => Self::Several(some(random, 4)),
            _ => Self::Session(some(random, 3)),
        }
    }

    /// Whether it may change what a query returns.
    pub(crate) fn changes_data(&self) -> bool {
        !matches!(self, Self::Upkeep(sql) if sql.starts_with("PRAGMA"))
    }
}

fn upkeep(random: &mut Rng) -> &'static str {
    let all = [
        "VACUUM",
        "ANALYZE",
        "REINDEX",
        "PRAGMA wal_checkpoint(PASSIVE)",
        "PRAGMA wal_checkpoint(FULL)",
        "PRAGMA wal_checkpoint(RESTART)",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA incremental_vacuum",
        "PRAGMA optimize",
    ];
    all[random.usize(0..all.len())]
}

fn schema_change(random: &mut Rng) -> Plan {
    let one = |sql: &str| Plan::One(sql.to_owned());
    let all = |sql: &[&str]| Plan::Script(sql.iter().map(|it| (*it).to_owned()).collect());
    match random.u32(0..18) {
        0 => one("DROP INDEX IF EXISTS gp"),
        1 | 2 => one("CREATE INDEX IF NOT EXISTS gp ON items (grp, price)"),
        3 => one("DROP INDEX IF EXISTS kvv"),
        4 => one("CREATE INDEX IF NOT EXISTS kvv ON kv (v, k)"),
        5 => one("DROP TRIGGER IF EXISTS tr"),
        6 | 7 => one("CREATE TRIGGER IF NOT EXISTS tr AFTER UPDATE OF v ON parent BEGIN
                DELETE FROM log WHERE id % 3 = 0; INSERT INTO log (m) VALUES ('p' || new.id); END"),
        8 => one(
            "CREATE TRIGGER IF NOT EXISTS empties AFTER DELETE ON uniq BEGIN DELETE FROM log; END",
        ),
        9 => one("DROP TRIGGER IF EXISTS empties"),
        10 => all(&[
            "DROP VIEW IF EXISTS cheap",
            "CREATE VIEW cheap AS SELECT id, name FROM items WHERE price < 4",
        ]),
        11 => one("ALTER TABLE extra ADD COLUMN c INT DEFAULT 3"),
        12 => one("ALTER TABLE extra DROP COLUMN c"),
        13 => one("ALTER TABLE extra RENAME COLUMN b TO bb"),
        14 => one("ALTER TABLE extra RENAME COLUMN bb TO b"),
        15 => one("DROP TABLE IF EXISTS extra"),
        16 => all(&[
            "CREATE TABLE IF NOT EXISTS extra (a INTEGER PRIMARY KEY, b INT)",
            "INSERT OR IGNORE INTO extra VALUES (1, 1), (2, 2)",
        ]),
        _ => all(&[
            "DROP TABLE IF EXISTS extra",
            "CREATE TABLE extra AS SELECT id AS a, grp AS b FROM items WHERE id < 9",
        ]),
    }
}

/// Draws a statement. What inserts is weighed against what deletes, so that tables keep their size.
fn statement(random: &mut Rng) -> String {
    let (n, groups) = (rows(), groups());
    let id = random.i64(1..=n);
    let few = random.i64(1..=n / 20);
    let key = random.i64(1..=n / 8);
    let status = ["new", "don", "sol"][random.usize(0..3)];
    let grp = random.i64(0..groups);
    let digit = random.u32(0..10);
    match random.u32(0..104) {
        0..14 => format!("UPDATE items SET price = {} WHERE id = {id}", random.u32(0..500)),
        14..24 => format!("UPDATE items SET status = '{status}' WHERE id = {id}"),
        24..30 => format!(
            "INSERT INTO items (name, status, price, grp, data) VALUES ('one', '{status}', {digit}, {grp}, hex(zeroblob({})))",
            random.u32(0..150)
        ),
        30..35 => format!(
            "INSERT OR REPLACE INTO items VALUES ({id}, 'again', '{status}', {digit}, {grp}, '')"
        ),
        35..41 => format!("DELETE FROM items WHERE id = {id}"),
        41 => format!("UPDATE OR IGNORE items SET id = {} WHERE id = {id}", random.i64(1..=n + 50)),
        42..44 => format!("UPDATE items SET price = price + 1 WHERE grp = {grp}"),
        44 => format!("DELETE FROM items WHERE id > {n} + 20"),
        45..48 => format!("INSERT OR REPLACE INTO kv VALUES ('k{key}', '{digit}')"),
        48..51 => format!(
            "INSERT INTO kv VALUES ('k{key}', 'first') ON CONFLICT (k) DO UPDATE SET v = v || '{digit}'"
        ),
        51 => format!("DELETE FROM kv WHERE k = 'k{key}'"),
        52 => format!("UPDATE OR IGNORE kv SET k = 'k{key}' WHERE k = 'k{few}'"),
        53 => format!("UPDATE kv SET v = '{digit}' WHERE k BETWEEN 'k{few}' AND 'k{few}5'"),
        54 => format!("REPLACE INTO uniq VALUES ({few}, 'u{}', {digit})", random.u32(1..50)),
        55 => {
            format!("UPDATE OR REPLACE uniq SET name = 'u{}' WHERE id = {few}", random.u32(1..50))
        }
        56 => format!("DELETE FROM uniq WHERE id = {few}"),
        57 => format!("INSERT OR IGNORE INTO uniq VALUES ({few}, 'u{few}', {few})"),
        58..60 => format!("DELETE FROM parent WHERE id = {few}"),
        60..63 => format!("INSERT OR IGNORE INTO parent VALUES ({few}, {few})"),
        63..67 => format!("UPDATE parent SET v = v + 1 WHERE id = {few}"),
        67..70 => format!(
            "INSERT OR IGNORE INTO child (p, o, v) SELECT id, {}, {digit} FROM parent WHERE id = {few}",
            random.i64(1..=n / 20)
        ),
        70 => format!("UPDATE OR IGNORE child SET p = {few} WHERE p = {}", random.i64(1..=n / 20)),
        71..75 => "INSERT INTO log (m) VALUES ('hello')".into(),
        75 => "DELETE FROM log".into(),
        76..78 => format!("INSERT INTO ft (body) VALUES ('w{} fresh')", random.u32(0..50)),
        78 => format!("DELETE FROM ft WHERE rowid = {few}"),
        79 => format!("UPDATE ft SET body = 'w{digit} other' WHERE rowid = {few}"),
        80 => format!("DELETE FROM ft WHERE rowid > {n} / 20 + 10"),
        81..83 => format!(
            "INSERT OR REPLACE INTO rt VALUES ({few}, {few}, {})",
            few + i64::from(digit) + 1
        ),
        83 => format!("DELETE FROM rt WHERE id = {few}"),
        84..88 => format!(
            "UPDATE files SET body = substr(body, 1, length(body) - 5) || '{:05}' WHERE id = {}",
            random.u32(0..100_000),
            random.u32(1..=10)
        ),
        88 => format!(
            "UPDATE files SET body = substr(body, 1, {}) || body WHERE id = {} AND length(body) < 110000",
            random.u32(1..4_000),
            random.u32(1..=10)
        ),
        89 => format!(
            "UPDATE files SET body = substr(body, 1, {}) WHERE id = {} AND length(body) > 9000",
            random.u32(5_000..100_000),
            random.u32(1..=10)
        ),
        90 => "UPDATE child SET v = v".into(),
        91 => "INSERT INTO cheap (name) VALUES ('nail')".into(),
        92 => "DELETE FROM kv".into(),
        93 => format!(
            "INSERT OR IGNORE INTO kv SELECT 'k' || id, 'v' || id FROM items WHERE id <= {n} / 10"
        ),
        94 => format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n})
             INSERT OR IGNORE INTO items SELECT i, 'refill', '{status}', i % 500, i % {groups}, ''
             FROM n WHERE (SELECT count(*) FROM items) < {n} * 9 / 10"
        ),
        95 => format!(
            "INSERT INTO kv SELECT 'k' || id, price FROM items WHERE grp = {grp} AND id < {n} / 8 ON CONFLICT (k) DO UPDATE SET v = excluded.v"
        ),
        96 => format!(
            "UPDATE items SET price = k.v FROM (SELECT {digit} AS v) AS k WHERE items.id = {id}"
        ),
        97..99 => "UPDATE twin_a SET v = v + 1".into(),
        99 => format!("UPDATE extra SET b = b + {digit}"),
        100 => format!("INSERT OR REPLACE INTO extra (a, b) VALUES ({digit}, 1)"),
        101 => format!("DELETE FROM extra WHERE a = {digit}"),
        _ => format!(
            "UPDATE items SET data = hex(zeroblob({})) WHERE id = {id}",
            random.u32(0..4_500)
        ),
    }
}
