//! The commit feed: what each kind of commit is reported as.

use std::time::Duration;

use ubiqlite::RowChangeKind::{Delete, Insert, Update};
use ubiqlite::{ChangedTable, CommitEvent, Commits, Database, Row, RowChangeKind, Value, params};

use super::open;

pub(super) const SCHEMA: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, price REAL, note TEXT);
    CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
    CREATE TABLE pairs (v TEXT, b INT, a TEXT, PRIMARY KEY (a, b));
    CREATE TABLE plain (v TEXT);
    CREATE TABLE hidden (\"ROWID\" TEXT, v TEXT);
    CREATE TABLE computed (id INTEGER PRIMARY KEY, a INT, b INT AS (a * 2) VIRTUAL, c INT AS (a * 3) STORED);
    CREATE TABLE parents (id INTEGER PRIMARY KEY, v INT);
    CREATE TABLE children (id INTEGER PRIMARY KEY, parent INT REFERENCES parents (id) ON DELETE CASCADE);
    CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT);
    CREATE TRIGGER logs AFTER UPDATE OF v ON parents BEGIN
        INSERT INTO log (message) VALUES ('parent ' || new.id); END;
    CREATE VIEW cheap AS SELECT id, name FROM items WHERE price < 5;
    CREATE TRIGGER cheap_insert INSTEAD OF INSERT ON cheap BEGIN
        INSERT INTO items (id, name) VALUES (new.id, new.name); END;
    CREATE VIRTUAL TABLE notes USING fts5(body);
    CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
    INSERT INTO items VALUES (1, 'lamp', 10, ''), (2, 'sofa', 20, ''), (3, 'pen', 1, '');
    INSERT INTO kv VALUES ('a', '1'), ('b', '2');
    INSERT INTO pairs (a, b, v) VALUES ('x', 1, ''), ('x', 2, '');
    INSERT INTO plain (rowid, v) VALUES (7, 'seven');
    INSERT INTO hidden VALUES ('not its rowid', 'v');
    INSERT INTO computed (id, a) VALUES (1, 1);
    INSERT INTO parents VALUES (1, 1), (2, 2);
    INSERT INTO children VALUES (1, 1), (2, 1), (3, 2);
    INSERT INTO notes (rowid, body) VALUES (1, 'one two');
    INSERT INTO boxes VALUES (1, 0, 1);
";

/// The next event, which must come.
pub(super) async fn next(feed: &mut Commits) -> CommitEvent {
    let next = tokio::time::timeout(Duration::from_secs(20), feed.try_next());
    next.await.expect("an event must come").unwrap().expect("the database is open")
}

/// Checks that no event is there, and none comes for a moment.
async fn quiet(feed: &mut Commits) {
    if let Ok(next) = tokio::time::timeout(Duration::from_millis(20), feed.try_next()).await {
        panic!("nothing was committed, and yet: {next:?}");
    }
}

/// Runs a statement, or several in one transaction.
async fn run(db: &Database, sql: &str) {
    if sql.contains(';') {
        let mut tx = db.begin().await.unwrap();
        for sql in sql.split(';').filter(|sql| !sql.trim().is_empty()) {
            tx.execute(sql.trim(), ()).await.unwrap();
        }
        tx.commit().await.unwrap();
    } else {
        db.query::<Row>(sql, ()).await.unwrap();
    }
}

/// The tables with their rows, to compare: `items: insert 9`.
fn told(event: &CommitEvent) -> Vec<String> {
    let mut told: Vec<_> = event.tables.iter().map(table).collect();
    told.sort();
    told
}

fn table(table: &ChangedTable) -> String {
    let Some(rows) = &table.rows else { return format!("{}: any", table.name) };
    let value = |value: &Value| match value {
        Value::Integer(value) => value.to_string(),
        Value::Text(text) => text.clone(),
        other => format!("{other:?}"),
    };
    let name = |kind| match kind {
        Insert => "new",
        Update => "changed",
        Delete => "gone",
    };
    let rows = rows.iter().map(|row| {
        let key: Vec<_> = row.key.iter().map(value).collect();
        format!("{} {}", name(row.kind), key.join("+"))
    });
    format!("{}: {}", table.name, rows.collect::<Vec<_>>().join(", "))
}

