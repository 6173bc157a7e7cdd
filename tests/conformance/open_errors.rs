//! Opening a file that is not a database fails, and leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

#[allow(dead_code, reason = "each test program uses its part")]
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use support::{Other, eventually, fresh, outside, ready, role};
use ubiqlite::{Database, Error, ErrorKind, Options, Row, record};

async fn refused(options: Options, path: &Path) -> Error {
    let error = options.open(path).await.expect_err("it opened");
    assert_eq!(error.path(), Some(path), "{error}");
    assert!(error.message().contains(path.to_str().unwrap()), "{error}");
    error
}

/// Checks that a file with these bytes is refused with one of these kinds, and left unchanged,
/// with no other file next to it.
async fn refuses_file(bytes: &[u8], kinds: &[ErrorKind]) {
    for options in [Database::options(), Database::options().read_only(true)] {
        let (dir, path) = fresh();
        std::fs::write(&path, bytes).unwrap();
        let error = refused(options, &path).await;
        assert!(kinds.contains(&error.kind()), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "it was changed");
        let files = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files, 1, "something was left beside it");
    }
}

/// Returns the bytes of a sound database with many pages.
fn database() -> Vec<u8> {
    let (_dir, path) = fresh();
    let made = outside(&path);
    made.execute_batch(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
         WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO items SELECT i, hex(randomblob(20)) FROM n;",
    )
    .unwrap();
    made.close().unwrap();
    std::fs::read(&path).unwrap()
}

/// Returns bytes without any pattern, but always the same.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let (dir, _) = fresh();
    let path = dir.path().join("no/such/app.db");
    let error = refused(Database::options(), &path).await;
    assert_eq!(error.kind(), ErrorKind::CannotOpen);
    assert!(!dir.path().join("no").exists());
}

#[tokio::test]
async fn a_directory_is_no_database() {
    let (dir, _) = fresh();
    for options in [Database::options(), Database::options().read_only(true)] {
        assert_eq!(refused(options, dir.path()).await.kind(), ErrorKind::CannotOpen);
    }
}

