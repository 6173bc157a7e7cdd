//! Random operations.

use fastrand::Rng;
use ubiqlite::{Key, Record, Value, record};

pub(crate) const SCHEMA: &str = "
    CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, value INTEGER CHECK (value < 90),
        owner INTEGER REFERENCES owners (id),
        later INTEGER REFERENCES owners (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE notes (topic TEXT, place INTEGER, body, PRIMARY KEY (topic, place)) WITHOUT ROWID;
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
    CREATE TABLE typed (id INTEGER PRIMARY KEY, number INTEGER NOT NULL) STRICT;
    CREATE TABLE deleted (id INTEGER PRIMARY KEY, item INTEGER);
    CREATE TRIGGER remember AFTER DELETE ON items
        BEGIN INSERT INTO deleted (item) VALUES (old.id); END;
    CREATE TRIGGER refuse BEFORE UPDATE OF name ON items WHEN new.name IN ('n1', 'n2', 'n3', 'n4')
        BEGIN SELECT CASE new.name WHEN 'n1' THEN RAISE(ABORT, 'one') WHEN 'n2' THEN RAISE(FAIL, 'two')
            WHEN 'n3' THEN RAISE(ROLLBACK, 'three') ELSE RAISE(IGNORE) END; END;
    CREATE TRIGGER pass_over BEFORE INSERT ON items WHEN new.name = 'n5'
        BEGIN SELECT RAISE(IGNORE); END;
    INSERT INTO owners VALUES (1, 'a'), (2, 'b'), (3, 'c');
    INSERT INTO accounts VALUES (1, 100), (2, 100), (3, 100), (4, 100);";

/// Queries that together read all rows of the schema.
pub(crate) const ALL: &[&str] = &[
    "SELECT * FROM owners ORDER BY id",
    "SELECT * FROM items ORDER BY id",
    "SELECT * FROM notes ORDER BY topic, place",
    "SELECT * FROM accounts ORDER BY id",
    "SELECT * FROM typed ORDER BY id",
    "SELECT * FROM deleted ORDER BY id",
];

#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) params: Vec<Value>,
    /// Whether its rows are compared.
    pub(crate) reads: bool,
    /// Whether it may insert one row.
    pub(crate) inserts: bool,
}

impl Statement {
    pub(crate) fn reading(sql: &'static str, params: impl Into<Vec<Value>>) -> Self {
        Self { sql, params: params.into(), reads: true, inserts: false }
    }

    pub(crate) fn writing(sql: &'static str, params: impl Into<Vec<Value>>) -> Self {
        let inserts =
            sql.starts_with("INSERT") && !sql.contains("SELECT") && !sql.contains("notes");
        Self { sql, params: params.into(), reads: false, inserts }
    }
}

/// An operation that is atomic.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    One(Statement),
    Batch(Vec<Statement>),
    Many(&'static str, Vec<Vec<Value>>),
    Transfer(Vec<(i64, i64, i64)>),
    /// An operation on a table, with the SQL that one would write for it.
    Table(OnTable, Statement),
}

