//! What is counted is what happens: who waits, commits and how many writes share one, caches, the
//! log, and who reads for how long.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use support::{ENDLESS, Fresh, HANG, NEVER, all_readers, eventually, kind, start, within};
use ubiqlite::{Database, ErrorKind, JournalMode, Options, Stats, params};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)";
const INSERT: &str = "INSERT INTO items (name) VALUES (?)";

/// A database of each backend.
async fn each(options: Options) -> Vec<(&'static str, Fresh)> {
    let threaded = Fresh::with(options.clone(), SCHEMA).await;
    let mut all = vec![("threads", threaded)];
    #[cfg(feature = "single-thread")]
    {
        let dir = tempfile::tempdir().unwrap();
        let db = options.open_single_thread(dir.path().join("app.db")).unwrap();
        db.batch(SCHEMA).await.unwrap();
        all.push(("one thread", Fresh { db, dir }));
    }
    all
}

fn stats(db: &Database) -> Stats {
    db.stats().unwrap()
}

#[tokio::test]
async fn writes_behind_a_transaction_are_seen_waiting_and_their_wait_is_not_work() {
    for (backend, fresh) in each(Database::options().busy_timeout(NEVER)).await {
        let db = &fresh.db;
        let before = stats(db);
        assert_eq!((before.waiting_writes, before.transaction_age), (0, None), "{backend}");
        let held = db.begin().await.unwrap();
        let mut writes: Vec<_> = (0..3).map(|n| Box::pin(db.execute(INSERT, params![n]))).collect();
        for write in &mut writes {
            // In the backend of one thread, the second poll joins the queue for good.
            assert!(start(write).await.is_none(), "{backend}: it waits");
            assert!(start(write).await.is_none(), "{backend}: it waits");
        }
        eventually("three writes wait", || stats(db).waiting_writes == 3).await;
        let wait = Duration::from_millis(60);
        tokio::time::sleep(wait).await;
        let during = stats(db);
        assert!(during.transaction_age.unwrap() >= wait, "{backend}: {during:?}");
        assert_eq!(during.transactions, before.transactions, "{backend}: it is not over");
        held.commit().await.unwrap();
        for write in writes {
            within("a write", write).await.unwrap();
        }
        let after = stats(db);
        assert_eq!((after.waiting_writes, after.transaction_age), (0, None), "{backend}");
        assert!(after.write_waits.count >= before.write_waits.count + 3, "{backend}: {after:?}");
        assert!(after.write_waits.longest >= wait, "{backend}: {after:?}");
        assert!(after.write_waits.total - before.write_waits.total >= 3 * wait, "{backend}");
        // On a busy machine work takes longer, but it has not waited for the transaction too.
        let work = after.write_runs.total - before.write_runs.total;
        assert!(work < wait, "{backend}: {work:?} of {after:?}");
        assert_eq!(after.transactions.count, before.transactions.count + 1, "{backend}");
        assert!(after.transactions.longest >= wait, "{backend}: {after:?}");
    }
}

#[tokio::test]
async fn writes_that_share_a_commit_are_one_commit_and_a_large_group() {
    for (backend, fresh) in each(Database::options().busy_timeout(NEVER)).await {
        let db = &fresh.db;
        // Now known as a write, it queues at its first poll.
        db.execute(INSERT, params!["warm"]).await.unwrap();
        let held = db.begin().await.unwrap();
        let before = stats(db);
        let mut writes: Vec<_> = (0..7).map(|n| Box::pin(db.execute(INSERT, params![n]))).collect();
        for write in &mut writes {
            assert!(start(write).await.is_none(), "{backend}: it waits");
        }
        held.commit().await.unwrap();
        for write in writes {
            within("a write", write).await.unwrap();
        }
        let after = stats(db);
        assert_eq!(after.commits - before.commits, 2, "{backend}: the transaction, and the group");
        assert_eq!(after.writes - before.writes, 7, "{backend}: {after:?}");
        assert_eq!(after.largest_group, 7, "{backend}: {after:?}");
        assert_eq!(after.rollbacks, before.rollbacks, "{backend}");
    }
}

