//! Commits of others: another connection, as another process has it.

use std::time::Duration;

use rusqlite::Connection;
use ubiqlite::{Database, Options};

use super::{next, quiet, texts, truth};

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, v INT);
    CREATE TABLE u (id INTEGER PRIMARY KEY, v INT);
    INSERT INTO t VALUES (1, 1), (2, 2);";

struct Two {
    folder: tempfile::TempDir,
    db: Database,
}

async fn two(options: Options) -> Two {
    let folder = tempfile::tempdir().unwrap();
    let db = options.open(folder.path().join("a.db")).await.unwrap();
    db.batch(SCHEMA).await.unwrap();
    Two { folder, db }
}

impl Two {
    fn other(&self) -> Connection {
        let other = Connection::open(self.folder.path().join("a.db")).unwrap();
        other.busy_timeout(Duration::from_secs(5)).unwrap();
        other
    }
}

#[tokio::test]
async fn a_commit_of_another_connection_is_seen() {
    for mode in [ubiqlite::JournalMode::Wal, ubiqlite::JournalMode::Delete] {
        let two = two(Options::default().journal_mode(mode)).await;
        let other = two.other();
        let mut live = two.db.watch("SELECT id, v FROM t ORDER BY id", ());
        next(&mut live).await;
        for i in 0..20 {
            other.execute("UPDATE t SET v = v + 1 WHERE id = ?", [i % 2 + 1]).unwrap();
            assert_eq!(
                texts(&next(&mut live).await),
                truth(&two.db, "SELECT id, v FROM t ORDER BY id").await,
                "{mode:?}"
            );
        }
        other.execute_batch("BEGIN; DELETE FROM t; ROLLBACK").unwrap();
        quiet(&mut live).await;
        other.execute_batch("ALTER TABLE t ADD COLUMN w; DELETE FROM t").unwrap();
        assert!(next(&mut live).await.is_empty(), "{mode:?}");
        two.db.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_feed_has_commits_of_others_as_such() {
    for mode in [ubiqlite::JournalMode::Wal, ubiqlite::JournalMode::Delete] {
        let two = two(Options::default().journal_mode(mode)).await;
        let (db, other) = (&two.db, two.other());
        let mut feed = db.commits().tables(["u"]);
        // What this database's connections commit is known, if not always from the first on.
        let mut ids = 0..;
        let mut known = async |feed: &mut ubiqlite::Commits| {
            for id in ids.by_ref().take(50) {
                db.execute("INSERT INTO u (v, id) VALUES (1000, ?)", ubiqlite::params![id])
                    .await
                    .unwrap();
                let event = event_of(feed).await;
                for row in event.tables.iter().flat_map(|table| table.rows.iter().flatten()) {
                    let key = row.key[0].as_i64();
                    assert!(key.is_some_and(|key| key <= id), "{mode:?}: {event:?}");
                }
                if !event.tables.is_empty() && !event.external {
                    return;
                }
            }
            panic!("{mode:?}: nothing is known");
        };
        known(&mut feed).await;
        other.execute("UPDATE t SET v = v + 1", []).unwrap();
        while !event_of(&mut feed).await.external {}
        // A table with the key elsewhere, of which this database's connections know nothing yet.
        other
            .execute_batch("DROP TABLE u; CREATE TABLE u (v INT, id INTEGER PRIMARY KEY)")
            .unwrap();
        known(&mut feed).await;
        db.close().await.unwrap();
    }
}

async fn event_of(feed: &mut ubiqlite::Commits) -> ubiqlite::CommitEvent {
    let next = tokio::time::timeout(Duration::from_secs(20), feed.try_next());
    next.await.expect("an event must come").unwrap().expect("the database is open")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_of_both_are_seen_in_any_order() {
    let two = two(Options::default()).await;
    let db = &two.db;
    let other = two.other();
    let mut random = fastrand::Rng::with_seed(11);
    let queries = [
        "SELECT id, v FROM t ORDER BY id",
        "SELECT count(*) FROM u",
        "SELECT v FROM t WHERE id = 1",
    ];
    let mut watches: Vec<_> = queries.iter().map(|sql| (*sql, db.watch(sql, ()))).collect();
    let mut known = Vec::new();
    for (_, live) in &mut watches {
        known.push(texts(&next(live).await));
    }
    for round in 0..300 {
        for _ in 0..random.u32(1..4) {
            let sql = match random.u32(0..6) {
                0 => "INSERT INTO u (v) VALUES (1)".to_owned(),
                1 => "UPDATE t SET v = v WHERE id = 1".to_owned(),
                2 => "INSERT OR IGNORE INTO t VALUES (1, 1)".to_owned(),
                3 if random.u32(0..10) == 0 => {
                    "ALTER TABLE t RENAME COLUMN v TO w; ALTER TABLE t RENAME COLUMN w TO v;"
                        .to_owned()
                }
                4 => format!("DELETE FROM t WHERE id = {}", random.u32(1..3)),
                _ => format!("INSERT OR REPLACE INTO t VALUES ({}, {round})", random.u32(1..3)),
            };
            if random.bool() {
                other.execute_batch(&sql).unwrap();
            } else {
                db.batch(sql.as_str()).await.unwrap();
            }
        }
        for ((sql, live), known) in watches.iter_mut().zip(&mut known) {
            let wanted = truth(db, sql).await;
            while *known != wanted {
                let late = tokio::time::timeout(Duration::from_secs(10), live.try_next()).await;
                *known = texts(
                    &late
                        .unwrap_or_else(|_| {
                            panic!("round {round}: {sql} has {known:?} and not {wanted:?}")
                        })
                        .unwrap()
                        .unwrap(),
                );
            }
        }
    }
}

#[tokio::test]
async fn a_change_of_the_journal_mode_is_possible_while_somebody_watches() {
    let two = two(Options::default()).await;
    let mut live = two.db.watch("SELECT v FROM t WHERE id = 1", ());
    next(&mut live).await;
    let mode: String = two.db.query_value("PRAGMA journal_mode = delete", ()).await.unwrap();
    assert_eq!(mode, "delete");
    two.other().execute("UPDATE t SET v = 7 WHERE id = 1", ()).unwrap();
    assert_eq!(texts(&next(&mut live).await), ["Integer(7)"]);
    two.db.execute("UPDATE t SET v = 8 WHERE id = 1", ()).await.unwrap();
    assert_eq!(texts(&next(&mut live).await), ["Integer(8)"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_is_left_once_nobody_watches() {
    let two = two(Options::default()).await;
    let threads = || {
        std::fs::read_dir("/proc/self/task")
            .unwrap()
            .filter(|task| {
                let name = std::fs::read_to_string(task.as_ref().unwrap().path().join("comm"));
                name.is_ok_and(|name| name.trim() == "ubiqlite-watch")
            })
            .count()
    };
    let before = threads();
    let mut live = two.db.watch("SELECT v FROM t", ());
    next(&mut live).await;
    let soon = async |what: &dyn Fn() -> bool| {
        for _ in 0..500 {
            if what() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    };
    assert!(soon(&|| threads() > before).await);
    drop(live);
    assert!(soon(&|| threads() <= before).await, "the thread that looks for commits of others");
    two.db.execute("UPDATE t SET v = 9", ()).await.unwrap();
    let mut again = two.db.watch("SELECT v FROM t WHERE id = 1", ());
    assert_eq!(texts(&next(&mut again).await), ["Integer(9)"]);
    two.other().execute("UPDATE t SET v = 10", ()).unwrap();
    assert_eq!(texts(&next(&mut again).await), ["Integer(10)"]);
}