/// What is run in one commit, and what is reported of it.
const COMMITS: &[(&str, &[&str])] = &[
    ("INSERT INTO items (id, name) VALUES (9, 'cup')", &["items: new 9"]),
    ("UPDATE items SET note = 'x' WHERE id < 3", &["items: changed 1, changed 2"]),
    ("UPDATE items SET note = 'x', price = 3 WHERE id = 1 RETURNING id", &["items: changed 1"]),
    ("UPDATE items SET id = 99 WHERE id = 1", &["items: gone 1, new 99"]),
    ("DELETE FROM items WHERE id = 1", &["items: gone 1"]),
    ("DELETE FROM items", &["items: any"]),
    ("REPLACE INTO items VALUES (1, 'lamp', 3, '')", &["items: changed 1"]),
    ("REPLACE INTO items VALUES (8, 'lamp', 3, '')", &["items: gone 1, new 8"]),
    ("INSERT INTO items (id, name) VALUES (1, 'x') ON CONFLICT DO UPDATE SET note = 'y'",
        &["items: changed 1"]),
    ("INSERT INTO kv VALUES ('c', '3')", &["kv: new c"]),
    ("UPDATE kv SET v = '9' WHERE k = 'a'", &["kv: changed a"]),
    ("UPDATE kv SET k = 'z' WHERE k = 'a'", &["kv: gone a, new z"]),
    ("DELETE FROM kv WHERE k = 'a'", &["kv: gone a"]),
    ("DELETE FROM kv", &["kv: any"]),
    ("UPDATE pairs SET v = 'new' WHERE b = 2", &["pairs: changed x+2"]),
    ("INSERT INTO pairs (a, b) VALUES ('y', 5)", &["pairs: new y+5"]),
    ("UPDATE plain SET v = 'eight'", &["plain: changed 7"]),
    ("INSERT INTO plain (rowid, v) VALUES (12, 'twelve')", &["plain: new 12"]),
    ("DELETE FROM plain WHERE v = 'seven'", &["plain: gone 7"]),
    ("UPDATE plain SET rowid = 8", &["plain: gone 7, new 8"]),
    ("UPDATE hidden SET v = 'w'", &["hidden: any"]),
    ("UPDATE computed SET a = 5", &["computed: changed 1"]),
    ("DELETE FROM parents WHERE id = 1", &["children: gone 1, gone 2", "parents: gone 1"]),
    ("UPDATE parents SET v = 5 WHERE id = 2", &["log: new 1", "parents: changed 2"]),
    ("INSERT INTO cheap VALUES (20, 'nail')", &["items: new 20"]),
    ("INSERT INTO notes (body) VALUES ('two')", &["notes: any"]),
    ("DELETE FROM notes WHERE rowid = 1", &["notes: any"]),
    ("UPDATE boxes SET x0 = 0.5 WHERE id = 1", &["boxes: any"]),
    ("INSERT INTO log (message) VALUES ('with a sequence')", &["log: new 1"]),
    ("INSERT INTO items (id) VALUES (30); UPDATE items SET note = 'z' WHERE id = 30;
      DELETE FROM items WHERE id = 2; INSERT INTO items (id) VALUES (2); DELETE FROM items WHERE id = 30;",
        &["items: gone 30, changed 2"]),
    ("WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
        INSERT INTO items (id) SELECT i FROM n", &["items: any"]),
];

#[tokio::test]
async fn each_kind_of_commit_is_reported_with_its_rows() {
    for (sql, expected) in COMMITS {
        // A query that reads some of it makes no difference.
        for watched in [false, true] {
            let place = open().await;
            let db = &place.db;
            db.batch(SCHEMA).await.unwrap();
            let mut live = db.watch_all([
                ("SELECT name FROM items WHERE price > 1", ()),
                ("SELECT body FROM notes", ()),
                ("SELECT v FROM kv", ()),
            ]);
            if watched {
                live.try_next().await.unwrap();
            }
            let mut feed = db.commits();
            run(db, sql).await;
            let event = next(&mut feed).await;
            if db.capabilities().row_changes {
                assert_eq!(told(&event), *expected, "{sql}");
            } else {
                let names = |told: &str| told.split(':').next().unwrap().to_owned();
                let tables: Vec<_> = event.tables.iter().map(|it| it.name.clone()).collect();
                for table in expected.iter().map(|it| names(it)) {
                    assert!(tables.contains(&table), "{sql}: {tables:?}");
                }
                assert!(event.tables.iter().all(|it| it.rows.is_none()), "{sql}");
            }
            assert!(!event.everything && !event.schema && !event.external, "{sql}: {event:?}");
            quiet(&mut feed).await;
        }
    }
}

#[tokio::test]
async fn what_is_rolled_back_or_changes_nothing_is_no_event() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut feed = db.commits();
    for sql in [
        "UPDATE items SET price = price",
        "DELETE FROM items WHERE id = 1000",
        "INSERT OR IGNORE INTO items VALUES (1, 'x', 1, '')",
        "SELECT * FROM items",
        "CREATE TABLE IF NOT EXISTS items (a)",
    ] {
        if db.capabilities().row_changes {
            run(db, sql).await;
            quiet(&mut feed).await;
        }
    }
    let mut tx = db.begin().await.unwrap();
    tx.execute("DELETE FROM items", ()).await.unwrap();
    quiet(&mut feed).await;
    tx.rollback().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let mut savepoint = tx.begin_savepoint().await.unwrap();
    savepoint.execute("DELETE FROM items WHERE id = 1", ()).await.unwrap();
    savepoint.rollback().await.unwrap();
    tx.execute("UPDATE kv SET v = 'x' WHERE k = 'b'", ()).await.unwrap();
    tx.commit().await.unwrap();
    let event = next(&mut feed).await;
    if db.capabilities().row_changes {
        assert_eq!(told(&event), ["kv: changed b"]);
    }
    db.execute("INSERT INTO items (id, name) VALUES (50, 'a'), (51, 'lamp')", ())
        .await
        .unwrap_err();
    quiet(&mut feed).await;
    // Nothing of another database of the same connection.
    let mut session = db.acquire().await.unwrap();
    session
        .batch(
            "ATTACH ':memory:' AS other; CREATE TABLE other.items (id); INSERT INTO other.items VALUES (1);
             DELETE FROM other.items; CREATE TEMP TABLE kv (k); INSERT INTO temp.kv VALUES (1);
             DELETE FROM temp.kv;",
        )
        .await
        .unwrap();
    quiet(&mut feed).await;
    drop(session);
    db.touch(["items"]);
    quiet(&mut feed).await;
    db.execute("DELETE FROM items WHERE id = 1", ()).await.unwrap();
    next(&mut feed).await;
}

