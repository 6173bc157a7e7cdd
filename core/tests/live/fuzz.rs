//! Random statements and changes of the schema: after each commit, each watched query has what
//! running it by itself returns.

use std::time::Duration;

use ubiqlite::{Database, Watch};

use super::{open, text, texts, truth};

const SCHEMA: &str = "
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL, price REAL, grp INT, data TEXT);
    CREATE INDEX st ON items (status, id); CREATE INDEX gp ON items (grp, price);
    CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
    CREATE TABLE parent (id INTEGER PRIMARY KEY, v INT);
    CREATE TABLE child (id INTEGER PRIMARY KEY, p INT REFERENCES parent (id) ON DELETE CASCADE, v INT);
    CREATE INDEX cp ON child (p);
    CREATE TABLE log (id INTEGER PRIMARY KEY, m TEXT);
    CREATE VIRTUAL TABLE ft USING fts5(body); CREATE VIRTUAL TABLE rt USING rtree(id, x0, x1);
    CREATE TRIGGER tr AFTER UPDATE OF v ON parent BEGIN INSERT INTO log (m) VALUES ('p' || new.id); END;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
        INSERT INTO items SELECT i, 'lamp ' || i, substr('newdonsol', 1 + i % 3 * 3, 3), i, i % 20, 'd' FROM n;
    INSERT INTO kv SELECT 'k' || id, id FROM items WHERE id <= 40;
    INSERT INTO parent SELECT id, id FROM items WHERE id <= 20;
    INSERT INTO child SELECT id, 1 + id % 20, id FROM items WHERE id <= 60;
    INSERT INTO ft (rowid, body) SELECT id, 'w' || id % 5 || ' common' FROM items WHERE id <= 30;
    INSERT INTO rt SELECT id, id, id + 2 FROM items WHERE id <= 30;";

const QUERIES: &[&str] = &[
    "SELECT * FROM items WHERE id = 7",
    "SELECT id, name FROM items WHERE status = 'new' ORDER BY id LIMIT 20",
    "SELECT id, price FROM items WHERE grp = 3",
    "SELECT sum(price) FROM items",
    "SELECT count(*) FROM items",
    "SELECT status, count(*) FROM items GROUP BY status",
    "SELECT * FROM kv WHERE k = 'k5'",
    "SELECT v FROM kv",
    "SELECT p.id, count(c.id) FROM parent AS p LEFT JOIN child AS c ON c.p = p.id GROUP BY p.id",
    "SELECT v FROM child",
    "SELECT m FROM log ORDER BY id DESC LIMIT 5",
    "SELECT rowid FROM ft WHERE ft MATCH 'w3'",
    "SELECT body FROM ft WHERE rowid = 4",
    "SELECT id FROM rt WHERE x0 > 3 AND x1 < 12",
    "SELECT EXISTS (SELECT 1 FROM parent WHERE v > 15)",
    "SELECT name FROM items WHERE id IN (SELECT p FROM child WHERE v < 10)",
    "SELECT grp FROM items",
];

fn statement(random: &mut fastrand::Rng) -> String {
    let id = random.i64(1..=220);
    let small = random.i64(1..=24);
    match random.u32(0..34) {
        0..5 => format!("UPDATE items SET price = {} WHERE id = {id}", random.u32(0..9)),
        5 => format!("UPDATE items SET data = data || 'x' WHERE id = {id}"),
        6..9 => format!("UPDATE items SET status = '{}' WHERE id = {id}", ["new", "don", "sol"][random.usize(0..3)]),
        9..12 => format!("INSERT INTO items (name, status, price, grp) VALUES ('n', 'new', 1, {})", random.u32(0..20)),
        12..14 => format!("DELETE FROM items WHERE id = {id}"),
        14 => format!("UPDATE OR IGNORE items SET id = {} WHERE id = {id}", random.i64(1..=260)),
        15..17 => format!("INSERT OR REPLACE INTO kv VALUES ('k{small}', {})", random.u32(0..4)),
        17 => format!("DELETE FROM kv WHERE k = 'k{small}'"),
        18 => format!("UPDATE OR IGNORE kv SET k = 'k{small}' WHERE k = 'k{}'", random.u32(1..24)),
        19 => format!("DELETE FROM parent WHERE id = {small}"),
        20..22 => format!("UPDATE parent SET v = v + 1 WHERE id = {small}"),
        22 => format!("INSERT OR IGNORE INTO parent VALUES ({small}, {})", random.u32(0..20)),
        23 => format!("INSERT OR IGNORE INTO child (p, v) SELECT id, {small} FROM parent WHERE id = {small}"),
        24 => "INSERT INTO log (m) VALUES ('hello')".into(),
        25 => "DELETE FROM log".into(),
        26 => format!("INSERT INTO ft (body) VALUES ('w{} fresh')", random.u32(0..5)),
        27 => format!("DELETE FROM ft WHERE rowid = {small}"),
        28 => format!("INSERT OR REPLACE INTO rt VALUES ({small}, {small}, {})", small + 3),
        29 => format!("UPDATE items SET price = price + 1 WHERE grp = {}", random.u32(0..20)),
        30 => "DELETE FROM kv".into(),
        31 => format!("INSERT INTO kv SELECT 'k' || id, price FROM items WHERE grp = {} ON CONFLICT (k) DO UPDATE SET v = excluded.v", random.u32(0..20)),
        32 => "UPDATE child SET v = v".into(),
        _ => ["DROP INDEX IF EXISTS gp", "CREATE INDEX IF NOT EXISTS gp ON items (grp, price)",
              "DROP TRIGGER IF EXISTS tr", "CREATE TRIGGER IF NOT EXISTS tr AFTER UPDATE OF v ON parent BEGIN DELETE FROM log; INSERT INTO log (m) VALUES ('p' || new.id); END",
              "VACUUM", "ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)", "CREATE INDEX IF NOT EXISTS kvv ON kv (v, k)", "DROP INDEX IF EXISTS kvv"][random.usize(0..9)].into(),
    }
}

