//! Tests that run SQLite itself on this VFS.

use rusqlite::{Connection, OpenFlags, ffi};

use super::FileError;
use super::testing::Memory;
use crate::api::database::Database;
use crate::error::ErrorKind;

fn registered(name: &str) -> Memory {
    let files = Memory::default();
    super::register(name, files.clone()).unwrap();
    files
}

fn connect(vfs: &str, flags: OpenFlags) -> Connection {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags_and_vfs("test.db", flags, vfs).unwrap();
    db.busy_timeout(std::time::Duration::ZERO).unwrap();
    db
}

const WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_CREATE);

fn count(db: &Connection) -> i64 {
    db.query_row("SELECT count(*) FROM t", (), |row| row.get(0)).unwrap()
}

#[test]
fn connections_share_a_log_without_exclusive_locking() {
    let files = registered("share-a-log");
    let a = connect("share-a-log", WRITE);
    let mode: String = a.query_row("PRAGMA journal_mode = wal", (), |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    a.execute_batch("CREATE TABLE t (x)").unwrap();
    let b = connect("share-a-log", WRITE);
    assert_eq!(count(&b), 0);
    b.execute_batch("BEGIN; SELECT * FROM t").unwrap();
    a.execute_batch("INSERT INTO t VALUES (1)").unwrap();
    assert_eq!((count(&a), count(&b)), (1, 0));
    b.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&b), 1);
    a.execute_batch("BEGIN IMMEDIATE").unwrap();
    let busy = b.execute_batch("INSERT INTO t VALUES (2)").unwrap_err();
    assert_eq!(busy.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
    a.execute_batch("INSERT INTO t VALUES (2); COMMIT").unwrap();
    assert_eq!(count(&b), 2);
    // One database and one log, each opened once, and before that a journal for the
    // change of mode.
    assert_eq!(files.opened(), (3, 2));
    drop(a);
    assert_eq!(count(&b), 2);
    drop(b);
    assert_eq!(files.opened(), (3, 0));
    assert!(files.content("test.db-wal").is_empty());
    assert_eq!(count(&connect("share-a-log", WRITE)), 2);
}

