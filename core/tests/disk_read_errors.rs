//! Reads that fail with a disk error: SQLite then ends their transaction, and later reads
//! must not see a later moment.
#![cfg(feature = "single-thread")]
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::within;
use ubiqlite::ext::vfs::{FileError, FileNumber, Files};
use ubiqlite::{Begin, Database, ErrorKind, Options};

/// Files in memory whose reads fail on request.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<DiskState>>);

#[derive(Default)]
struct DiskState {
    content: HashMap<String, Vec<u8>>,
    open: HashMap<FileNumber, String>,
    next: FileNumber,
    broken: bool,
}

impl Disk {
    fn break_down(&self, broken: bool) {
        self.0.lock().unwrap().broken = broken;
    }
}

impl DiskState {
    fn file(&mut self, file: FileNumber) -> Result<&mut Vec<u8>, FileError> {
        let name = self.open.get(&file).ok_or(FileError::Io)?;
        self.content.get_mut(name).ok_or(FileError::NotFound)
    }
}

impl Files for Disk {
    fn open(&self, name: &str, create: bool, _read_only: bool) -> Result<FileNumber, FileError> {
        let mut state = self.0.lock().unwrap();
        if !create && !state.content.contains_key(name) {
            return Err(FileError::NotFound);
        }
        state.content.entry(name.to_owned()).or_default();
        state.next += 1;
        let file = state.next;
        state.open.insert(file, name.to_owned());
        Ok(file)
    }

    fn close(&self, file: FileNumber) {
        self.0.lock().unwrap().open.remove(&file);
    }

    fn read(&self, file: FileNumber, into: &mut [u8], at: u64) -> Result<usize, FileError> {
        let mut state = self.0.lock().unwrap();
        if state.broken {
            return Err(FileError::Io);
        }
        let content = state.file(file)?;
        let at = usize::try_from(at).unwrap().min(content.len());
        let count = into.len().min(content.len() - at);
        into[..count].copy_from_slice(&content[at..at + count]);
        Ok(count)
    }

    fn write(&self, file: FileNumber, from: &[u8], at: u64) -> Result<(), FileError> {
        let mut state = self.0.lock().unwrap();
        let at = usize::try_from(at).unwrap();
        let content = state.file(file)?;
        let end = content.len().max(at + from.len());
        content.resize(end, 0);
        content[at..at + from.len()].copy_from_slice(from);
        Ok(())
    }

    fn truncate(&self, file: FileNumber, size: u64) -> Result<(), FileError> {
        self.0.lock().unwrap().file(file)?.resize(usize::try_from(size).unwrap(), 0);
        Ok(())
    }

    fn sync(&self, _file: FileNumber) -> Result<(), FileError> {
        Ok(())
    }

    fn size(&self, file: FileNumber) -> Result<u64, FileError> {
        Ok(self.0.lock().unwrap().file(file)?.len() as u64)
    }

    fn remove(&self, name: &str) -> Result<(), FileError> {
        self.0.lock().unwrap().content.remove(name);
        Ok(())
    }

    fn exists(&self, name: &str) -> bool {
        self.0.lock().unwrap().content.contains_key(name)
    }
}

/// Opens databases with one value and a table too large for any cache, on each backend, with
/// and without leases.
async fn databases() -> Vec<(Database, Disk)> {
    static NAMES: AtomicU32 = AtomicU32::new(0);
    let mut databases = Vec::new();
    for (single_thread, leases) in [(true, true), (false, true), (false, false)] {
        let name = format!("breaking-{}", NAMES.fetch_add(1, Ordering::Relaxed));
        let disk = Disk::default();
        ubiqlite::ext::vfs::register(&name, disk.clone()).unwrap();
        let options = Options::default().leases(leases).cache_kib(16).vfs(name);
        let options = options.wal_limit(1 << 40).stall_timeout(Duration::from_secs(600));
        let db = if single_thread {
            options.open_single_thread("app")
        } else {
            options.open("app").await
        };
        let db = db.unwrap();
        db.batch(
            "CREATE TABLE one (v); INSERT INTO one VALUES (1);
             CREATE TABLE big (x);
             INSERT INTO big WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
                 SELECT hex(randomblob(1000)) FROM n;",
        )
        .await
        .unwrap();
        databases.push((db, disk));
    }
    databases
}

const VALUE: &str = "SELECT v FROM one";
const BIG: &str = "SELECT sum(length(x)) FROM big";

