//! Watched queries of virtual tables, beside another connection's commits: what FTS5 keeps in memory
//! between two statements is not read from the file each time, and counts as read all the same.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rusqlite::Connection;
use ubiqlite::{Database, Watch};

use super::{next, texts, truth};

const TABLES: [&str; 6] = [
    "CREATE VIRTUAL TABLE ft USING fts5 (body, note UNINDEXED)",
    "CREATE VIRTUAL TABLE ft USING fts5 (body, note, detail = none, columnsize = 0)",
    "CREATE VIRTUAL TABLE ft USING fts5 (body, note, prefix = '1 2');
     INSERT INTO ft (ft, rank) VALUES ('automerge', 2), ('crisismerge', 3), ('pgsz', 64)",
    "CREATE VIRTUAL TABLE ft USING fts5 (body, note); INSERT INTO ft (ft, rank) VALUES ('secure-delete', 1)",
    "CREATE TABLE texts (id INTEGER PRIMARY KEY, body, note);
     CREATE VIRTUAL TABLE ft USING fts5 (body, note, content = 'texts', content_rowid = 'id')",
    "CREATE VIRTUAL TABLE \"a \"\"b\" USING fts5 (body, note);
     CREATE VIEW ft AS SELECT rowid, body, note FROM \"a \"\"b\"",
];

const REST: &str = "
    CREATE TABLE other (id INTEGER PRIMARY KEY, v);
    CREATE VIRTUAL TABLE rt USING rtree (id, x0, x1, +note);
    CREATE VIRTUAL TABLE ints USING rtree_i32 (id, x0, x1);
    WITH n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO rt SELECT i, i, i + 2, 'n' FROM n;
    INSERT INTO ints SELECT id, x0, x1 FROM rt;";

const TEXTS: &str = "
    WITH n (i) AS (VALUES (100) UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
        INSERT INTO ft (rowid, body, note) SELECT i, 'common x' || i || ' y' || (i * 7) || ' w' || (i % 12), 'n' FROM n;";

const QUERIES: [&str; 8] = [
    "SELECT rowid FROM ft WHERE ft MATCH 'w1' ORDER BY rowid",
    "SELECT rowid, body, note FROM ft WHERE ft MATCH 'w2 OR w3*' ORDER BY rowid",
    "SELECT rowid, rank FROM ft WHERE ft MATCH 'common' ORDER BY rank, rowid LIMIT 5",
    "SELECT rowid, note FROM ft ORDER BY rowid",
    "SELECT count(*) FROM ft",
    "SELECT id, note FROM rt WHERE x0 > 100 AND x1 < 120 ORDER BY id",
    "SELECT count(*), sum(x0) FROM rt",
    "SELECT id FROM ints WHERE id = 7 OR x1 < 5 ORDER BY id",
];

fn write(random: &mut Rng, external: bool) -> String {
    let (row, word, word2) = (random.u32(1..60), random.u32(0..12), random.u32(0..12));
    let text = format!("'w{word} w{word2} common'");
    match random.u32(0..24) {
        0..5 if external => format!(
            "INSERT INTO ft (ft, rowid, body, note) SELECT 'delete', id, body, note FROM texts WHERE id = {row};
             INSERT OR REPLACE INTO texts VALUES ({row}, {text}, 'n');
             INSERT INTO ft (rowid, body, note) VALUES ({row}, {text}, 'n')"
        ),
        5..8 if external => format!("UPDATE texts SET note = 'n{word}' WHERE id = {row}"),
        0..4 => format!("INSERT OR REPLACE INTO ft (rowid, body, note) VALUES ({row}, {text}, 'n')"),
        4 => format!("DELETE FROM ft WHERE rowid = {row}"),
        5 => format!("UPDATE ft SET note = 'n{word}' WHERE rowid = {row}"),
        6 => format!("UPDATE ft SET body = {text} WHERE rowid = {row}"),
        7 => format!("INSERT OR REPLACE INTO ft (rowid, body, note) VALUES ({row}, '', '')"),
        8 => "INSERT INTO ft (ft) VALUES ('optimize')".into(),
        9 => "INSERT INTO ft (ft, rank) VALUES ('merge', 8)".into(),
        10 => format!("INSERT INTO ft (ft, rank) VALUES ('rank', 'bm25({word}.0, 1.0)')"),
        11 => "INSERT INTO ft (ft) VALUES ('rebuild')".into(),
        12 => format!("INSERT OR REPLACE INTO rt VALUES ({row}, {row}, {row} + {word}, 'm')"),
        13 => format!("DELETE FROM rt WHERE id = {}", row + 80),
        14 => format!("UPDATE rt SET note = 'n{word}' WHERE id = {}", row + 80),
        15 => format!("INSERT OR REPLACE INTO ints VALUES ({word}, {row}, {row} + 1)"),
        16 => "DELETE FROM rt WHERE id % 3 = 0".into(),
        17 => "INSERT OR IGNORE INTO rt SELECT id + 100, x0, x1, 'c' FROM rt WHERE id < 20".into(),
        18 => "PRAGMA wal_checkpoint(TRUNCATE)".into(),
        _ => format!("INSERT INTO other (v) VALUES ({word})"),
    }
}

/// Waits until a watch has delivered what is true.
async fn agree(db: &Database, sql: &str, live: &mut Watch, got: &mut Vec<String>, after: &str) {
    let wanted = truth(db, sql).await;
    let until = Instant::now() + Duration::from_secs(20);
    while *got != wanted {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(update) = tokio::time::timeout(left, live.try_next()).await else {
            panic!("{sql}\nafter {after}: {got:?} instead of {wanted:?}");
        };
        *got = texts(&update.unwrap().unwrap());
    }
}

#[tokio::test]
async fn what_another_connection_does_to_a_virtual_table_is_seen() {
    let random = &mut Rng::with_seed(5);
    for (index, table) in TABLES.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        // Of many small pages, few are read by each query.
        let db = Database::options().page_size(512).open(&path).await.unwrap();
        db.batch(format!("{table}; {REST}").as_str()).await.unwrap();
        if index < 4 {
            db.batch(TEXTS).await.unwrap();
        }
        let other = Connection::open(&path).unwrap();
        other.busy_timeout(Duration::from_secs(5)).unwrap();
        let view = index == 5;
        let mut watches = HashMap::new();
        for sql in QUERIES {
            let sql = if view {
                sql.replace("ft ", "\"a \"\"b\" ").replace("ft MATCH", "\"a \"\"b\" MATCH")
            } else {
                sql.into()
            };
            let mut live = db.watch(&sql, ());
            let got = texts(&next(&mut live).await);
            watches.insert(sql, (live, got));
        }
        for _ in 0..150 {
            let sql = write(random, index == 4);
            let sql = if view {
                sql.replace("ft (ft", "\"a \"\"b\" (\"a \"\"b\"")
                    .replace("INTO ft ", "INTO \"a \"\"b\" ")
                    .replace("FROM ft ", "FROM \"a \"\"b\" ")
                    .replace("UPDATE ft ", "UPDATE \"a \"\"b\" ")
            } else {
                sql
            };
            // What a kind of table does not allow is part of it.
            let _ = other.execute_batch(&sql);
            for (query, (live, got)) in &mut watches {
                agree(&db, query, live, got, &sql).await;
            }
        }
        db.close().await.unwrap();
    }
}

