//! Storages that are slow, refuse, or are no folder.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use ubiqlite::{ReplicaMoment, ReplicaStorage, SnapshotReason, restore_replica_from};

use super::{Place, flush, pages, within};

/// Files in memory, which are stored only while the gate is open.
#[derive(Default)]
struct Gate {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    closed: Mutex<bool>,
    opened: Condvar,
    refusing: AtomicBool,
    /// Nothing can be removed.
    locked: AtomicBool,
}

impl Gate {
    fn set_closed(&self, closed: bool) {
        *self.closed.lock().unwrap() = closed;
        self.opened.notify_all();
    }
}

/// What the replica has of it.
#[derive(Clone)]
struct Gated(Arc<Gate>);

impl ReplicaStorage for Gated {
    fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        if name.starts_with("ltx/") {
            let closed = self.0.closed.lock().unwrap();
            drop(self.0.opened.wait_while(closed, |closed| *closed).unwrap());
        }
        if self.0.refusing.load(Ordering::SeqCst) {
            return Err(io::Error::other("the bucket is gone"));
        }
        self.0.files.lock().unwrap().insert(name.to_owned(), bytes);
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.files.lock().unwrap().keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        match self.0.files.lock().unwrap().get(name) {
            Some(bytes) => Ok(Box::new(io::Cursor::new(bytes.clone()))),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if self.0.locked.load(Ordering::SeqCst) {
            return Err(io::Error::other("no right to remove"));
        }
        self.0.files.lock().unwrap().remove(name);
        Ok(())
    }
}

async fn check(place: &Place, gate: &Arc<Gate>) {
    let to = place.path("restored.db");
    let from = Arc::new(Gated(Arc::clone(gate)));
    restore_replica_from(from, ReplicaMoment::Latest, &to).await.unwrap();
    let now = pages(&place.db).await;
    assert!(std::fs::read(&to).unwrap() == now);
    std::fs::remove_file(&to).unwrap();
}

#[tokio::test]
async fn writers_never_wait_for_a_storage_and_what_waits_is_merged() {
    let place = Place::new().await;
    let gate = Arc::new(Gate::default());
    let replica = place.db.replicate_to(Gated(Arc::clone(&gate))).interval(Duration::ZERO);
    let replica = replica.memory(2 * 1024 * 1024).await.unwrap();
    place.insert(1_000).await;
    let before = flush(&replica).await;
    gate.set_closed(true);
    // More than fits, in far fewer pages than that.
    for round in 0..3_000 {
        let sql = "INSERT OR REPLACE INTO items (id, name, data) VALUES (?, 'x', randomblob(4000))";
        within("a write", place.db.execute(sql, [round % 50])).await.unwrap();
    }
    let state = replica.state();
    assert_eq!(state.transaction, before.transaction, "the gate is closed");
    assert_eq!(state.lag, 3_000);
    assert!(state.waiting <= 2 * 1024 * 1024, "{state:?}");
    let log = std::fs::metadata(place.path("app.db-wal")).unwrap().len();
    assert!(log < 6_000 * 4_120, "the log grows: {log} bytes");
    gate.set_closed(false);
    let state = flush(&replica).await;
    assert_eq!((state.snapshots, state.lag, state.waiting), (1, 0, 0), "{state:?}");
    assert_eq!(state.transaction, before.transaction + 3_000);
    check(&place, &gate).await;
    assert!(gate.files.lock().unwrap().len() < 1_000, "they were merged");
}

#[tokio::test]
async fn more_than_the_memory_holds_is_stored_as_all_pages() {
    let place = Place::new().await;
    let gate = Arc::new(Gate::default());
    let replica = place.db.replicate_to(Gated(Arc::clone(&gate))).memory(256 * 1024);
    let replica = replica.await.unwrap();
    flush(&replica).await;
    gate.set_closed(true);
    place.insert(1_000).await;
    for _ in 0..100 {
        within("a write", place.insert(100_000)).await;
    }
    gate.set_closed(false);
    let state = flush(&replica).await;
    assert!(matches!(state.last_snapshot, Some((_, SnapshotReason::Memory))), "{state:?}");
    check(&place, &gate).await;
    // One transaction that is larger.
    place.insert(900_000).await;
    flush(&replica).await;
    check(&place, &gate).await;
}