#[tokio::test]
async fn events_come_in_order_with_rising_moments() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut feed = db.commits();
    let mut other = db.commits().tables(["KV"]);
    for i in 0..20 {
        let sql = if i % 2 == 0 {
            "INSERT INTO plain VALUES (?)"
        } else {
            "INSERT INTO kv VALUES (?, '')"
        };
        db.execute(sql, params![format!("key {i}")]).await.unwrap();
    }
    let mut moment = 0;
    for i in 0..20 {
        let event = next(&mut feed).await;
        assert!(event.moment > moment, "{i}");
        moment = event.moment;
        let expected = if i % 2 == 0 { "plain" } else { "kv" };
        assert_eq!(event.tables.len(), 1);
        assert_eq!(event.tables[0].name, expected, "{i}");
        if i % 2 == 1 {
            assert_eq!(next(&mut other).await, event, "{i}");
        }
    }
    quiet(&mut other).await;
    // A result of a watch has that commit.
    let mut live = db.watch("SELECT count(*) FROM kv", ());
    assert!(super::next(&mut live).await.moment() >= moment);
}

#[tokio::test]
async fn a_reader_that_does_not_ask_loses_detail_and_no_change() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let (mut feed, mut few) = (db.commits(), db.commits().tables(["kv", "plain"]));
    db.execute("INSERT INTO kv VALUES ('first', '')", ()).await.unwrap();
    for i in 1000..3000 {
        db.execute("INSERT INTO items (id) VALUES (?)", params![i]).await.unwrap();
        db.execute("UPDATE kv SET v = ? WHERE k = 'a'", params![i]).await.unwrap();
    }
    let mut events = Vec::new();
    let mut told_items = 0;
    loop {
        let event = next(&mut feed).await;
        events.push(told(&event));
        for table in &event.tables {
            match &table.rows {
                Some(rows) if table.name == "items" => told_items += rows.len(),
                None if table.name == "items" => told_items = 2000,
                _ => {}
            }
        }
        if told_items >= 2000 {
            break;
        }
    }
    assert_eq!(events.len(), 32, "they are bounded");
    assert_eq!(
        events[0],
        [if db.capabilities().row_changes { "kv: new first" } else { "kv: any" }]
    );
    quiet(&mut feed).await;
    if db.capabilities().row_changes {
        assert_eq!(events[1], ["items: new 1000"]);
        // A row that changes all the time is one row, and too many rows are the table.
        assert_eq!(events[31][0], "items: any");
        assert!(events[31][1].len() < 40_000, "{}", events[31][1].len());
        let mut last = Vec::new();
        for _ in 0..32 {
            last = told(&next(&mut few).await);
        }
        assert_eq!(last, ["kv: changed a"]);
        quiet(&mut few).await;
    }
}