#[tokio::test]
async fn what_is_rolled_back_is_no_commit() {
    for (backend, fresh) in each(Options::default()).await {
        let db = &fresh.db;
        db.execute(INSERT, params!["one"]).await.unwrap();
        let before = stats(db);
        let twice = db.execute(INSERT, params!["one"]).await;
        assert_eq!(kind(twice), ErrorKind::UniqueViolation);
        assert_eq!(stats(db).rollbacks, before.rollbacks + 1, "{backend}: a write that failed");
        let mut tx = db.begin().await.unwrap();
        tx.execute(INSERT, params!["two"]).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(stats(db).rollbacks, before.rollbacks + 2, "{backend}: rolled back");
        let mut tx = db.begin().await.unwrap();
        tx.execute(INSERT, params!["three"]).await.unwrap();
        drop(tx);
        eventually("a dropped one is counted", || stats(db).rollbacks == before.rollbacks + 3)
            .await;
        let mut session = db.acquire().await.unwrap();
        session.execute("BEGIN IMMEDIATE", ()).await.unwrap();
        session.execute(INSERT, params!["four"]).await.unwrap();
        session.execute("ROLLBACK", ()).await.unwrap();
        assert_eq!(stats(db).rollbacks, before.rollbacks + 4, "{backend}: in a session");
        assert_eq!(stats(db).commits, before.commits, "{backend}");
        session.execute("BEGIN IMMEDIATE", ()).await.unwrap();
        session.execute(INSERT, params!["five"]).await.unwrap();
        session.execute("COMMIT", ()).await.unwrap();
        session.execute(INSERT, params!["six"]).await.unwrap();
        assert_eq!(stats(db).commits, before.commits + 2, "{backend}: in a session");
    }
}

#[tokio::test]
async fn whoever_holds_a_moment_of_the_database_is_the_oldest_reader_until_it_ends() {
    let age = Duration::from_millis(30);
    for (backend, fresh) in each(Options::default()).await {
        let db = &fresh.db;
        assert_eq!(stats(db).oldest_reader, None, "{backend}");
        let snapshot = db.snapshot().await.unwrap();
        tokio::time::sleep(age).await;
        let held = stats(db);
        assert!(held.oldest_reader.unwrap() >= age, "{backend}: {held:?}");
        assert!(held.busy_readers >= 1, "{backend}: {held:?}");
        drop(snapshot);
        eventually("the snapshot is over", || stats(db).oldest_reader.is_none()).await;
        assert_eq!(stats(db).busy_readers, 0, "{backend}");
        db.execute(INSERT, params!["one"]).await.unwrap();
        let mut stream = db.stream(support::ROWS_FOR_EVER, ());
        assert!(stream.try_next().await.unwrap().is_some());
        tokio::time::sleep(age).await;
        assert!(stats(db).oldest_reader.unwrap() >= age, "{backend}: a stream");
        drop(stream);
        eventually("the stream is over", || stats(db).oldest_reader.is_none()).await;
        let mut session = db.acquire().await.unwrap();
        assert_eq!(stats(db).busy_sessions, 1, "{backend}");
        let mut rows = async |sql| session.query::<(i64,)>(sql, ()).await.unwrap();
        rows("SELECT count(*) FROM items").await;
        assert_eq!(stats(db).oldest_reader, None, "{backend}: nothing is open in the session");
        rows("BEGIN").await;
        rows("SELECT count(*) FROM items").await;
        tokio::time::sleep(age).await;
        assert!(stats(db).oldest_reader.unwrap() >= age, "{backend}: a session's transaction");
        rows("COMMIT").await;
        assert_eq!(stats(db).oldest_reader, None, "{backend}: it is over");
    }
}

