//! Replacing a database by another.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ubiqlite::{ErrorKind, JournalMode, Row, Watch};

use super::support::{kind, number, within};
use super::{ACCOUNTS, Place, is_single, options, seen, transfer};

/// A database of 100 accounts of 7 each, made with this setup.
fn other(path: &Path, setup: &str) {
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch(setup).unwrap();
    db.execute_batch(
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER, note TEXT, added TEXT);
         CREATE TABLE log (id INTEGER PRIMARY KEY, amount INTEGER);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO accounts SELECT i, 7, hex(randomblob(200)), 'new' FROM n",
    )
    .unwrap();
    db.close().unwrap();
}

async fn sum(place: &Place) -> i64 {
    number(&place.db, "SELECT sum(balance) FROM accounts").await
}

#[tokio::test]
async fn a_backup_is_restored_whole() {
    let place = Place::new().await;
    place.db.backup(place.path("copy.db")).await.unwrap();
    transfer(&place.db, 1).await;
    place.db.execute("DROP TABLE accounts", ()).await.unwrap();
    within("restoring", place.db.restore(place.path("copy.db"))).await.unwrap();
    assert_eq!(sum(&place).await, 100 * ACCOUNTS);
    transfer(&place.db, 1).await;
    place.db.close().await.unwrap();
    let (app, copy) = (seen(&place.path("app.db")), seen(&place.path("copy.db")));
    assert_eq!((app.rows, app.sum, app.last), (copy.rows, copy.sum, 1));
    assert_eq!(place.others(), ["copy.db"]);
}

#[tokio::test]
async fn a_source_of_every_form_is_restored_and_the_database_keeps_its_own() {
    for setup in [
        "PRAGMA journal_mode = DELETE",
        "PRAGMA journal_mode = WAL",
        "PRAGMA page_size = 512",
        "PRAGMA page_size = 65536; PRAGMA journal_mode = WAL",
        "PRAGMA auto_vacuum = INCREMENTAL",
    ] {
        for mode in [JournalMode::Wal, JournalMode::Delete, JournalMode::Truncate] {
            let place = Place::with(options().journal_mode(mode)).await;
            other(&place.path("other.db"), setup);
            number(&place.db, "SELECT count(*) FROM accounts").await;
            within(setup, place.db.restore(place.path("other.db"))).await.expect(setup);
            assert_eq!(sum(&place).await, 700, "{setup}");
            let now: String = place.db.query_value("PRAGMA journal_mode", ()).await.unwrap();
            let expected = if mode == JournalMode::Wal { "wal" } else { "rollback" };
            assert_eq!(now == "wal", expected == "wal", "{setup} {now}");
            assert_eq!(number(&place.db, "PRAGMA page_size").await, 4096, "{setup}");
            transfer(&place.db, 1).await;
            place.db.close().await.unwrap();
            assert_eq!(seen(&place.path("app.db")).sum, 700);
        }
    }
}

#[tokio::test]
async fn what_is_no_sound_database_is_refused_and_nothing_changes() {
    let place = Place::new().await;
    other(&place.path("sound.db"), "");
    let sound = std::fs::read(place.path("sound.db")).unwrap();
    let mut damaged = sound.clone();
    damaged[4096..12_288].fill(0xaa);
    let cut = sound[..sound.len() / 2 / 4096 * 4096].to_vec();
    let cases: [(&str, &[u8], ErrorKind); 5] = [
        (
            "garbage",
            b"this is no database, but a text that is longer than a header",
            ErrorKind::NotADatabase,
        ),
        ("empty", b"", ErrorKind::NotADatabase),
        ("zeros", &[0; 8192], ErrorKind::NotADatabase),
        ("damaged", &damaged, ErrorKind::Corrupt),
        ("cut", &cut, ErrorKind::Corrupt),
    ];
    let before = place.db.serialize().await.unwrap();
    for (name, bytes, wanted) in cases {
        std::fs::write(place.path(name), bytes).unwrap();
        let error = within(name, place.db.restore(place.path(name))).await.expect_err(name);
        assert_eq!(error.kind(), wanted, "{name}: {error}");
        assert!(error.path().is_some(), "{name}");
        let error = within(name, place.db.restore_bytes(bytes)).await.expect_err(name);
        assert_eq!(error.kind(), wanted, "{name}: {error}");
    }
    assert_eq!(kind(place.db.restore(place.path("none.db")).await), ErrorKind::CannotOpen);
    assert!(!place.path("none.db").exists());
    assert_eq!(kind(place.db.restore(place.folder.path()).await), ErrorKind::CannotOpen);
    assert!(place.db.serialize().await.unwrap() == before);
}