#[tokio::test]
async fn a_missing_file_is_made_only_where_that_is_wanted() {
    let (_dir, path) = fresh();
    for options in [
        Database::options().create(false),
        Database::options().read_only(true),
        Database::options().read_only(true).create(true),
    ] {
        assert_eq!(refused(options, &path).await.kind(), ErrorKind::CannotOpen);
        assert!(!path.exists());
    }
    Database::open(&path).await.unwrap().close().await.unwrap();
    Database::options().create(false).open(&path).await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_text_file_is_no_database() {
    refuses_file(b"hello, I am a text\n", &[ErrorKind::NotADatabase]).await;
    let long = "a line of a longer text\n".repeat(1_000);
    refuses_file(long.as_bytes(), &[ErrorKind::NotADatabase]).await;
}

#[tokio::test]
async fn an_encrypted_file_is_no_database() {
    refuses_file(&noise(64 * 1024), &[ErrorKind::NotADatabase]).await;
}

#[tokio::test]
async fn a_damaged_schema_page_is_found_at_opening() {
    let mut bytes = database();
    bytes[100..4096].copy_from_slice(&noise(3996));
    refuses_file(&bytes, &[ErrorKind::Corrupt]).await;
}

#[tokio::test]
async fn a_truncated_file_is_found_at_opening() {
    let bytes = database();
    refuses_file(&bytes[..3 * 4096], &[ErrorKind::Corrupt]).await;
    refuses_file(&bytes[..4096], &[ErrorKind::Corrupt]).await;
    refuses_file(&bytes[..1000], &[ErrorKind::Corrupt, ErrorKind::NotADatabase]).await;
    refuses_file(&bytes[..60], &[ErrorKind::Corrupt, ErrorKind::NotADatabase]).await;
}

#[tokio::test]
async fn an_empty_file_is_an_empty_database() {
    let (_dir, path) = fresh();
    std::fs::write(&path, b"").unwrap();
    let db = Database::options().create(false).open(&path).await.unwrap();
    db.batch("CREATE TABLE t (a)").await.unwrap();
    db.close().await.unwrap();
}

#[tokio::test]
async fn a_file_opened_read_only_refuses_writes_and_is_left_as_it_was() {
    let (dir, path) = fresh();
    let bytes = database();
    std::fs::write(&path, &bytes).unwrap();
    let db = Database::options().read_only(true).open(&path).await.unwrap();
    assert_eq!(db.table("items").count().await.unwrap(), 5_000);
    let error = db.table("items").insert(record! { "name" => "x" }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    db.close().await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

fn entries(of: &str) -> usize {
    std::fs::read_dir(of).unwrap().count()
}

/// Runs in its own process, because the open handles of other tests would be counted.
#[tokio::test]
async fn a_thousand_databases_leave_no_thread_and_no_handle() {
    const NAME: &str = "a_thousand_databases_leave_no_thread_and_no_handle";
    let Some((_, path)) = role() else {
        let (dir, _) = fresh();
        return Other::start(NAME, "opener", dir.path()).finish();
    };
    ready();
    let one = async |number: usize| {
        let db = Database::open(path.join(format!("{}.db", number % 10))).await.unwrap();
        db.execute("CREATE TABLE IF NOT EXISTS t (a)", ()).await.unwrap();
        let _: i64 = db.query_value("SELECT count(*) FROM t", ()).await.unwrap();
        match number % 4 {
            0 => db.close().await.unwrap(),
            1 => drop(db),
            2 => {
                let kept = db.stream("SELECT * FROM t", ());
                let session = db.acquire().await.unwrap();
                drop((kept, session));
                db.close().await.unwrap();
            }
            _ => {
                let (snapshot, tx) = (db.snapshot().await.unwrap(), db.begin().await.unwrap());
                drop((db, tx, snapshot));
            }
        }
    };
    one(0).await;
    let settled = || (entries("/proc/self/task"), entries("/proc/self/fd"));
    let alone = || settled().0 <= 2;
    assert!(eventually(Duration::from_secs(5), alone), "{:?}", settled());
    let before = settled();
    for number in 0..1_000 {
        one(number).await;
    }
    let gone =
        eventually(Duration::from_secs(10), || settled().0 <= before.0 && settled().1 <= before.1);
    assert!(gone, "threads and handles: {before:?} before, {:?} after", settled());
}

/// Uses every reader of the pool at once.
async fn all_readers_work(db: &Database, readers: usize) {
    let mut streams = Vec::new();
    for _ in 0..readers {
        let mut stream = db.stream("SELECT * FROM items", ());
        let row = tokio::time::timeout(Duration::from_secs(5), stream.try_next()).await;
        assert!(row.expect("a reader was lost").unwrap().is_some());
        streams.push(stream);
    }
    for stream in streams {
        assert_eq!(stream.collect::<Row>().await.unwrap().len(), 4_998, "one of 4,999 was read");
    }
}

#[tokio::test]
async fn a_pool_survives_connections_that_fail_to_open() {
    let (dir, path) = fresh();
    std::fs::write(&path, database()).unwrap();
    let options = Database::options().readers(3).sessions(2);
    let options = options.acquire_timeout(Duration::from_secs(3));
    let db = options.open(&path).await.unwrap();
    // The writer has the file open. The readers, opened when first needed, find none.
    let away: PathBuf = dir.path().join("away.db");
    for round in 0..20 {
        std::fs::rename(&path, &away).unwrap();
        let read = db.query::<Row>("SELECT * FROM items", ()).await.unwrap_err();
        assert_eq!(read.kind(), ErrorKind::CannotOpen, "round {round}: {read}");
        assert_eq!(read.path(), Some(path.as_path()));
        let counted = db.table("items").count().await.unwrap_err();
        assert_eq!(counted.kind(), ErrorKind::CannotOpen);
        let streamed = db.stream("SELECT * FROM items", ()).try_next().await.unwrap_err();
        assert_eq!(streamed.kind(), ErrorKind::CannotOpen);
        assert_eq!(db.snapshot().await.err().unwrap().kind(), ErrorKind::CannotOpen);
        assert_eq!(db.acquire().await.err().unwrap().kind(), ErrorKind::CannotOpen);
        let many = (0..10).map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.table("items").count().await })
        });
        for read in many.collect::<Vec<_>>() {
            assert_eq!(read.await.unwrap().unwrap_err().kind(), ErrorKind::CannotOpen);
        }
        std::fs::rename(&away, &path).unwrap();
    }
    let mut first = db.acquire().await.unwrap();
    let mut second = db.acquire().await.unwrap();
    assert_eq!(first.query_value::<i64>("SELECT count(*) FROM items", ()).await.unwrap(), 5_000);
    second.execute("DELETE FROM items WHERE id = 1", ()).await.unwrap();
    drop((first, second));
    all_readers_work(&db, 3).await;
    db.close().await.unwrap();
}
