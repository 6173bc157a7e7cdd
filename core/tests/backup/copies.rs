//! What a copy holds while others write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use ubiqlite::Database;

use super::{ACCOUNTS, Place, options, seen, transfer};

use super::support::within;

#[tokio::test]
async fn a_copy_of_a_database_at_rest_is_the_same() {
    let place = Place::new().await;
    within("the copy", place.db.backup(place.path("copy.db")).into_future()).await.unwrap();
    place.db.close().await.unwrap();
    assert_eq!(seen(&place.path("copy.db")), seen(&place.path("app.db")));
    assert_eq!(place.others(), ["copy.db"]);
}

/// Writes until told to stop; returns the number of the last transfer.
fn writer(
    db: &Database,
    stop: &Arc<AtomicBool>,
    done: &Arc<AtomicI64>,
) -> tokio::task::JoinHandle<()> {
    let (db, stop, done) = (db.clone(), Arc::clone(stop), Arc::clone(done));
    tokio::spawn(async move {
        let mut number = 0;
        while !stop.load(Ordering::SeqCst) {
            number += 1;
            transfer(&db, number).await;
            done.store(number, Ordering::SeqCst);
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_under_a_writer_at_full_speed_is_one_moment_of_its_time() {
    let place = Place::new().await;
    let (stop, done) = (Arc::default(), Arc::default());
    let writing = writer(&place.db, &stop, &done);
    for round in 0..5 {
        let path = place.path(&format!("copy{round}.db"));
        let before = done.load(Ordering::SeqCst);
        within("the copy", place.db.backup(&path).into_future()).await.unwrap();
        // One that is being committed may be in it.
        let after = done.load(Ordering::SeqCst) + 1;
        let copy = seen(&path);
        assert_eq!((copy.rows, copy.sum), (ACCOUNTS, 100 * ACCOUNTS), "{round}");
        assert!((before..=after).contains(&copy.last), "{before} {} {after}", copy.last);
    }
    stop.store(true, Ordering::SeqCst);
    writing.await.unwrap();
}

#[tokio::test]
async fn a_write_during_the_copy_is_in_it() {
    let place = Place::new().await;
    // So large that it takes several slices.
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
               INSERT INTO accounts (balance, note) SELECT 0, hex(randomblob(1000)) FROM n";
    place.db.execute(sql, ()).await.unwrap();
    let mut backup = place.db.backup(place.path("copy.db"));
    let first = backup.try_next().await.unwrap().expect("it is not complete at once");
    assert!(first.done < first.total, "{first:?}");
    let mut number = 0;
    let mut last = first;
    while let Some(progress) = within("the copy", backup.try_next()).await.unwrap() {
        assert!(progress.done > last.done, "{progress:?} after {last:?}");
        last = progress;
        if progress.done < progress.total {
            number += 1;
            transfer(&place.db, number).await;
        }
    }
    assert_eq!(last.done, last.total);
    assert!(number > 1, "{number}");
    let copy = seen(&place.path("copy.db"));
    assert!(copy.last > 0, "what was written early is in the copy");
    assert_eq!(copy.sum, 100 * ACCOUNTS);
    assert!(place.path("copy.db").metadata().unwrap().len() >= u64::from(last.total) * 4096);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_small_while_a_copy_is_made() {
    let place = Place::new().await;
    let (stop, done) = (Arc::default(), Arc::default());
    let writing = writer(&place.db, &stop, &done);
    let mut largest = 0;
    for _ in 0..10 {
        let mut backup = place.db.backup(place.path("copy.db")).overwrite(true);
        while within("the copy", backup.try_next()).await.unwrap().is_some() {
            largest = largest.max(place.path("app.db-wal").metadata().unwrap().len());
        }
    }
    stop.store(true, Ordering::SeqCst);
    writing.await.unwrap();
    assert!(largest < 40 << 20, "{largest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_connection_that_keeps_writing_does_not_keep_a_copy_from_its_end() {
    let place = Place::new().await;
    let path = place.path("app.db");
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let outside = std::thread::spawn(move || {
        let db = rusqlite::Connection::open(path).unwrap();
        db.busy_timeout(Duration::from_secs(60)).unwrap();
        let mut number = 0;
        while !stopped.load(Ordering::SeqCst) {
            number += 1;
            db.execute_batch(&format!(
                "BEGIN IMMEDIATE;
                 UPDATE accounts SET balance = balance - 1 WHERE id = {};
                 UPDATE accounts SET balance = balance + 1 WHERE id = {};
                 INSERT INTO log VALUES ({number}, 1); COMMIT",
                1 + number % ACCOUNTS,
                1 + (number * 7) % ACCOUNTS
            ))
            .unwrap();
        }
    });
    for _ in 0..5 {
        let backup = place.db.backup(place.path("copy.db")).overwrite(true);
        within("the copy", backup.into_future()).await.unwrap();
        let copy = seen(&place.path("copy.db"));
        assert_eq!((copy.rows, copy.sum), (ACCOUNTS, 100 * ACCOUNTS));
    }
    stop.store(true, Ordering::SeqCst);
    outside.join().unwrap();
}

#[tokio::test]
async fn a_copy_inside_a_transaction_has_what_was_committed_before_and_nothing_of_the_transaction()
{
    let place = Place::with(options().busy_timeout(Duration::from_millis(200))).await;
    let mut tx = place.db.begin().await.unwrap();
    tx.execute("UPDATE accounts SET balance = 0", ()).await.unwrap();
    within("the copy", place.db.backup(place.path("copy.db")).into_future()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(seen(&place.path("copy.db")).sum, 100 * ACCOUNTS);
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_during_a_copy_is_not_in_it() {
    let place = Place::with(options().cache_kib(100)).await;
    let mut backup = place.db.backup(place.path("copy.db"));
    backup.try_next().await.unwrap();
    // Larger than the cache: a part of it is in the log before it is rolled back.
    let mut tx = place.db.begin().await.unwrap();
    tx.execute("UPDATE accounts SET balance = 0, note = hex(randomblob(300))", ()).await.unwrap();
    tx.rollback().await.unwrap();
    while within("the copy", backup.try_next()).await.unwrap().is_some() {}
    place.db.close().await.unwrap();
    assert_eq!(seen(&place.path("copy.db")), seen(&place.path("app.db")));
}

#[tokio::test]
async fn a_compact_copy_has_the_rows_and_not_the_space_of_deleted_ones() {
    let place = Place::new().await;
    place.db.execute("DELETE FROM accounts WHERE id > 10", ()).await.unwrap();
    place.db.backup(place.path("copy.db")).await.unwrap();
    within("the copy", place.db.backup(place.path("small.db")).compact(true).into_future())
        .await
        .unwrap();
    let size = |name: &str| place.path(name).metadata().unwrap().len();
    assert!(size("small.db") < size("copy.db") / 4, "{} {}", size("small.db"), size("copy.db"));
    assert_eq!(seen(&place.path("small.db")), seen(&place.path("copy.db")));
    assert_eq!(place.others(), ["copy.db", "small.db"]);
}

#[tokio::test]
async fn several_copies_at_once_are_all_whole() {
    let place = Place::new().await;
    let copies: Vec<_> = (0..4)
        .map(|number| {
            let backup = place.db.backup(place.path(&format!("copy{number}.db")));
            tokio::spawn(backup.into_future())
        })
        .collect();
    for copy in copies {
        within("a copy", copy).await.unwrap().unwrap();
    }
    let app = seen(&place.path("copy0.db"));
    for number in 1..4 {
        assert_eq!(seen(&place.path(&format!("copy{number}.db"))), app);
    }
}

#[tokio::test]
async fn two_databases_of_one_process_are_copied_onto_each_others_folder() {
    let (one, two) = (Place::new().await, Place::new().await);
    let copies = (one.db.backup(two.path("one.db")), two.db.backup(one.path("two.db")));
    let (first, second) = tokio::join!(copies.0.into_future(), copies.1.into_future());
    first.unwrap();
    second.unwrap();
    one.db.close().await.unwrap();
    two.db.close().await.unwrap();
    assert_eq!(seen(&two.path("one.db")), seen(&one.path("app.db")));
    assert_eq!(seen(&one.path("two.db")), seen(&two.path("app.db")));
}

#[tokio::test]
async fn a_database_with_a_rollback_journal_is_copied_too() {
    let place = Place::with(options().journal_mode(ubiqlite::JournalMode::Delete)).await;
    let mut backup = place.db.backup(place.path("copy.db"));
    backup.try_next().await.unwrap();
    transfer(&place.db, 1).await;
    while within("the copy", backup.try_next()).await.unwrap().is_some() {}
    place.db.close().await.unwrap();
    assert_eq!(seen(&place.path("copy.db")).sum, 100 * ACCOUNTS);
}

#[tokio::test]
async fn a_copy_is_as_private_as_its_database() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new().await;
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(place.path("app.db"), mode).unwrap();
    place.db.backup(place.path("copy.db")).await.unwrap();
    let mode = place.path("copy.db").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[tokio::test]
async fn closing_waits_for_a_copy() {
    let place = Place::new().await;
    let mut backup = place.db.backup(place.path("copy.db"));
    backup.try_next().await.unwrap();
    let copying = async { while within("the copy", backup.try_next()).await.unwrap().is_some() {} };
    let (closed, ()) = tokio::join!(within("closing", place.db.close()), copying);
    closed.unwrap();
    assert_eq!(seen(&place.path("copy.db")), seen(&place.path("app.db")));
}

#[tokio::test]
async fn a_copy_that_is_not_read_does_not_keep_a_database_from_closing() {
    let place = Place::with(options().busy_timeout(Duration::from_millis(100))).await;
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
               INSERT INTO accounts (balance, note) SELECT 0, hex(randomblob(1000)) FROM n";
    place.db.execute(sql, ()).await.unwrap();
    let mut stream = place.db.backup_stream();
    within("a chunk", stream.try_next()).await.unwrap();
    within("closing", place.db.close()).await.unwrap();
    let mut ended = Ok(Some(Vec::new()));
    while let Ok(Some(_)) = ended {
        ended = within("a chunk", stream.try_next()).await;
    }
    assert_eq!(super::support::kind(ended), ubiqlite::ErrorKind::Closed);
}