#[tokio::test]
async fn a_snapshot_that_met_an_error_of_the_disk_never_reads_a_later_moment() {
    for (db, disk) in databases().await {
        let snapshot = within("a snapshot", db.snapshot()).await.unwrap();
        assert_eq!(snapshot.query_value::<i64>(VALUE, ()).await.unwrap(), 1);
        db.execute("UPDATE one SET v = 2", ()).await.unwrap();
        disk.break_down(true);
        let met = snapshot.query_value::<i64>(BIG, ()).await.unwrap_err();
        assert_eq!(met.kind(), ErrorKind::Io, "{met}");
        disk.break_down(false);
        for value in 3..10 {
            let error = snapshot.query_value::<i64>(VALUE, ()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
            assert!(error.message().contains("the snapshot was lost"), "{error}");
            let mut rows = snapshot.stream(VALUE, ());
            assert_eq!(rows.try_next().await.unwrap_err().kind(), ErrorKind::Cancelled);
            assert!(snapshot.table("one").stream().await.is_err());
            db.execute("UPDATE one SET v = ?", [value]).await.unwrap();
        }
        drop(snapshot);
        // The reader serves others as if nothing had happened.
        let snapshot = within("a snapshot", db.snapshot()).await.unwrap();
        assert_eq!(snapshot.query_value::<i64>(VALUE, ()).await.unwrap(), 9);
        assert!(snapshot.query_value::<i64>(BIG, ()).await.unwrap() > 0);
    }
}

#[tokio::test]
async fn a_snapshot_whose_stream_met_an_error_of_the_disk_is_over() {
    for (db, disk) in databases().await {
        let snapshot = within("a snapshot", db.snapshot()).await.unwrap();
        assert_eq!(snapshot.query_value::<i64>(VALUE, ()).await.unwrap(), 1);
        db.execute("UPDATE one SET v = 2", ()).await.unwrap();
        disk.break_down(true);
        let mut rows = snapshot.stream("SELECT x FROM big", ());
        let met = loop {
            match rows.try_next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the disk is broken"),
                Err(error) => break error,
            }
        };
        assert_eq!(met.kind(), ErrorKind::Io, "{met}");
        drop(rows);
        disk.break_down(false);
        for _ in 0..5 {
            match snapshot.query_value::<i64>(VALUE, ()).await {
                // Another reader of the same moment may still have it.
                Ok(value) => assert_eq!(value, 1),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}"),
            }
        }
    }
}

#[tokio::test]
async fn a_transaction_that_met_an_error_of_the_disk_reads_and_writes_nothing_more() {
    for (db, disk) in databases().await {
        for begin in [Begin::Immediate, Begin::Deferred] {
            let mut tx = db.begin_with(begin).await.unwrap();
            let before: i64 = tx.query_value(VALUE, ()).await.unwrap();
            if begin == Begin::Immediate {
                tx.execute("UPDATE one SET v = 50", ()).await.unwrap();
            }
            disk.break_down(true);
            assert!(tx.query_value::<i64>(BIG, ()).await.is_err());
            disk.break_down(false);
            let lost = tx.query_value::<i64>(VALUE, ()).await.unwrap_err();
            assert_eq!(lost.kind(), ErrorKind::Cancelled, "{lost}");
            let mut rows = tx.stream(VALUE, ());
            assert_eq!(rows.try_next().await.unwrap_err().kind(), ErrorKind::Cancelled);
            drop(rows);
            assert!(tx.execute("UPDATE one SET v = 60", ()).await.is_err());
            assert!(tx.commit().await.is_err());
            assert_eq!(db.query_value::<i64>(VALUE, ()).await.unwrap(), before);
        }
    }
}

#[tokio::test]
async fn a_session_whose_own_transaction_was_lost_reads_nothing_as_if_it_were_in_it() {
    for (db, disk) in databases().await {
        let mut session = db.acquire().await.unwrap();
        session.execute("BEGIN", ()).await.unwrap();
        assert_eq!(session.query_value::<i64>(VALUE, ()).await.unwrap(), 1);
        db.execute("UPDATE one SET v = 2", ()).await.unwrap();
        disk.break_down(true);
        assert!(session.query_value::<i64>(BIG, ()).await.is_err());
        disk.break_down(false);
        let lost = session.query_value::<i64>(VALUE, ()).await.unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::Cancelled, "{lost}");
        let mut rows = session.stream(VALUE, ());
        assert_eq!(rows.try_next().await.unwrap_err().kind(), ErrorKind::Cancelled);
        drop(rows);
        session.execute("ROLLBACK", ()).await.unwrap();
        assert_eq!(session.query_value::<i64>(VALUE, ()).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn a_read_after_one_that_met_an_error_of_the_disk_sees_the_newest_commit() {
    for (db, disk) in databases().await {
        for value in 2..6 {
            disk.break_down(true);
            assert!(db.query_value::<i64>(BIG, ()).await.is_err());
            disk.break_down(false);
            db.execute("UPDATE one SET v = ?", [value]).await.unwrap();
            assert_eq!(db.query_value::<i64>(VALUE, ()).await.unwrap(), value);
            assert!(db.query_value::<i64>(BIG, ()).await.unwrap() > 0);
        }
    }
}
