//! Commits of others concern the queries that read the pages they wrote, and no others.

use std::time::Duration;

use fastrand::Rng;
use rusqlite::Connection;
use ubiqlite::{Database, Watch};

use super::{next, quiet, texts, truth};

const SCHEMA: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL, price REAL,
        grp INT, data TEXT);
    CREATE INDEX st ON items (status, id);
    CREATE INDEX gp ON items (grp, price);
    CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
    CREATE TABLE parent (id INTEGER PRIMARY KEY, v INT);
    CREATE TABLE child (id INTEGER PRIMARY KEY, p INT REFERENCES parent (id) ON DELETE CASCADE, v INT);
    CREATE INDEX cp ON child (p);
    CREATE TABLE log (id INTEGER PRIMARY KEY, m TEXT);
    CREATE TABLE marker (n INT);
    CREATE TRIGGER tr AFTER UPDATE OF v ON parent BEGIN
        INSERT INTO log (m) VALUES ('p' || new.id); END;
    INSERT INTO marker VALUES (0);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
        INSERT INTO items SELECT i, 'lamp ' || i, substr('newdonsol', 1 + i % 3 * 3, 3), i, i % 200,
            printf('%.*c', 60 + i % 7, 'd') FROM n;
    INSERT INTO items SELECT -id, 'long', 'new', 1, 500, printf('%.9000c', 'l') FROM items
        WHERE id <= 20;
    INSERT INTO kv SELECT printf('k%05d', id), id FROM items WHERE id BETWEEN 1 AND 2000;
    INSERT INTO parent SELECT id, id FROM items WHERE id BETWEEN 1 AND 500;
    INSERT INTO child SELECT id, 1 + id % 500, id FROM items WHERE id BETWEEN 1 AND 1500;
    INSERT INTO log SELECT id, 'hello' FROM items WHERE id BETWEEN 1 AND 300;";

struct Two {
    _folder: tempfile::TempDir,
    db: Database,
    other: Connection,
}