#[tokio::test]
async fn a_long_query_is_seen_while_it_runs_and_reading_statistics_does_not_wait_for_it() {
    let fresh = Fresh::with(Database::options().readers(1), SCHEMA).await;
    let db = &fresh.db;
    let before = stats(db);
    let mut endless = Box::pin(db.query::<(i64,)>(ENDLESS, ()));
    assert!(start(&mut endless).await.is_none());
    // A busy reader has no stand-in before 10 ms are over.
    eventually("a reader is busy", || stats(db).oldest_reader.is_some()).await;
    let mut second = Box::pin(db.query::<(i64,)>(ENDLESS, ()));
    assert!(start(&mut second).await.is_none());
    eventually("the second has waited for a reader", || stats(db).read_waits.count == 1).await;
    assert_eq!(stats(db).read_runs, before.read_runs, "none has ended");
    drop((endless, second));
    // The second may have been given up before it began.
    eventually("the first has ended", || stats(db).read_runs.count > before.read_runs.count).await;
    let after = stats(db);
    assert!(after.read_runs.longest >= Duration::from_millis(5), "{after:?}");
    assert!(after.read_waits.longest >= Duration::from_millis(5), "{after:?}");
    eventually("nobody reads", || stats(db).oldest_reader.is_none()).await;
}

#[tokio::test]
async fn those_who_find_no_reader_and_no_session_are_seen_waiting() {
    let options = Database::options().readers(1).sessions(1).acquire_timeout(HANG);
    let fresh = Fresh::with(options, SCHEMA).await;
    let db = &fresh.db;
    let streams = all_readers(db).await;
    let mut snapshot = Box::pin(db.snapshot());
    assert!(start(&mut snapshot).await.is_none());
    let session = db.acquire().await.unwrap();
    let mut another = Box::pin(db.acquire());
    assert!(start(&mut another).await.is_none());
    let during = stats(db);
    assert_eq!((during.waiting_reads, during.waiting_sessions), (1, 1), "{during:?}");
    assert_eq!(during.busy_readers as usize, streams.len(), "{during:?}");
    drop((streams, session));
    within("a snapshot", snapshot).await.unwrap();
    within("a session", another).await.unwrap();
    let after = stats(db);
    assert_eq!((after.waiting_reads, after.waiting_sessions), (0, 0), "{after:?}");
    assert_eq!(after.session_waits.count, 1, "{after:?}");
    assert!(after.read_waits.count >= 1, "{after:?}");
}

#[tokio::test]
async fn statements_are_compiled_once_and_pages_read_once() {
    for (backend, fresh) in each(Options::default()).await {
        let db = &fresh.db;
        db.execute(INSERT, params!["one"]).await.unwrap();
        let one = "SELECT name FROM items WHERE id = 1";
        db.query_one::<(String,)>(one, ()).await.unwrap();
        let before = stats(db);
        for _ in 0..50 {
            db.query_one::<(String,)>(one, ()).await.unwrap();
        }
        let after = stats(db);
        assert_eq!(after.statement_misses, before.statement_misses, "{backend}: {after:?}");
        assert_eq!(after.statement_hits, before.statement_hits + 50, "{backend}: {after:?}");
        assert!(after.page_hits >= before.page_hits + 50, "{backend}: {before:?} {after:?}");
        for number in 100..120 {
            let sql = format!("SELECT name FROM items WHERE id = {number}");
            db.query_optional::<(String,)>(&sql, ()).await.unwrap();
        }
        let last = stats(db);
        assert_eq!(last.statement_misses, after.statement_misses + 20, "{backend}: {last:?}");
        assert_eq!(last.statement_hits, after.statement_hits, "{backend}: {last:?}");
    }
}

#[tokio::test]
async fn a_transaction_larger_than_the_cache_spills() {
    for (backend, fresh) in each(Options::default()).await {
        let db = &fresh.db;
        let before = stats(db).page_spills;
        let mut tx = db.begin().await.unwrap();
        let rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
             INSERT INTO items (name) SELECT printf('%.8000c', 'x') || i FROM n";
        tx.execute(rows, ()).await.unwrap();
        tx.commit().await.unwrap();
        // Its thread may have the connection for a moment after it has reported the commit.
        eventually(backend, || stats(db).page_spills > before).await;
    }
}