#[tokio::test]
async fn a_table_that_is_made_later_is_seen() {
    let place = open().await;
    let db = &place.db;
    let mut feed = db.commits();
    let mut one = db.commits().tables(["later"]);
    run(db, "CREATE TABLE later (a TEXT, id INTEGER PRIMARY KEY)").await;
    for feed in [&mut feed, &mut one] {
        let event = next(feed).await;
        assert!(event.schema && event.everything && !event.external, "{event:?}");
    }
    run(db, "INSERT INTO later VALUES ('x', 5)").await;
    for feed in [&mut feed, &mut one] {
        let event = next(feed).await;
        assert!(!event.everything, "{event:?}");
        if db.capabilities().row_changes {
            assert_eq!(told(&event), ["later: new 5"]);
        }
    }
    // From a connection of its own, which knew the tables before.
    let mut session = db.acquire().await.unwrap();
    session.execute("INSERT INTO later VALUES ('y', 6)", ()).await.unwrap();
    next(&mut feed).await;
    run(db, "ALTER TABLE later RENAME COLUMN id TO a2").await;
    run(db, "ALTER TABLE later RENAME COLUMN a TO id").await;
    run(db, "ALTER TABLE later RENAME TO last").await;
    for _ in 0..3 {
        assert!(next(&mut feed).await.schema);
    }
    session.execute("INSERT INTO last VALUES ('z', 7)", ()).await.unwrap();
    let event = next(&mut feed).await;
    if db.capabilities().row_changes {
        assert_eq!(told(&event), ["last: new 7"]);
    }
    quiet(&mut feed).await;
}

#[tokio::test]
async fn a_closed_database_ends_the_feed_after_what_was_committed() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut feed = db.commits();
    let mut waits = db.commits().tables(["plain"]);
    let waiting = tokio::spawn(async move { waits.try_next().await.unwrap() });
    db.execute("DELETE FROM kv WHERE k = 'a'", ()).await.unwrap();
    tokio::task::yield_now().await;
    db.close().await.unwrap();
    assert_eq!(feed.try_next().await.unwrap().unwrap().tables[0].name, "kv");
    assert_eq!(feed.try_next().await.unwrap(), None);
    assert_eq!(feed.try_next().await.unwrap(), None);
    let waiting = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert_eq!(waiting.expect("it must end").unwrap(), None);
    let mut late = db.commits();
    assert_eq!(late.try_next().await.unwrap_err().kind(), ubiqlite::ErrorKind::Closed);
    assert_eq!(late.try_next().await.unwrap(), None);
}

#[tokio::test]
async fn a_wait_that_is_given_up_loses_nothing() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut feed = db.commits();
    for i in 0..50 {
        let _ = tokio::time::timeout(Duration::from_micros(i * 20), feed.try_next()).await;
        db.execute("INSERT INTO kv VALUES (?, '')", params![format!("k{i}")]).await.unwrap();
        let event = next(&mut feed).await;
        assert!(event.tables[0].rows.as_ref().is_none_or(|rows| {
            let kind: RowChangeKind = rows[0].kind;
            kind == Insert && rows[0].key == [Value::from(format!("k{i}"))]
        }));
    }
}

/// Each commit that happens after `commits()` has returned is in the feed, whoever writes.
#[tokio::test]
async fn nothing_is_recorded_when_the_feeds_are_gone() {
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    // A reader that is read costs no query.
    let mut feed = db.commits();
    db.execute("DELETE FROM kv", ()).await.unwrap();
    next(&mut feed).await;
    drop(feed);
    assert_eq!(db.live_runs(), 0);
    let mut live = db.watch("SELECT price FROM items", ());
    super::next(&mut live).await;
    let mut feed = db.commits();
    for i in 0..10 {
        // Not what the query reads.
        db.execute("UPDATE items SET note = ?", params![i]).await.unwrap();
        next(&mut feed).await;
    }
    super::quiet(&mut live).await;
    let runs = db.live_runs();
    if db.capabilities().row_changes {
        // One more, since the feed began.
        assert!(runs <= 2, "{runs}");
    }
}
