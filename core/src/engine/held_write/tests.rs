use super::*;
use crate::engine::Role;
use crate::error::ErrorKind;
use crate::options::Options;
use crate::program::{Begin, Step};
use crate::sql::Params;

thread_local! {
    static LONG_NOW: std::cell::Cell<Option<Duration>> = const { std::cell::Cell::new(None) };
}

/// In tests a run is long only when they say so.
pub(super) fn long() -> Duration {
    LONG_NOW.get().unwrap_or(Duration::MAX)
}

const SCHEMA: &[&str] = &[
    "CREATE TABLE plain (id INTEGER PRIMARY KEY, name TEXT, data BLOB)",
    "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT UNIQUE)",
    "INSERT INTO parents VALUES (1, 'one')",
    "CREATE TABLE others (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)",
    "CREATE TABLE rich (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, n INT DEFAULT 7 CHECK (n > 0),
        at TEXT DEFAULT current_timestamp, parent INT REFERENCES parents, code TEXT UNIQUE COLLATE NOCASE,
        twice INT AS (n * 2) STORED)",
    "CREATE INDEX rich_names ON rich (name, n)",
    "CREATE TABLE pairs (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID",
    "CREATE TABLE watched (n)",
    "CREATE TRIGGER watching AFTER INSERT ON watched BEGIN UPDATE plain SET name = new.n; END",
    "CREATE TABLE replacing (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, name TEXT)",
    "CREATE TABLE failing (id INTEGER PRIMARY KEY, name TEXT UNIQUE ON CONFLICT FAIL)",
];

struct Held {
    writer: Connection,
    path: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

impl Held {
    /// A database with a connection that writes in a transaction.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut writer = Connection::open(&path, &Options::default(), Role::Writer).unwrap();
        for sql in SCHEMA {
            writer.run_whole(&program(sql, ())).unwrap();
        }
        writer.begin_for_another(Begin::Immediate).unwrap();
        Self { writer, path, _folder: folder }
    }

    /// Runs a statement wherever it may run.
    fn run(&mut self, sql: &str) -> Result<Output> {
        self.writer.run_nested(&program(sql, ()), None)
    }

    /// Tries a statement that was run before, and which is then undone.
    fn tried(&mut self, sql: &str, params: impl Into<Params>) -> Option<Result<Output>> {
        let program = program(sql, params);
        self.writer.control("SAVEPOINT before").unwrap();
        let _ = self.writer.run(&program, None);
        self.writer.control("ROLLBACK TO before").unwrap();
        if self.writer.cache.get(sql).is_some_and(|statement| statement.short.is_none()) {
            assert!(self.write(&program).is_none(), "{sql}: at its first run");
        }
        self.write(&program)
    }

    /// Runs a statement if it may run on its holder's thread.
    fn write(&mut self, program: &Program<'_>) -> Option<Result<Output>> {
        if self.writer.may_write_held(program) { self.writer.write_held(program) } else { None }
    }

    fn number(&mut self, sql: &str) -> i64 {
        self.writer.integer(sql).unwrap()
    }
}

fn program(sql: &str, params: impl Into<Params>) -> Program<'_> {
    Program::one(Step::new(sql, params.into(), Fetch::Described))
}

#[test]
fn an_insert_of_a_row_is_short_whatever_its_table_checks_or_numbers() {
    let mut held = Held::new();
    for (sql, table) in [
        ("INSERT INTO plain (name) VALUES ('a')", "plain"),
        ("INSERT INTO plain VALUES (100, 'a', x'00')", "plain"),
        ("INSERT INTO plain (name) VALUES ('a') RETURNING id, name", "plain"),
        ("INSERT INTO parents (name) VALUES ('two')", "parents"),
        ("INSERT INTO parents (name) VALUES ('three') ON CONFLICT DO NOTHING", "parents"),
        ("INSERT OR IGNORE INTO parents (name) VALUES ('four')", "parents"),
        ("INSERT INTO rich (name) VALUES ('a')", "rich"),
        ("INSERT INTO rich (name, n, parent, code) VALUES ('a', 2, 1, 'x') RETURNING *", "rich"),
        ("INSERT INTO pairs VALUES (1, 2)", "pairs"),
    ] {
        let count = format!("SELECT count(*) FROM {table}");
        let before = held.number(&count);
        let done = held.tried(sql, ());
        assert!(matches!(done, Some(Ok(_))), "{sql}: {done:?}");
        assert_eq!(held.number(&count), before + 1, "{sql}");
    }
}

#[test]
fn what_may_go_through_rows_or_values_of_any_size_is_left_to_a_thread() {
    let mut held = Held::new();
    held.run("INSERT INTO plain VALUES (1, 'a', zeroblob(1000000))").unwrap();
    let blob = "INSERT INTO plain (data) VALUES (?)";
    assert!(held.tried(blob, (vec![0_u8; 100],)).is_some());
    assert!(held.tried(blob, (vec![0_u8; 100_000],)).is_none());
    for sql in [
        "UPDATE plain SET name = 'b' WHERE id = 1",
        "DELETE FROM plain WHERE id = 1",
        "DELETE FROM plain",
        "REPLACE INTO plain VALUES (1, 'a', NULL)",
        "INSERT OR REPLACE INTO parents (name) VALUES ('one')",
        "INSERT INTO replacing VALUES (1, 'a')",
        "INSERT INTO plain VALUES (1, 'a', NULL) ON CONFLICT (id) DO UPDATE SET name = 'b'",
        "INSERT INTO plain VALUES (1, 'a', NULL)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, data = excluded.data",
        "INSERT INTO plain (name) SELECT name FROM parents",
        "INSERT INTO plain (name) VALUES ((SELECT max(name) FROM parents))",
        "INSERT INTO plain (data) VALUES ((SELECT data FROM plain WHERE id = 1))",
        "INSERT INTO plain (name) VALUES ('a'), ('b')",
        "INSERT INTO plain (name) VALUES (upper('a'))",
        "INSERT INTO plain (data) VALUES (randomblob(100000000 * 0))",
        "INSERT INTO watched VALUES (1)",
        "INSERT OR FAIL INTO parents (name) VALUES ('five')",
        "INSERT INTO failing (name) VALUES ('a')",
        "INSERT OR ROLLBACK INTO parents (name) VALUES ('six')",
        "CREATE TABLE more (n)",
        "SELECT 1",
    ] {
        let done = held.tried(sql, ());
        assert!(done.is_none(), "{sql}: {done:?}");
    }
    assert_eq!(held.number("SELECT count(*) FROM plain"), 2);
}

