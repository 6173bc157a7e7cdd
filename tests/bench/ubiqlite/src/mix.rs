//! How often watched queries run for a change of what they return, under all kinds of writes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bench_common::{Args, Result, figure};
use fastrand::Rng;
use ubiqlite::{Database, Options, Synchronous};

use super::live::{begun, follow, fresh};

const ROWS: i64 = 20_000;

const SCHEMA: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL, price REAL, grp INT, data TEXT);
    CREATE INDEX st ON items (status, id);
    CREATE INDEX gp ON items (grp, price);
    CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
    CREATE TABLE parent (id INTEGER PRIMARY KEY, v INT);
    CREATE TABLE child (id INTEGER PRIMARY KEY, p INT REFERENCES parent (id) ON DELETE CASCADE, v INT);
    CREATE INDEX cp ON child (p);
    CREATE TABLE log (id INTEGER PRIMARY KEY, m TEXT);
    CREATE VIRTUAL TABLE ft USING fts5 (body);
    CREATE VIRTUAL TABLE rt USING rtree (id, x0, x1);
    CREATE TRIGGER tr AFTER UPDATE OF v ON parent BEGIN INSERT INTO log (m) VALUES ('p' || new.id); END;
    CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n;
    INSERT INTO items SELECT i, 'lamp ' || i, CASE i % 3 WHEN 0 THEN 'new' WHEN 1 THEN 'done' ELSE 'sold' END, i, i % 200,
        '{\"watt\":40,\"colour\":\"red\",\"x\":\"some more text here\"}' FROM n;
    INSERT INTO ft (rowid, body) SELECT i, 'w' || (i % 50) || ' w' || (i % 7) || ' common' FROM n WHERE i <= 1000;
    INSERT INTO rt SELECT i, i, i + 2 FROM n WHERE i <= 1000;
    INSERT INTO kv SELECT printf('k%06d', i), 'v' || i FROM n WHERE i <= 2000;
    INSERT INTO parent SELECT i, i FROM n WHERE i <= 1000;
    INSERT INTO child (p, v) SELECT i, j FROM n, (SELECT 0 AS j UNION SELECT 1 UNION SELECT 2) WHERE i <= 1000;
    DROP TABLE n;";

/// A watched query, and the tables that it reads.
type Query = (String, &'static [&'static str]);

fn queries(random: &mut Rng) -> Vec<Query> {
    let mut all: Vec<Query> = Vec::new();
    let mut add = |sql: String, tables| all.push((sql, tables));
    for _ in 0..20 {
        add(format!("SELECT * FROM items WHERE id = {}", random.i64(1..=ROWS)), &["items"]);
    }
    for _ in 0..4 {
        add(format!("SELECT * FROM kv WHERE k = 'k{:06}'", random.i64(1..=ROWS / 10)), &["kv"]);
        let (grp, id) = (random.i64(0..200), random.i64(1..ROWS));
        add(format!("SELECT count(*) FROM items WHERE grp = {grp}"), &["items"]);
        let range = format!("id BETWEEN {id} AND {}", id + 50);
        add(format!("SELECT id, status FROM items WHERE {range}"), &["items"]);
        let join = "SELECT p.id, c.id, c.v FROM parent p JOIN child c ON c.p = p.id WHERE p.id =";
        add(format!("{join} {}", random.i64(1..=ROWS / 20)), &["parent", "child"]);
    }
    for index in 0..6 {
        let grp = random.i64(0..200);
        let newest = format!("WHERE grp = {grp} ORDER BY price LIMIT 20");
        add(format!("SELECT id, name FROM items {newest}"), &["items"]);
        add(format!("SELECT rowid FROM ft WHERE ft MATCH 'w{}'", index * 7), &["ft"]);
    }
    for index in 0..3 {
        let (from, to) = (index * 100, index * 100 + 40);
        add(format!("SELECT id FROM rt WHERE x0 > {from} AND x1 < {to}"), &["rt"]);
    }
    for sql in [
        "SELECT status, count(*) FROM items GROUP BY status",
        "SELECT count(*) FROM items WHERE status = 'done'",
        "SELECT max(id) FROM items",
        "SELECT * FROM items ORDER BY id DESC LIMIT 20",
        "SELECT DISTINCT grp FROM items WHERE grp < 5",
        "SELECT sum(price) FROM items",
    ] {
        add(sql.into(), &["items"]);
    }
    add("SELECT count(*) FROM log".into(), &["log"]);
    add("SELECT count(*) FROM ft WHERE ft MATCH 'fresh'".into(), &["ft"]);
    all
}