#[tokio::test]
async fn a_storage_that_removes_nothing_stores_no_page_again_for_that() {
    let place = Place::new().await;
    let gate = Arc::new(Gate::default());
    gate.locked.store(true, Ordering::SeqCst);
    let replica = place.db.replicate_to(Gated(Arc::clone(&gate))).memory(256 * 1024);
    let replica = replica.snapshot_every(None).keep(Duration::ZERO).await.unwrap();
    place.insert(1_000).await;
    flush(&replica).await;
    gate.set_closed(true);
    for _ in 0..100 {
        place.insert(100_000).await;
    }
    gate.set_closed(false);
    // More than the memory holds: all pages are stored, and older files are to go.
    let state = flush(&replica).await;
    assert_eq!((state.snapshots, state.lag), (2, 0), "{state:?}");
    within("the error", async {
        while replica.state().error.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(replica.state().error.unwrap().contains("no right to remove"));
    place.insert(1_000).await;
    let state = flush(&replica).await;
    assert_eq!((state.snapshots, state.lag), (2, 0), "{state:?}");
    check(&place, &gate).await;
}

#[tokio::test]
async fn a_storage_that_refuses_is_tried_again_and_fails_no_write() {
    let place = Place::new().await;
    let gate = Arc::new(Gate::default());
    gate.refusing.store(true, Ordering::SeqCst);
    let replica = place.db.replicate_to(Gated(Arc::clone(&gate))).interval(Duration::ZERO);
    let replica = replica.await.unwrap();
    for refusing in [true, false, true, false] {
        gate.refusing.store(refusing, Ordering::SeqCst);
        place.insert(1_000).await;
        if refusing {
            within("the error", async {
                while replica.state().error.is_none() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
            let state = replica.state();
            assert!(state.error.unwrap().contains("the bucket is gone"));
            assert!(state.lag > 0);
        } else {
            let state = flush(&replica).await;
            assert_eq!((state.error, state.lag), (None, 0));
            check(&place, &gate).await;
        }
    }
}

#[tokio::test]
async fn closing_does_not_wait_for_ever_for_a_storage() {
    let place = Place::new().await;
    let gate = Arc::new(Gate::default());
    let replica = place.db.replicate_to(Gated(Arc::clone(&gate)));
    let replica = replica.close_timeout(Duration::from_millis(50)).await.unwrap();
    flush(&replica).await;
    gate.set_closed(true);
    place.insert(1_000).await;
    within("closing", place.db.close()).await.unwrap();
    assert!(!place.path("app.db-wal").exists(), "the last connection removes the log");
    gate.set_closed(false);
}

#[tokio::test]
async fn stopping_tells_that_not_all_was_stored() {
    let place = Place::new().await;
    let gate = Arc::new(Gate::default());
    let replica = place.db.replicate_to(Gated(Arc::clone(&gate)));
    let replica = replica.close_timeout(Duration::from_millis(300)).await.unwrap();
    flush(&replica).await;
    gate.refusing.store(true, Ordering::SeqCst);
    place.insert(1_000).await;
    let error = within("stopping", replica.stop()).await.unwrap_err();
    assert!(error.message().contains("the bucket is gone"), "{error}");
    assert!(replica.state().ended);
    // Another one goes on from what is stored.
    gate.refusing.store(false, Ordering::SeqCst);
    let replica = place.db.replicate_to(Gated(Arc::clone(&gate))).await.unwrap();
    let state = flush(&replica).await;
    assert!(matches!(state.last_snapshot, Some((_, SnapshotReason::Differs))), "{state:?}");
    check(&place, &gate).await;
}

#[tokio::test]
async fn closing_a_database_in_memory_does_not_wait_for_ever_for_a_storage() {
    let db = ubiqlite::Database::open(":memory:").await.unwrap();
    db.batch("CREATE TABLE a (b); INSERT INTO a VALUES (7)").await.unwrap();
    let gate = Arc::new(Gate::default());
    gate.set_closed(true);
    let replica = db.replicate_to(Gated(Arc::clone(&gate)));
    let _replica = replica.close_timeout(Duration::from_millis(50)).await.unwrap();
    within("closing", db.close()).await.unwrap();
    gate.set_closed(false);
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever_for_a_storage_that_does_not_return() {
    let place = Place::new().await;
    let gate = Arc::new(Gate::default());
    let replica = place.db.replicate_to(Gated(Arc::clone(&gate)));
    let replica = replica.close_timeout(Duration::from_millis(50)).await.unwrap();
    let stored = flush(&replica).await.transaction;
    gate.set_closed(true);
    place.insert(1_000).await;
    while replica.state().waiting == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let error = within("stopping", replica.stop()).await.unwrap_err();
    assert_eq!(error.kind(), ubiqlite::ErrorKind::Io, "{error}");
    assert!(error.message().contains("has not returned"), "{error}");
    assert!(!replica.state().ended, "its file may still be stored");
    place.insert(1_000).await;
    gate.set_closed(false);
    within("its end", async {
        while !replica.state().ended {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(replica.state().transaction <= stored + 1, "nothing is stored after it");
}