async fn commit(db: &Database, random: &mut fastrand::Rng) {
    match random.u32(0..6) {
        0 => {
            let mut tx = db.begin().await.unwrap();
            for _ in 0..random.u32(1..5) {
                let _ = tx.execute(&statement(random), ()).await;
                if random.u32(0..3) == 0 {
                    let mut point = tx.begin_savepoint().await.unwrap();
                    let _ = point.execute(&statement(random), ()).await;
                    if random.bool() {
                        point.rollback().await.unwrap()
                    } else {
                        point.release().await.unwrap()
                    }
                }
            }
            if random.u32(0..4) == 0 {
                tx.rollback().await.unwrap()
            } else {
                tx.commit().await.unwrap()
            }
        }
        1 => {
            let all: Vec<_> = (0..4).map(|_| statement(random)).collect();
            let all: Vec<_> = all.iter().map(|sql| db.execute(sql, ())).collect();
            for one in all {
                let _ = one.await;
            }
        }
        2 => {
            let script: String = (0..3).map(|_| statement(random) + ";").collect();
            let _ = db.batch(script.as_str()).await;
        }
        3 => {
            let mut session = db.acquire().await.unwrap();
            let _ = session.execute(&statement(random), ()).await;
        }
        _ => {
            let _ = db.execute(&statement(random), ()).await;
        }
    }
}

/// The rows of a query, in an order of their own where it has none: which index SQLite goes through
/// depends on the statistics that a connection has read, so two connections may differ.
fn in_order(sql: &str, mut rows: Vec<String>) -> Vec<String> {
    if !sql.contains("ORDER BY") {
        rows.sort_unstable();
    }
    rows
}

/// Returns the result that a watch has come to, if there is a new one.
pub(super) async fn settle(live: &mut Watch) -> Option<Vec<String>> {
    let mut last = None;
    loop {
        // All that a commit of this database means is known when its call returns.
        let next = std::future::poll_fn(|cx| {
            let mut next = std::pin::pin!(live.try_next());
            match std::future::Future::poll(next.as_mut(), cx) {
                std::task::Poll::Ready(next) => std::task::Poll::Ready(Some(next)),
                std::task::Poll::Pending => std::task::Poll::Ready(None),
            }
        });
        match next.await {
            Some(next) => last = Some(texts(&next.unwrap().unwrap())),
            None => return last,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_random_commits_each_watch_has_the_truth() {
    let commits: u32 =
        std::env::var("UBIQLITE_FUZZ_COMMITS").ok().and_then(|it| it.parse().ok()).unwrap_or(1_500);
    let seed: u64 =
        std::env::var("UBIQLITE_FUZZ_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(1);
    let mut random = fastrand::Rng::with_seed(seed);
    let place = open().await;
    let db = &place.db;
    db.batch(SCHEMA).await.unwrap();
    let mut watches: Vec<_> = QUERIES.iter().map(|sql| (*sql, db.watch(sql, ()))).collect();
    let mut known = Vec::new();
    for (sql, live) in &mut watches {
        let first = super::next(live).await;
        known.push(in_order(sql, first.iter().map(|row| text(&row)).collect::<Vec<_>>()));
    }
    let mut changed = 0_u64;
    let before = db.live_runs();
    for i in 0..commits {
        commit(db, &mut random).await;
        for ((sql, live), known) in watches.iter_mut().zip(&mut known) {
            let wanted = in_order(sql, truth(db, sql).await);
            let mut got = settle(live).await.map(|it| in_order(sql, it));
            changed += u64::from(*known != wanted);
            // It may run on another thread, or rest, and what began before the commit may come first.
            while got.as_ref().unwrap_or(known) != &wanted {
                let next = tokio::time::timeout(Duration::from_secs(5), live.try_next()).await;
                let Ok(next) = next else {
                    panic!("seed {seed}, commit {i}: {sql}: {got:?} instead of {wanted:?}");
                };
                got = Some(in_order(sql, texts(&next.unwrap().unwrap())));
            }
            *known = wanted;
        }
    }
    let runs = db.live_runs() - before;
    println!("{commits} commits, {changed} results changed, {runs} runs");
}