#[tokio::test]
async fn a_database_is_not_restored_from_itself() {
    let place = Place::new().await;
    std::fs::hard_link(place.path("app.db"), place.path("hard.db")).unwrap();
    for name in ["app.db", "hard.db"] {
        let error = within(name, place.db.restore(place.path(name))).await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    transfer(&place.db, 1).await;
}

#[tokio::test]
async fn texts_of_another_encoding_are_refused() {
    let place = Place::new().await;
    other(&place.path("other.db"), "PRAGMA encoding = 'UTF-16le'");
    let error = place.db.restore(place.path("other.db")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    assert_eq!(sum(&place).await, 100 * ACCOUNTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_all_of_the_old_or_all_of_the_new() {
    let place = Place::new().await;
    other(&place.path("other.db"), "");
    place.db.backup(place.path("copy.db")).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (olds, news) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let readers: Vec<_> = (0..64)
        .map(|_| {
            let (db, stop) = (place.db.clone(), Arc::clone(&stop));
            let (olds, news) = (Arc::clone(&olds), Arc::clone(&news));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let sql = "SELECT count(*), sum(balance), (SELECT count(*) FROM sqlite_schema)
                               FROM accounts";
                    let row: Row = db.query_one(sql, ()).await.unwrap();
                    let found: (i64, i64, i64) =
                        (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
                    match found {
                        (ACCOUNTS, sum, 3) if sum == 100 * ACCOUNTS => &olds,
                        (100, 700, 2) => &news,
                        between => panic!("{between:?}"),
                    }
                    .fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 0..20 {
        let (source, counter) =
            if round % 2 == 0 { ("other.db", &news) } else { ("copy.db", &olds) };
        within("restoring", place.db.restore(place.path(source))).await.unwrap();
        let seen = counter.load(Ordering::Relaxed);
        super::support::eventually("somebody sees it", || counter.load(Ordering::Relaxed) > seen)
            .await;
    }
    stop.store(true, Ordering::SeqCst);
    for reader in readers {
        within("a reader", reader).await.unwrap();
    }
}

async fn next(live: &mut Watch) -> i64 {
    let update = within("a result", live.try_next()).await.unwrap().unwrap();
    update.rows::<(i64,)>().unwrap()[0].0
}

#[tokio::test]
async fn live_queries_run_again_once_and_read_feeds_are_told() {
    let place = Place::new().await;
    other(&place.path("other.db"), "");
    let mut live = place.db.watch("SELECT sum(balance) FROM accounts", ());
    assert_eq!(next(&mut live).await, 100 * ACCOUNTS);
    let mut commits = place.db.commits();
    let runs = place.db.live_runs();
    place.db.restore(place.path("other.db")).await.unwrap();
    assert_eq!(next(&mut live).await, 700);
    assert_eq!(place.db.live_runs(), runs + 1);
    let event = within("an event", commits.try_next()).await.unwrap().unwrap();
    assert!(event.everything && event.schema && !event.external, "{event:?}");
    // They go on with the new tables.
    place
        .db
        .execute("UPDATE accounts SET balance = 8 WHERE added = 'new' AND id = 1", ())
        .await
        .unwrap();
    assert_eq!(next(&mut live).await, 701);
}

#[tokio::test]
async fn a_table_that_is_known_is_learned_again() {
    let place = Place::new().await;
    other(&place.path("other.db"), "");
    let accounts = place.db.table("accounts");
    let row: Row = accounts.get(1).await.unwrap().unwrap();
    assert_eq!(row.columns().len(), 3);
    place.db.restore(place.path("other.db")).await.unwrap();
    let row: Row = accounts.get(1).await.unwrap().unwrap();
    assert_eq!(row.columns().len(), 4);
    accounts.update(1, ubiqlite::record! { "added" => "then" }).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_keeps_its_moment_and_an_open_transaction_its_turn() {
    let place = Place::with(options().busy_timeout(Duration::from_millis(200))).await;
    other(&place.path("other.db"), "");
    let snapshot = place.db.snapshot().await.unwrap();
    let before: i64 = snapshot.query_value("SELECT sum(balance) FROM accounts", ()).await.unwrap();
    assert_eq!(before, 100 * ACCOUNTS);
    let mut tx = place.db.begin().await.unwrap();
    tx.execute("UPDATE accounts SET balance = 0", ()).await.unwrap();
    let error = within("restoring", place.db.restore(place.path("other.db"))).await;
    assert_eq!(kind(error), ErrorKind::Busy);
    tx.commit().await.unwrap();
    within("restoring", place.db.restore(place.path("other.db"))).await.unwrap();
    let still: i64 = snapshot.query_value("SELECT sum(balance) FROM accounts", ()).await.unwrap();
    assert_eq!(still, 100 * ACCOUNTS);
    drop(snapshot);
    assert_eq!(sum(&place).await, 700);
}

#[tokio::test]
async fn restoring_that_is_dropped_happens_whole_or_not_at_all() {
    let place = Place::new().await;
    other(&place.path("other.db"), "PRAGMA page_size = 1024");
    for polls in 0..30 {
        let restoring = place.db.restore(place.path("other.db"));
        super::support::poll_times(polls, restoring).await;
        let found = sum(&place).await;
        assert!([700, 100 * ACCOUNTS].contains(&found), "{found}");
        // Every connection is in order.
        transfer(&place.db, polls as i64 + 1).await;
    }
    within("closing", place.db.close()).await.unwrap();
    seen(&place.path("app.db"));
}

#[tokio::test]
async fn a_read_only_database_is_not_replaced() {
    let place = Place::new().await;
    other(&place.path("other.db"), "");
    place.db.close().await.unwrap();
    let db = super::open_with(options().read_only(true), &place.path("app.db")).await;
    let error = within("restoring", db.restore(place.path("other.db"))).await;
    assert_eq!(kind(error), ErrorKind::ReadOnly);
}

#[tokio::test]
async fn full_text_tables_and_recorded_tables_work_after_restoring() {
    let place = Place::new().await;
    place.db.execute("CREATE VIRTUAL TABLE words USING fts5 (text)", ()).await.unwrap();
    place.db.execute("INSERT INTO words VALUES ('one lamp')", ()).await.unwrap();
    place.db.backup(place.path("copy.db")).await.unwrap();
    place.db.execute("INSERT INTO words VALUES ('two lamps')", ()).await.unwrap();
    let found = "SELECT count(*) FROM words WHERE words MATCH 'lamp*'";
    assert_eq!(number(&place.db, found).await, 2);
    place.db.restore(place.path("copy.db")).await.unwrap();
    assert_eq!(number(&place.db, found).await, 1);
    place.db.execute("INSERT INTO words VALUES ('three lamps')", ()).await.unwrap();
    assert_eq!(number(&place.db, found).await, 2);
    assert_eq!(place.db.query_value::<String>("PRAGMA integrity_check", ()).await.unwrap(), "ok");
    if place.db.capabilities().changesets && !is_single() {
        let mut outbox = place.db.outbox(["accounts"]).await.unwrap();
        place.db.restore(place.path("copy.db")).await.unwrap();
        // The copy is from before anything was recorded.
        place.db.execute("UPDATE accounts SET balance = 1 WHERE id = 1", ()).await.unwrap();
        assert!(outbox.next().await.is_err(), "there is no such table");
        let mut outbox = place.db.outbox(["accounts"]).await.unwrap();
        place.db.execute("UPDATE accounts SET balance = 2 WHERE id = 1", ()).await.unwrap();
        assert!(outbox.next().await.unwrap().is_some());
    }
}