#[derive(Debug, Clone)]
pub(crate) enum OnTable {
    Insert(&'static str, Record),
    Update(&'static str, Key, Record),
    Delete(&'static str, Key),
    Upsert(&'static str, Record),
    Get(&'static str, Key),
}

/// A step of a transaction.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Do(Operation),
    /// A savepoint, and whether it is released.
    Savepoint(Vec<Step>, bool),
}

fn key(rng: &mut Rng) -> Value {
    Value::from(rng.i64(1..12))
}

fn name(rng: &mut Rng) -> Value {
    if rng.u8(0..12) == 0 { Value::Null } else { format!("n{}", rng.u8(0..16)).into() }
}

fn any(rng: &mut Rng) -> Value {
    match rng.u8(0..7) {
        0 => Value::Null,
        1 => rng.i64(..).into(),
        2 => (rng.f64() * 1e9).into(),
        3 => Value::Blob((0..rng.usize(0..200)).map(|_| rng.u8(..)).collect()),
        4 => "with \0 inside, and 🦀".into(),
        _ => name(rng),
    }
}

fn write(rng: &mut Rng) -> Statement {
    let (id, other) = (key(rng), key(rng));
    let owner = if rng.bool() { Value::Null } else { Value::from(rng.i64(1..6)) };
    let value = Value::from(rng.i64(0..100));
    let (name, body) = (name(rng), any(rng));
    let insert = [id.clone(), name.clone(), value.clone(), owner.clone()];
    match rng.u8(0..20) {
        0..3 => Statement::writing("INSERT INTO items VALUES (?, ?, ?, ?, NULL)", insert),
        3 => Statement::writing("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, NULL)", insert),
        4 => Statement::writing("INSERT OR IGNORE INTO items VALUES (?, ?, ?, ?, NULL)", insert),
        5 => Statement::writing("INSERT OR ROLLBACK INTO items VALUES (?, ?, ?, ?, NULL)", insert),
        6 => Statement::writing(
            "INSERT OR FAIL INTO items (id, value) SELECT ?1 + id, ?2 + id FROM owners",
            [id, value],
        ),
        7 => Statement::writing(
            "INSERT INTO items (id, name) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + 9",
            [id, name],
        ),
        8 => Statement::writing("UPDATE items SET value = value + 3 WHERE id > ?", [id]),
        9 => Statement::writing("UPDATE OR IGNORE items SET name = ?1 WHERE id < ?2", [name, id]),
        10 => Statement::writing("UPDATE items SET name = ? WHERE id = ?", [name, id]),
        11 => Statement::writing("UPDATE items SET later = ? WHERE id = ?", [owner, id]),
        12 => Statement::writing("DELETE FROM items WHERE id IN (?, ?)", [id, other]),
        13 => Statement::writing("DELETE FROM owners WHERE id = ?", [id]),
        14 => Statement::writing("INSERT OR IGNORE INTO owners VALUES (?, ?)", [id, name]),
        15 => Statement::writing("INSERT INTO typed (number) VALUES (?)", [body]),
        16 => Statement::writing("REPLACE INTO notes VALUES (?, ?, ?)", [name, id, body]),
        17 => Statement::writing("DELETE FROM deleted WHERE id % ? = 0", [other]),
        18 => Statement::reading("DELETE FROM items WHERE id = ? RETURNING *", [id]),
        _ => Statement::reading(
            "INSERT INTO items (name, value) VALUES (?1, ?2) RETURNING id, value, name",
            [name, value],
        ),
    }
}

fn read(rng: &mut Rng) -> Statement {
    match rng.u8(0..4) {
        0 => Statement::reading("SELECT * FROM items WHERE id = ?", [key(rng)]),
        1 => Statement::reading(
            "SELECT i.id, o.name FROM items i LEFT JOIN owners o ON o.id = i.owner ORDER BY i.id",
            [],
        ),
        2 => Statement::reading("SELECT count(*), sum(value), max(name) FROM items", []),
        _ => Statement::reading("SELECT abs(?)", [if rng.bool() { i64::MIN } else { -5 }.into()]),
    }
}

fn on_table(rng: &mut Rng) -> Operation {
    let (id, name, value) = (key(rng), name(rng), Value::from(rng.i64(0..100)));
    let item = record! { "id" => &id, "name" => &name, "value" => &value };
    let (operation, sql, params) = match rng.u8(0..7) {
        0 => (
            OnTable::Insert("items", item),
            Statement::writing as fn(_, Vec<Value>) -> _,
            ("INSERT INTO items (id, name, value) VALUES (?, ?, ?)", vec![id, name, value]),
        ),
        1 => {
            let change = record! { "name" => &name, "value" => &value };
            let sql = "UPDATE items SET name = ?, value = ? WHERE id = ?";
            (
                OnTable::Update("items", (&id).into(), change),
                Statement::writing as _,
                (sql, vec![name, value, id]),
            )
        }
        2 => {
            let sql = "DELETE FROM items WHERE id = ?";
            (OnTable::Delete("items", (&id).into()), Statement::writing as _, (sql, vec![id]))
        }
        3 => {
            let sql = "INSERT INTO items (id, name, value) VALUES (?, ?, ?) ON CONFLICT (id) \
                       DO UPDATE SET name = excluded.name, value = excluded.value";
            (OnTable::Upsert("items", item), Statement::writing as _, (sql, vec![id, name, value]))
        }
        4 => {
            let sql = "SELECT * FROM items WHERE id = ?";
            (OnTable::Get("items", (&id).into()), Statement::reading as _, (sql, vec![id]))
        }
        5 => {
            let note = record! { "topic" => &name, "place" => &id, "body" => &value };
            let sql = "INSERT INTO notes VALUES (?, ?, ?) ON CONFLICT (topic, place) \
                       DO UPDATE SET body = excluded.body";
            (OnTable::Upsert("notes", note), Statement::writing as _, (sql, vec![name, id, value]))
        }
        _ => {
            let note: Key = vec![name.clone(), id.clone()].into();
            let sql = "DELETE FROM notes WHERE topic = ? AND place = ?";
            (OnTable::Delete("notes", note), Statement::writing as _, (sql, vec![name, id]))
        }
    };
    Operation::Table(operation, sql(params.0, params.1))
}

pub(crate) fn operation(rng: &mut Rng) -> Operation {
    match rng.u8(0..20) {
        0..8 => Operation::One(write(rng)),
        8..10 => Operation::One(read(rng)),
        10..13 => Operation::Batch((0..rng.usize(1..6)).map(|_| write(rng)).collect()),
        13 => {
            let sql = "INSERT INTO items (name, value) VALUES (?, ?)";
            let rows = (0..rng.usize(0..8)).map(|_| vec![name(rng), rng.i64(0..95).into()]);
            Operation::Many(sql, rows.collect())
        }
        14 => {
            // More than one chunk, sometimes with a row that violates a constraint.
            let (count, bad) = (rng.usize(400..1_600), rng.usize(0..2_500));
            let row = |n| if n == bad { Value::Null } else { Value::from(n as i64) };
            Operation::Many(
                "INSERT INTO typed (number) VALUES (?)",
                (0..count).map(|n| vec![row(n)]).collect(),
            )
        }
        15 => Operation::One(Statement::writing("DELETE FROM typed WHERE id > 5", [])),
        16 => {
            let mut one = || (rng.i64(1..6), rng.i64(1..6), rng.i64(0..40));
            Operation::Transfer((0..3).map(|_| one()).collect())
        }
        _ => on_table(rng),
    }
}

pub(crate) fn steps(rng: &mut Rng, depth: usize) -> Vec<Step> {
    let mut step = || {
        if depth < 3 && rng.u8(0..4) == 0 {
            Step::Savepoint(steps(rng, depth + 1), rng.bool())
        } else {
            Step::Do(operation(rng))
        }
    };
    (0..4).map(|_| step()).collect()
}