async fn two() -> Two {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let db = ubiqlite::Options::default().open(&path).await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    db.batch("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    let other = Connection::open(path).unwrap();
    other.busy_timeout(Duration::from_secs(20)).unwrap();
    other.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    Two { _folder: folder, db, other }
}

impl Two {
    /// Lets the other connection commit, and returns once that is known here.
    async fn commit(&self, marker: &mut Watch, sql: &str) {
        // Some of it can't run in a transaction. Nothing of a statement that fails is kept.
        let _ = self.other.execute_batch(sql);
        self.other.execute_batch("UPDATE marker SET n = n + 1").unwrap();
        let n: i64 = self.other.query_row("SELECT n FROM marker", (), |row| row.get(0)).unwrap();
        while next(marker).await.iter().next().is_none_or(|row| row.get::<i64>(0).unwrap() != n) {}
    }
}

#[tokio::test]
async fn commits_of_others_run_the_queries_of_their_pages_alone() {
    let two = two().await;
    let db = &two.db;
    let mut marker = db.watch("SELECT n FROM marker", ());
    let mut far = db.watch("SELECT name, data FROM items WHERE id = 9000", ());
    let mut near = db.watch("SELECT name FROM items WHERE id BETWEEN 1 AND 3", ());
    let mut keyed = db.watch("SELECT v FROM kv WHERE k = 'k01000'", ());
    for live in [&mut marker, &mut far, &mut near, &mut keyed] {
        next(live).await;
    }
    // The first commit of others that is seen may concern anything.
    two.commit(&mut marker, "").await;
    for live in [&mut far, &mut near, &mut keyed] {
        quiet(live).await;
    }
    let before = db.live_runs();
    two.commit(&mut marker, "UPDATE items SET name = 'other' WHERE id = 2").await;
    assert_eq!(texts(&next(&mut near).await).len(), 3);
    for live in [&mut far, &mut keyed] {
        quiet(live).await;
    }
    let runs = db.live_runs() - before;
    // The marker and the query of that page, each for at most two commits, and once more if one
    // came while it ran. All four of them would be eight.
    assert!((2..=6).contains(&runs), "{runs} runs");
}

#[tokio::test]
async fn the_end_of_a_long_value_that_others_change_is_seen() {
    let two = two().await;
    let db = &two.db;
    let query = "SELECT id, data FROM items WHERE id BETWEEN -3 AND -1";
    let mut marker = db.watch("SELECT n FROM marker", ());
    let mut live = db.watch(query, ());
    next(&mut marker).await;
    next(&mut live).await;
    for i in 0..30 {
        for length in [9_000, 100_000] {
            let sql = format!(
                "UPDATE items SET data = printf('%.{length}c', 'l') || {i} WHERE id = {}",
                -1 - i % 3
            );
            two.commit(&mut marker, &sql).await;
            assert_eq!(texts(&next(&mut live).await), truth(db, query).await, "{i}");
            // The value's beginning stays where it is; SQLite writes the page of its end alone.
            let sql = format!(
                "UPDATE items SET data = substr(data, 1, length(data) - 1) || 'e' WHERE id = {}",
                -1 - i % 3
            );
            two.commit(&mut marker, &sql).await;
            assert_eq!(texts(&next(&mut live).await), truth(db, query).await, "{i}");
            // Long values are read from the file itself only if the log does not have them.
            two.other.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap_or_default();
        }
    }
}

#[tokio::test]
async fn a_row_is_seen_on_the_page_where_changes_of_no_concern_have_moved_it() {
    let two = two().await;
    let db = &two.db;
    // Of columns, and of rows: by either, the growing rows are no concern of the query.
    for query in [
        "SELECT name FROM items WHERE id BETWEEN 5001 AND 5040",
        "SELECT name FROM items WHERE id = 5040",
    ] {
        let mut live = db.watch(query, ());
        next(&mut live).await;
        let before = db.live_runs();
        for id in 5000..5030 {
            let sql = "UPDATE items SET data = printf('%.1500c', 'x') WHERE id = ?";
            db.execute(sql, ubiqlite::params![id]).await.unwrap();
        }
        quiet(&mut live).await;
        if db.capabilities().row_changes {
            assert_eq!(db.live_runs(), before, "{query}");
        }
        db.execute("UPDATE items SET name = name || '!' WHERE id = 5040", ()).await.unwrap();
        assert_eq!(texts(&next(&mut live).await), truth(db, query).await, "{query}");
    }
}

#[tokio::test]
async fn what_others_change_in_the_schema_is_seen() {
    let two = two().await;
    let db = &two.db;
    let mut marker = db.watch("SELECT n FROM marker", ());
    let mut live = db.watch("SELECT * FROM kv WHERE k = 'k00001'", ());
    next(&mut marker).await;
    next(&mut live).await;
    two.commit(&mut marker, "").await;
    for (sql, columns) in [
        ("ALTER TABLE kv ADD COLUMN more INT DEFAULT 3", 3),
        ("ALTER TABLE kv DROP COLUMN v", 2),
        ("ALTER TABLE kv ADD COLUMN v INT DEFAULT 4", 3),
    ] {
        two.commit(&mut marker, sql).await;
        let rows = next(&mut live).await;
        assert_eq!(rows.iter().next().unwrap().len(), columns, "{sql}");
        // Columns have other places now; a change of this database is recorded by these.
        db.execute("UPDATE kv SET more = more + 1 WHERE k = 'k00001'", ()).await.unwrap();
        assert_eq!(
            texts(&next(&mut live).await),
            truth(db, "SELECT * FROM kv WHERE k = 'k00001'").await
        );
    }
    two.commit(&mut marker, "VACUUM").await;
    quiet(&mut live).await;
    two.commit(&mut marker, "DROP TABLE kv").await;
    let error = live.try_next().await.unwrap_err();
    assert_eq!(error.kind(), ubiqlite::ErrorKind::NoSuchTable);
}

fn queries(random: &mut Rng) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..12 {
        all.push(format!("SELECT * FROM items WHERE id = {}", random.i64(1..=10_000)));
    }
    for _ in 0..4 {
        all.push(format!("SELECT * FROM kv WHERE k = 'k{:05}'", random.i64(1..=2_000)));
        let group = random.i64(0..200);
        all.push(format!("SELECT id, name FROM items WHERE grp = {group} ORDER BY price LIMIT 20"));
        all.push(format!("SELECT count(*) FROM items WHERE grp = {group}"));
        let id = random.i64(1..10_000);
        all.push(format!("SELECT id, status FROM items WHERE id BETWEEN {id} AND {}", id + 50));
        let id = random.i64(1..=500);
        all.push(format!(
            "SELECT p.id, c.id, c.v FROM parent AS p JOIN child AS c ON c.p = p.id WHERE p.id = {id}"
        ));
        let id = random.i64(-20..=-1);
        all.push(format!("SELECT id, data FROM items WHERE id = {id}"));
    }
    let once = [
        "SELECT count(*) FROM items WHERE status = 'don'",
        "SELECT max(id) FROM items",
        "SELECT id, name FROM items ORDER BY id DESC LIMIT 20",
        "SELECT count(*) FROM log",
        "SELECT DISTINCT grp FROM items WHERE grp < 5",
    ];
    all.extend(once.map(str::to_owned));
    all
}