#[tokio::test]
async fn another_connections_commit_to_another_table_runs_none_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let db = Database::open(&path).await.unwrap();
    db.batch(format!("{}; {REST}", TABLES[0]).as_str()).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other.execute_batch("INSERT INTO other VALUES (1, -1)").unwrap();
    let mut all: Vec<Watch> = QUERIES.into_iter().map(|sql| db.watch(sql, ())).collect();
    for live in &mut all {
        next(live).await;
    }
    let mut seen = db.watch("SELECT v FROM other WHERE id = 1", ());
    next(&mut seen).await;
    let mut runs = 0;
    for value in 0..=20 {
        if value == 1 {
            // With the first one, the watches learn where the log is.
            runs = db.live_runs();
        }
        other.execute("UPDATE other SET v = ? WHERE id = 1", [value]).unwrap();
        assert_eq!(texts(&next(&mut seen).await), [format!("Integer({value})")]);
        for live in &mut all {
            let more = tokio::time::timeout(Duration::ZERO, live.try_next()).await;
            assert!(more.is_err(), "nothing has changed");
        }
    }
    // The one query that reads what was written, which may run twice for one of them.
    let runs = db.live_runs() - runs;
    assert!((20..=40).contains(&runs), "{runs}");
}

#[tokio::test]
async fn each_of_several_queries_of_one_table_is_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let db = Database::options().page_size(512).open(&path).await.unwrap();
    db.batch(format!("{}; {REST}; {TEXTS}", TABLES[0]).as_str()).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    // The first one reads where the parts of the index are, and leaves it to the others.
    let mut all = Vec::new();
    for row in (300..1_000).step_by(100) {
        let sql = format!("SELECT rowid FROM ft WHERE ft MATCH 'x{row}' ORDER BY rowid");
        let mut live = db.watch(&sql, ());
        assert_eq!(next(&mut live).await.len(), 1);
        all.push((row, live));
    }
    for (row, live) in all.iter_mut().rev() {
        for times in 2..4 {
            let insert = "INSERT INTO ft (body) VALUES (?)";
            other.execute(insert, [format!("x{row}")]).unwrap();
            let update = tokio::time::timeout(Duration::from_secs(10), live.try_next()).await;
            assert_eq!(update.expect("it runs again").unwrap().unwrap().len(), times, "{row}");
        }
    }
}