#[test]
fn a_failed_insert_leaves_nothing_and_its_transaction_goes_on() {
    let mut held = Held::new();
    held.run("INSERT INTO rich (name, code) VALUES ('a', 'x')").unwrap();
    for (sql, kind) in [
        ("INSERT INTO rich (name, code) VALUES ('b', 'X')", ErrorKind::UniqueViolation),
        ("INSERT INTO rich (name) VALUES (NULL)", ErrorKind::NotNullViolation),
        ("INSERT INTO rich (name, n) VALUES ('b', 0)", ErrorKind::CheckViolation),
        ("INSERT INTO rich (name, parent) VALUES ('b', 5)", ErrorKind::ForeignKeyViolation),
    ] {
        let error = held.tried(sql, ()).unwrap().unwrap_err();
        assert_eq!(error.kind(), kind, "{sql}: {error}");
        assert!(held.writer.in_transaction(), "{sql}");
    }
    assert_eq!(held.number("SELECT count(*) FROM rich"), 1);
    held.writer.control("COMMIT").unwrap();
    let checked = held.run("PRAGMA integrity_check").unwrap();
    let answer = checked.steps[0].rows.first_value().unwrap().as_str().map(str::to_owned);
    assert_eq!(answer.as_deref(), Some("ok"));
}

#[test]
fn a_statement_that_does_more_since_the_schema_changed_does_nothing_here() {
    let mut held = Held::new();
    let insert = "INSERT INTO plain (name) VALUES ('a')";
    assert!(held.tried(insert, ()).is_some());
    held.run(
        "CREATE TRIGGER slow AFTER INSERT ON plain BEGIN INSERT INTO parents (name) SELECT new.name; END",
    )
    .unwrap();
    assert!(held.write(&program(insert, ())).is_none());
    assert_eq!(held.number("SELECT count(*) FROM plain"), 1, "it ran");
    // Compiled anew, it is known.
    held.run(insert).unwrap();
    assert_eq!(held.number("SELECT count(*) FROM parents WHERE name = 'a'"), 1);
    assert!(held.write(&program(insert, ())).is_none());
    held.run("DROP TRIGGER slow").unwrap();
    assert!(held.write(&program(insert, ())).is_none());
    held.run(insert).unwrap();
    assert!(matches!(held.write(&program(insert, ())), Some(Ok(_))));
}

#[test]
fn a_statement_that_does_more_since_another_process_changed_the_schema_does_nothing_here() {
    let mut held = Held::new();
    let insert = "INSERT INTO plain (name) VALUES ('a')";
    assert!(held.tried(insert, ()).is_some());
    held.writer.control("COMMIT").unwrap();
    let mut other = Connection::open(&held.path, &Options::default(), Role::Writer).unwrap();
    let trigger = "CREATE TRIGGER slow AFTER INSERT ON plain BEGIN DELETE FROM parents; END";
    other.run_whole(&program(trigger, ())).unwrap();
    held.writer.begin_for_another(Begin::Immediate).unwrap();
    assert!(held.write(&program(insert, ())).is_none());
    assert_eq!(held.number("SELECT count(*) FROM plain"), 1, "it ran");
    held.run(insert).unwrap();
    assert_eq!(held.number("SELECT count(*) FROM parents"), 0);
}

#[test]
fn what_would_wait_for_a_lock_or_was_never_compiled_is_left_to_a_thread() {
    let mut held = Held::new();
    let insert = program("INSERT INTO plain (name) VALUES ('a')", ());
    assert!(held.write(&insert).is_none(), "it was not known");
    held.writer.run(&insert, None).unwrap();
    assert!(held.write(&insert).is_none(), "it may never run again");
    assert!(held.write(&insert).is_some());
    held.writer.control("COMMIT").unwrap();
    assert!(held.write(&insert).is_none(), "outside of a transaction");
    held.writer.begin_for_another(Begin::Deferred).unwrap();
    assert!(held.write(&insert).is_none(), "without the lock");
    held.writer.run(&insert, None).unwrap();
    assert!(held.write(&insert).is_some());
}

#[test]
fn after_a_long_run_the_next_ones_are_left_to_a_thread_and_not_for_good() {
    let mut held = Held::new();
    let insert = program("INSERT INTO plain (name) VALUES ('a')", ());
    held.writer.run(&insert, None).unwrap();
    assert!(held.write(&insert).is_none());
    LONG_NOW.set(Some(Duration::ZERO));
    assert!(held.write(&insert).is_some());
    LONG_NOW.set(None);
    for _ in 0..READS_OFF_INLINE {
        assert!(held.write(&insert).is_none());
    }
    assert!(held.write(&insert).is_some());
}