fn statement(random: &mut Rng) -> String {
    let id = random.i64(1..=10_000);
    let few = random.i64(1..=500);
    match random.u32(0..98) {
        0..20 => format!("UPDATE items SET price = {} WHERE id = {id}", random.u32(0..9)),
        20..40 => {
            let status = ["new", "don", "sol"][random.usize(0..3)];
            format!("UPDATE items SET status = '{status}' WHERE id = {id}")
        }
        40..55 => format!(
            "INSERT INTO items (id, name, status, price, grp, data)
             SELECT max(id) + 1, 'n', 'new', 1.5, {}, printf('%.{}c', 'x') FROM items",
            random.u32(0..200),
            random.u32(0..300)
        ),
        55..62 => format!("DELETE FROM items WHERE id = {id}"),
        62..70 => format!(
            "INSERT OR REPLACE INTO kv VALUES ('k{:05}', {})",
            random.i64(1..=2_200),
            random.u32(0..99)
        ),
        70..76 => format!("DELETE FROM parent WHERE id = {few}"),
        76..82 => format!("UPDATE parent SET v = v + 1 WHERE id = {few}"),
        82..88 => "INSERT INTO log (m) VALUES ('hello')".to_owned(),
        88..92 => format!("UPDATE items SET price = price + 1 WHERE grp = {}", random.u32(0..200)),
        92..96 => format!(
            "UPDATE items SET data = substr(data, 1, 8000) || {} || substr(data, 8003) WHERE id = {}",
            random.u32(10..99),
            random.i64(-20..=-1)
        ),
        96 => "DELETE FROM log".to_owned(),
        _ => {
            let rare = [
                "CREATE TABLE IF NOT EXISTS extra (a)",
                "DROP TABLE IF EXISTS extra",
                "VACUUM",
                "DROP INDEX IF EXISTS gp",
                "CREATE INDEX IF NOT EXISTS gp ON items (grp, price)",
                "PRAGMA wal_checkpoint(PASSIVE)",
                "PRAGMA wal_checkpoint(RESTART)",
                "PRAGMA wal_checkpoint(TRUNCATE)",
            ];
            rare[random.usize(0..rare.len())].to_owned()
        }
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(usual)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_random_commits_of_others_each_watch_has_the_truth() {
    let (commits, seed) = (number("UBIQLITE_FUZZ_COMMITS", 400), number("UBIQLITE_FUZZ_SEED", 1));
    let own = number("UBIQLITE_FUZZ_OWN", 4);
    let mut random = Rng::with_seed(seed);
    let two = two().await;
    let db = &two.db;
    let mut marker = db.watch("SELECT n FROM marker", ());
    next(&mut marker).await;
    let queries = queries(&mut random);
    let mut watches = Vec::new();
    for sql in &queries {
        let mut live = db.watch(sql, ());
        let known = texts(&next(&mut live).await);
        watches.push((sql, live, known));
    }
    let (mut changed, mut marks) = (0_u64, 0_u64);
    let before = db.live_runs();
    for i in 0..commits {
        let sql = statement(&mut random);
        if own > 0 && random.u64(0..own) == 0 {
            let _ = db.batch(sql.as_str()).await;
        } else {
            two.commit(&mut marker, &sql).await;
            marks += 1;
        }
        for (query, live, known) in &mut watches {
            let wanted = truth(db, query).await;
            let mut got = super::fuzz::settle(live).await;
            changed += u64::from(*known != wanted);
            while got.as_ref().unwrap_or(known) != &wanted {
                let next = tokio::time::timeout(Duration::from_secs(20), live.try_next()).await;
                let Ok(next) = next else {
                    panic!(
                        "seed {seed}, commit {i}: {sql}: {query}: {got:?} instead of {wanted:?}"
                    );
                };
                got = Some(texts(&next.unwrap().unwrap()));
            }
            *known = wanted;
        }
    }
    let runs = db.live_runs() - before;
    println!("{commits} commits, {changed} results changed, {runs} runs, {marks} of them markers");
}