#[tokio::test]
async fn the_log_grows_with_commits_and_is_empty_after_it_was_copied() {
    for (backend, fresh) in each(Options::default()).await {
        let db = &fresh.db;
        for number in 0..20 {
            db.execute(INSERT, params![number]).await.unwrap();
        }
        let grown = stats(db);
        assert!(grown.log_pages >= 20, "{backend}: {grown:?}");
        assert_eq!(grown.log_uncopied, grown.log_pages, "{backend}: {grown:?}");
        assert!(grown.pages >= 2, "{backend}: {grown:?}");
        assert_eq!(grown.page_size, 4096, "{backend}");
        let outside = fresh.outside();
        let copied = |how: &str| {
            let sql = format!("PRAGMA wal_checkpoint({how})");
            outside.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        eventually("the log is copied", || copied("PASSIVE") == 0 && stats(db).log_uncopied == 0)
            .await;
        assert_eq!(stats(db).log_pages, grown.log_pages, "{backend}: it was not emptied");
        eventually("it is emptied", || copied("TRUNCATE") == 0).await;
        let emptied = stats(db);
        assert_eq!((emptied.log_pages, emptied.log_uncopied), (0, 0), "{backend}: {emptied:?}");
        assert_eq!(emptied.pages, grown.pages, "{backend}");
    }
}

#[tokio::test]
async fn checkpoints_of_its_own_are_counted_and_those_that_a_reader_blocks() {
    let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700) \
         INSERT INTO items (name) SELECT hex(randomblob(4000)) FROM n";
    for (backend, fresh) in each(Options::default()).await {
        let db = &fresh.db;
        let snapshot = db.snapshot().await.unwrap();
        for _ in 0..8 {
            db.execute(many, ()).await.unwrap();
            // The backend of one thread copies the log after its turn.
            tokio::task::yield_now().await;
        }
        eventually("a checkpoint was blocked", || stats(db).checkpoints_blocked > 0).await;
        let blocked = stats(db);
        assert!(blocked.checkpoints >= blocked.checkpoints_blocked, "{backend}: {blocked:?}");
        assert!(blocked.log_pages > 4_000, "{backend}: {blocked:?}");
        drop(snapshot);
        for _ in 0..8 {
            db.execute(many, ()).await.unwrap();
            tokio::task::yield_now().await;
        }
        eventually("the log is small", || stats(db).log_pages < blocked.log_pages).await;
        assert!(stats(db).checkpoints > blocked.checkpoints, "{backend}");
    }
}

#[tokio::test]
async fn without_a_log_there_are_pages_and_no_log() {
    for (backend, fresh) in each(Database::options().journal_mode(JournalMode::Delete)).await {
        fresh.db.execute(INSERT, params!["one"]).await.unwrap();
        let found = stats(&fresh.db);
        assert_eq!((found.log_pages, found.checkpoints), (0, 0), "{backend}");
        let pages = support::number(&fresh.db, "PRAGMA page_count").await;
        assert_eq!(i64::from(found.pages), pages, "{backend}");
    }
}

#[tokio::test]
async fn watched_queries_are_counted_while_they_are_watched() {
    for (backend, fresh) in each(Options::default()).await {
        let db = &fresh.db;
        let mut one = db.watch("SELECT count(*) FROM items", ());
        let mut same = db.watch("SELECT count(*) FROM items", ());
        let mut other = db.watch("SELECT max(id) FROM items", ());
        for watch in [&mut one, &mut same, &mut other] {
            within("a result", watch.try_next()).await.unwrap();
        }
        assert_eq!(stats(db).watched_queries, 2, "{backend}");
        drop((one, same, other));
        assert_eq!(stats(db).watched_queries, 0, "{backend}");
    }
}

#[tokio::test]
async fn a_connection_is_counted_while_it_is_open_and_what_it_has_counted_stays() {
    for (backend, fresh) in each(Options::default()).await {
        let db = &fresh.db;
        let open = stats(db).connections;
        assert!(open >= 1, "{backend}");
        let misses = stats(db).statement_misses;
        let mut session = db.acquire().await.unwrap();
        session.execute("CREATE TEMP TABLE own (a)", ()).await.unwrap();
        assert_eq!(stats(db).connections, open + 1, "{backend}");
        drop(session);
        // Its connection is marked, and is closed.
        eventually("it is closed", || stats(db).connections == open).await;
        assert!(stats(db).statement_misses > misses, "{backend}: what it has counted stays");
    }
}

#[tokio::test]
async fn a_closed_database_has_no_statistics() {
    for (_, fresh) in each(Options::default()).await {
        fresh.db.close().await.unwrap();
        assert_eq!(kind(fresh.db.stats()), ErrorKind::Closed);
    }
}