#[test]
fn a_read_does_not_ask_for_the_size_of_a_file_that_is_known() {
    let files = registered("known-size");
    let make = "PRAGMA journal_mode = wal; CREATE TABLE t (x); INSERT INTO t VALUES (1)";
    connect("known-size", WRITE).execute_batch(make).unwrap();
    // Its log is empty, so SQLite requests the size of the database file itself.
    let (a, b) = (connect("known-size", WRITE), connect("known-size", WRITE));
    assert_eq!((count(&a), count(&b)), (1, 1));
    let before = files.sized();
    for _ in 0..10 {
        assert_eq!((count(&a), count(&b)), (1, 1));
    }
    assert_eq!(files.sized(), before);
    // One connection's checkpoints make it grow and shrink, and the other sees that.
    a.execute_batch("INSERT INTO t VALUES (zeroblob(100000)); PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let grown = files.content("test.db").len();
    assert_eq!(count(&b), 2);
    a.execute_batch("DELETE FROM t; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    assert!(files.content("test.db").len() < grown);
    b.execute_batch("INSERT INTO t VALUES (zeroblob(200000)); PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    assert_eq!(count(&a), 1);
    let intact: String = a.query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(intact, "ok");
}

#[test]
fn a_file_that_others_let_grow_is_read_whole_where_it_can_not_be_written() {
    let (files, others) = (registered("grown-outside"), registered("grows"));
    let writer = connect("grows", WRITE);
    writer.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    files.set_content("test.db", others.content("test.db"));
    let reader = connect("grown-outside", OpenFlags::SQLITE_OPEN_READ_ONLY);
    assert_eq!(count(&reader), 1);
    for rows in 2..5 {
        writer.execute_batch("INSERT INTO t VALUES (zeroblob(100000))").unwrap();
        files.set_content("test.db", others.content("test.db"));
        assert_eq!(count(&reader), rows);
        let sum: i64 =
            reader.query_row("SELECT sum(length(x)) FROM t", (), |row| row.get(0)).unwrap();
        assert_eq!(sum, 1 + (rows - 1) * 100_000);
    }
}

#[test]
fn two_spellings_of_a_name_are_one_file() {
    let files = registered("spellings");
    let a = connect("spellings", WRITE);
    a.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (x)").unwrap();
    let b = connect("spellings", WRITE);
    b.execute_batch("ATTACH './././test.db' AS other; BEGIN; INSERT INTO other.t VALUES (1)")
        .unwrap();
    let busy = a.execute_batch("INSERT INTO t VALUES (2)").unwrap_err();
    assert_eq!(busy.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
    b.execute_batch("COMMIT").unwrap();
    a.execute_batch("INSERT INTO t VALUES (2)").unwrap();
    assert_eq!((count(&a), count(&b)), (2, 2));
    drop((a, b));
    assert_eq!(files.opened().1, 0);
    assert_eq!(count(&connect("spellings", WRITE)), 2);
}

#[test]
fn a_log_works_with_exclusive_locking_too() {
    let files = registered("exclusive-log");
    let a = connect("exclusive-log", WRITE);
    a.execute_batch("PRAGMA locking_mode = exclusive; PRAGMA journal_mode = wal").unwrap();
    a.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    a.execute_batch("PRAGMA synchronous = off; INSERT INTO t VALUES (2)").unwrap();
    files.writes();
    a.execute_batch("INSERT INTO t VALUES (3)").unwrap();
    // Written when it is acknowledged, though nothing was synced or unlocked.
    assert_eq!(files.writes().len(), 1);
    let b = connect("exclusive-log", WRITE);
    let busy = b.prepare("SELECT * FROM t").unwrap_err();
    assert_eq!(busy.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
    drop(b);
    drop(a);
    assert_eq!(count(&connect("exclusive-log", WRITE)), 3);
}

#[test]
fn a_commit_to_the_log_is_one_write_whatever_synchronous_is() {
    let files = registered("one-write");
    let db = connect("one-write", WRITE);
    db.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (x); CREATE INDEX i ON t (x)")
        .unwrap();
    for synchronous in ["off", "normal", "full", "extra"] {
        db.execute_batch(&format!("PRAGMA synchronous = {synchronous}")).unwrap();
        db.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        files.writes();
        db.execute_batch("INSERT INTO t VALUES (2)").unwrap();
        let writes = files.writes();
        assert_eq!(writes.len(), 1, "{synchronous}: {writes:?}");
        assert_eq!(writes[0].2, 2 * (24 + 4096));
    }
}

#[test]
fn one_that_only_reads_sees_the_log_and_leaves_it() {
    let files = registered("read-only");
    let reader_first = Connection::open_with_flags_and_vfs(
        "test.db",
        OpenFlags::SQLITE_OPEN_READ_ONLY,
        "read-only",
    );
    assert!(reader_first.is_err(), "it is not created");
    let a = connect("read-only", WRITE);
    a.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .unwrap();
    let reader = connect("read-only", OpenFlags::SQLITE_OPEN_READ_ONLY);
    assert_eq!(count(&reader), 1);
    let refused = reader.execute_batch("INSERT INTO t VALUES (2)").unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
    drop(a);
    assert_eq!(count(&reader), 1);
    let again = connect("read-only", WRITE);
    again.execute_batch("INSERT INTO t VALUES (2)").unwrap();
    assert_eq!(count(&reader), 2);
    drop(again);
    drop(reader);
    assert_eq!(files.opened().1, 0);
}

#[test]
fn a_file_first_opened_for_reading_can_be_written_by_the_next() {
    registered("reopened");
    connect("reopened", WRITE).execute_batch("CREATE TABLE t (x)").unwrap();
    let reader = connect("reopened", OpenFlags::SQLITE_OPEN_READ_ONLY);
    assert_eq!(count(&reader), 0);
    let writer = connect("reopened", WRITE);
    writer.execute_batch("INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(count(&reader), 1);
}

#[test]
fn two_connections_take_turns_with_a_rollback_journal() {
    for mode in ["delete", "truncate", "persist"] {
        let vfs = format!("turns-{mode}");
        let files = registered(&vfs);
        let (a, b) = (connect(&vfs, WRITE), connect(&vfs, WRITE));
        a.execute_batch(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE t (x)")).unwrap();
        assert_eq!(count(&b), 0);
        b.execute_batch("BEGIN; SELECT * FROM t; INSERT INTO t VALUES (1)").unwrap();
        assert_eq!(count(&a), 0);
        let busy = a.execute_batch("INSERT INTO t VALUES (2)").unwrap_err();
        assert_eq!(busy.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
        b.execute_batch("COMMIT").unwrap();
        // `b` deletes the journal that `a` may keep open.
        a.execute_batch("INSERT INTO t VALUES (2)").unwrap();
        b.execute_batch("INSERT INTO t VALUES (3)").unwrap();
        a.execute_batch("INSERT INTO t VALUES (4)").unwrap();
        assert_eq!((count(&a), count(&b)), (4, 4));
        drop((a, b));
        assert_eq!(files.opened().1, 0);
    }
}

#[test]
fn temporary_tables_and_sorting_need_no_files() {
    let files = registered("temporary");
    let db = connect("temporary", WRITE);
    db.execute_batch(
        "PRAGMA temp_store = file; PRAGMA cache_size = 1; PRAGMA temp.cache_size = 1;
         CREATE TEMP TABLE t (x);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO t SELECT hex(randomblob(40)) FROM n;
         CREATE INDEX temp.i ON t (x);
         BEGIN; UPDATE t SET x = x || 'y'; ROLLBACK;",
    )
    .unwrap();
    let sorted: String = db
        .query_row("SELECT x FROM t ORDER BY substr(x, 3) LIMIT 1 OFFSET 10000", (), |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(sorted.len(), 80);
    let check: String = db.query_row("PRAGMA temp.integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    assert_eq!(files.writes(), []);
}

#[test]
fn a_vacuum_and_a_backup_into_a_file_work() {
    let files = registered("vacuum");
    let db = connect("vacuum", WRITE);
    db.execute_batch(
        "CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(100000)); DELETE FROM t;
         VACUUM; VACUUM INTO 'copy.db'; ATTACH 'copy.db' AS copy;
         PRAGMA journal_mode = delete;
         BEGIN; INSERT INTO main.t VALUES (1); INSERT INTO copy.t VALUES (1); COMMIT;",
    )
    .unwrap();
    assert!(files.content("test.db").len() < 20_000);
    assert!(files.content("copy.db").len() < 20_000);
    let names: Vec<_> = files.writes().into_iter().map(|(name, ..)| name).collect();
    assert!(names.iter().any(|name| name.starts_with("test.db-mj")), "a journal of two databases");
}

#[test]
fn time_and_random_bytes_come_from_the_default_vfs() {
    registered("time");
    let db = connect("time", WRITE);
    let year: String = db.query_row("SELECT strftime('%Y', 'now')", (), |row| row.get(0)).unwrap();
    assert!(year.parse::<i32>().unwrap() >= 2025);
}

#[tokio::test]
async fn a_database_opens_on_registered_files_with_all_its_readers() {
    let files = registered("whole");
    let db = Database::options().vfs("whole").open("app.db").await.unwrap();
    db.batch("CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)").await.unwrap();
    let sums = (0..50).map(|_| db.query_value::<i64>("SELECT sum(x) FROM t", ()));
    for sum in sums {
        assert_eq!(sum.await.unwrap(), 3);
    }
    db.execute("UPDATE t SET x = 10", ()).await.unwrap();
    assert_eq!(db.query_value::<i64>("SELECT sum(x) FROM t", ()).await.unwrap(), 20);
    let snapshot = db.snapshot().await.unwrap();
    assert_eq!(snapshot.query_value::<i64>("SELECT sum(x) FROM t", ()).await.unwrap(), 20);
    drop(snapshot);
    db.close().await.unwrap();
    assert_eq!(files.opened().1, 0);
    assert!(files.content("app.db-wal").is_empty());
    let again = Database::options().vfs("whole").open_single_thread("app.db").unwrap();
    assert_eq!(again.query_value::<i64>("SELECT sum(x) FROM t", ()).await.unwrap(), 20);
}

#[tokio::test]
async fn names_that_can_not_be_are_refused_in_words() {
    registered("names");
    let long = "x".repeat(super::LONGEST_NAME + 1);
    let error = Database::options().vfs("names").open(&long).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotOpen);
    assert!(error.to_string().contains("longer than"), "{error}");
    let longest = "x".repeat(super::LONGEST_NAME);
    Database::options().vfs("names").open(&longest).await.unwrap();
    let error = Database::options().vfs("nowhere").open("app.db").await.unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    let memory = Database::options().vfs("names").open(":memory:").await.unwrap();
    memory.batch("CREATE TABLE t (x)").await.unwrap();
    assert!(super::register("names", Memory::default()).is_err());
    assert!(super::register("", Memory::default()).is_err());
}

/// Opens nothing.
#[derive(Debug)]
struct Refusing(FileError);

impl super::Files for Refusing {
    fn open(&self, _: &str, _: bool, _: bool) -> Result<super::FileNumber, FileError> {
        Err(self.0)
    }
    fn close(&self, _: super::FileNumber) {}
    fn read(&self, _: super::FileNumber, _: &mut [u8], _: u64) -> Result<usize, FileError> {
        Err(self.0)
    }
    fn write(&self, _: super::FileNumber, _: &[u8], _: u64) -> Result<(), FileError> {
        Err(self.0)
    }
    fn truncate(&self, _: super::FileNumber, _: u64) -> Result<(), FileError> {
        Err(self.0)
    }
    fn sync(&self, _: super::FileNumber) -> Result<(), FileError> {
        Err(self.0)
    }
    fn size(&self, _: super::FileNumber) -> Result<u64, FileError> {
        Err(self.0)
    }
    fn remove(&self, _: &str) -> Result<(), FileError> {
        Err(self.0)
    }
    fn exists(&self, _: &str) -> bool {
        false
    }
}

#[test]
fn what_can_not_be_opened_tells_why() {
    for (error, kind, code) in [
        (FileError::Io, ErrorKind::CannotOpen, ffi::SQLITE_CANTOPEN),
        (FileError::NotFound, ErrorKind::CannotOpen, ffi::SQLITE_CANTOPEN),
        (FileError::Full, ErrorKind::DiskFull, ffi::SQLITE_FULL),
        (FileError::Denied, ErrorKind::CannotOpen, ffi::SQLITE_PERM),
        (FileError::Directory, ErrorKind::CannotOpen, ffi::SQLITE_CANTOPEN_ISDIR),
        (FileError::Held, ErrorKind::Busy, ffi::SQLITE_BUSY),
        (FileError::Unavailable, ErrorKind::Unsupported, ffi::SQLITE_NOLFS),
    ] {
        let vfs = format!("refusing-{error:?}");
        super::register(&vfs, Refusing(error)).unwrap();
        let refused = Database::options().vfs(vfs).open_single_thread("app.db").unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (kind, Some(code)), "{error:?}");
    }
}

#[tokio::test]
async fn a_commit_into_files_that_have_moved_is_refused_and_leaves_no_log() {
    let files = registered("moved");
    let options = Database::options().vfs("moved").inline(false);
    let db = options.open("app.db").await.unwrap();
    db.batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").await.unwrap();
    files.set_moved();
    let error = db.execute("INSERT INTO t VALUES (2)", ()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::ReadOnly, Some(1032)));
    assert_eq!(db.query_value::<i64>("SELECT count(*) FROM t", ()).await.unwrap(), 1);
    assert!(files.content("app.db-wal").is_empty());
    db.close().await.unwrap();
}