/// Draws a write, and the tables that it changes.
fn write(random: &mut Rng) -> (String, &'static [&'static str]) {
    let (id, parent) = (random.i64(1..=ROWS), random.i64(1..=ROWS / 20));
    let (grp, status) = (random.i64(0..200), ["new", "done", "sold"][random.usize(0..3)]);
    let number = random.u32(..);
    match random.u32(0..100) {
        0..20 => (format!("UPDATE items SET price = {number} WHERE id = {id}"), &["items"]),
        20..23 => (format!("INSERT INTO ft (body) VALUES ('w{} fresh')", number % 50), &["ft"]),
        23 => (format!("DELETE FROM ft WHERE rowid = {parent}"), &["ft"]),
        24 => {
            let end = parent + 3;
            (format!("INSERT OR REPLACE INTO rt VALUES ({parent}, {parent}, {end})"), &["rt"])
        }
        25..40 => (format!("UPDATE items SET status = '{status}' WHERE id = {id}"), &["items"]),
        40..55 => {
            let data = "x".repeat(random.usize(0..300));
            let columns = "items (name, status, price, grp, data)";
            let values = format!("('new one', 'new', 1.5, {grp}, '{data}')");
            (format!("INSERT INTO {columns} VALUES {values}"), &["items"])
        }
        55..62 => (format!("DELETE FROM items WHERE id = {id}"), &["items"]),
        62..72 => {
            let key = random.i64(1..=ROWS / 8);
            (format!("INSERT OR REPLACE INTO kv VALUES ('k{key:06}', '{number}')"), &["kv"])
        }
        72..78 => (format!("DELETE FROM parent WHERE id = {parent}"), &["parent", "child"]),
        78..84 => (format!("UPDATE parent SET v = v + 1 WHERE id = {parent}"), &["parent", "log"]),
        84..92 => ("INSERT INTO log (m) VALUES ('hello')".into(), &["log"]),
        92..96 => (format!("UPDATE items SET price = price + 1 WHERE grp = {grp}"), &["items"]),
        96..98 => ("INSERT OR IGNORE INTO parent (v) VALUES (1)".into(), &["parent"]),
        98 => ("DELETE FROM log".into(), &["log"]),
        _ => {
            let data = "y".repeat(random.usize(0..9_000));
            (format!("UPDATE items SET data = '{data}' WHERE id = {id}"), &["items"])
        }
    }
}

/// Waits until no query is to run again because of what has happened before.
async fn settled(db: &Database, at_least: Duration) {
    tokio::time::sleep(at_least).await;
    let mut runs = db.live_runs();
    loop {
        tokio::time::sleep(Duration::from_millis(3)).await;
        if std::mem::replace(&mut runs, db.live_runs()) == db.live_runs() {
            return;
        }
    }
}

/// Commits by the database that watches, whose rows are known, and by another one, of which only
/// the pages are.
pub async fn run(args: &Args) -> Result<()> {
    let commits = args.n(1_000);
    for (name, own) in [("rows", true), ("pages", false)] {
        let (runs, changed, by_tables) = mix(&args.path, commits as u64, own).await?;
        let changed = changed.max(1) as f64;
        figure(&format!("live_mix_{name}"), "times", runs as f64 / changed);
        if own {
            figure("live_mix_tables", "times", by_tables as f64 / changed);
        }
    }
    Ok(())
}

async fn mix(path: &Path, commits: u64, own: bool) -> Result<(u64, u64, u64)> {
    let db = fresh(path).await?;
    let mut session = db.acquire().await?;
    session.batch(SCHEMA).await?;
    drop(session);
    let other = Options::default().synchronous(Synchronous::Normal).open(path).await?;
    let random = &mut Rng::with_seed(7);
    let (watched, results) = (queries(random), Arc::new(AtomicU64::new(0)));
    for (sql, _) in &watched {
        tokio::spawn(follow(db.watch(sql, ()), Arc::clone(&results)));
    }
    begun(&results, watched.len() as u64).await;
    settled(&db, Duration::from_millis(20)).await;
    let (runs, begun) = (db.live_runs(), results.load(Relaxed));
    let mut by_tables = 0;
    for _ in 0..commits {
        let (sql, tables) = write(random);
        let writer = if own { &db } else { &other };
        writer.execute(&sql, ()).await?;
        // Another connection's commit is learned of by the file, which takes about a millisecond.
        settled(&db, Duration::from_millis(if own { 0 } else { 4 })).await;
        let reads = |query: &&Query| query.1.iter().any(|table| tables.contains(table));
        by_tables += watched.iter().filter(reads).count() as u64;
    }
    let counted = (db.live_runs() - runs, results.load(Relaxed) - begun, by_tables);
    other.close().await?;
    db.close().await?;
    Ok(counted)
}
