//! Two replicas in one storage that can't refuse the second itself.

use std::io::{self, BufRead as _, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use ubiqlite::{
    Database, ErrorKind, ReplicaFolder, ReplicaMoment, ReplicaStorage, SnapshotReason,
    restore_replica_from,
};

use super::{Place, flush, options, pages, within};

const MARK: &str = "ubiqlite.owner";

/// Files in a folder, without its lock: as an object store, it stores whatever anybody sends. While it
/// is held up, files wait on their way.
#[derive(Clone)]
struct Store {
    files: ReplicaFolder,
    held: Arc<(Mutex<bool>, Condvar)>,
    /// It marks nothing.
    refusing: Arc<AtomicBool>,
}

impl Store {
    fn new(folder: &Path) -> Self {
        let files = ReplicaFolder::new(folder.join("replica"));
        Self { files, held: Arc::default(), refusing: Arc::default() }
    }

    fn hold_up(&self, held: bool) {
        *self.held.0.lock().unwrap() = held;
        self.held.1.notify_all();
    }

    fn is_marked(&self) -> bool {
        self.files.path().join(MARK).exists()
    }

    async fn restored(&self, place: &Place) -> Vec<u8> {
        let to = place.path("restored.db");
        let from = Arc::new(self.clone());
        restore_replica_from(from, ReplicaMoment::Latest, &to).await.unwrap();
        let bytes = std::fs::read(&to).unwrap();
        std::fs::remove_file(&to).unwrap();
        bytes
    }
}

impl ReplicaStorage for Store {
    fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        if name == MARK && self.refusing.load(Ordering::SeqCst) {
            return Err(io::Error::other("the bucket is full"));
        }
        if name != MARK {
            let held = self.held.0.lock().unwrap();
            drop(self.held.1.wait_while(held, |held| *held).unwrap());
        }
        self.files.put(name, &mut &*bytes)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.files.list()
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        self.files.open(name)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.remove(name)
    }
}

/// Another process: not a test by itself. It replicates its own database, and says how that goes.
#[tokio::test]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    let db = options().open(folder.join(std::env::var(NAME).unwrap())).await.unwrap();
    let replica = db.replicate_to(Store::new(folder)).interval(Duration::ZERO).await.unwrap();
    for line in io::stdin().lines() {
        match &*line.unwrap() {
            "write" => {
                let sql = "INSERT INTO items (name, data) VALUES ('child', randomblob(3000))";
                db.execute(sql, ()).await.unwrap();
                let flushed = replica.flush().await;
                let told = flushed.map_or_else(|error| error.to_string(), |()| "stored".into());
                println!("said {told} {:?}", replica.state());
            }
            _ => break,
        }
    }
    db.close().await.unwrap();
}

const FOLDER: &str = "UBIQLITE_OWNERS_FOLDER";
const NAME: &str = "UBIQLITE_OWNERS_NAME";

struct Other(Child, io::Lines<io::BufReader<std::process::ChildStdout>>);

impl Other {
    fn new(place: &Place, name: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "owners::child", "--nocapture", "--test-threads", "1"])
            .env(FOLDER, place.folder.path())
            .env(NAME, name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = io::BufReader::new(child.stdout.take().unwrap()).lines();
        Self(child, lines)
    }

    fn write(&mut self) -> String {
        writeln!(self.0.stdin.as_mut().unwrap(), "write").unwrap();
        let mut lines = self.1.by_ref().map_while(Result::ok);
        lines.find(|line| line.contains("said ")).expect("the child has failed")
    }

    fn close(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

#[tokio::test]
async fn a_second_replica_of_this_process_is_refused_and_the_first_goes_on() {
    let place = Place::new().await;
    let store = Store::new(place.folder.path());
    let first = place.db.replicate_to(store.clone()).await.unwrap();
    let memory = Database::open(":memory:").await.unwrap();
    for db in [&place.db, &memory] {
        let refused = db.replicate_to(store.clone()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
    }
    place.insert(100).await;
    flush(&first).await;
    assert!(store.restored(&place).await == pages(&place.db).await);
    first.stop().await.unwrap();
    assert!(!store.is_marked());
    // It has ended, so another one goes on, with the next number.
    let stored = first.state().transaction;
    let next = place.db.replicate_to(store.clone()).await.unwrap();
    place.insert(100).await;
    assert_eq!(flush(&next).await.transaction, stored + 1);
    memory.close().await.unwrap();
}

#[tokio::test]
async fn a_replica_of_another_process_takes_the_storage_over_and_the_first_ends() {
    let place = Place::new().await;
    place.insert(100).await;
    let store = Store::new(place.folder.path());
    let mut other = Other::new(&place, "app.db");
    assert!(other.write().contains("said stored"));

    let replica = place.db.replicate_to(store.clone()).interval(Duration::ZERO).await.unwrap();
    flush(&replica).await;
    place.insert(100).await;
    let state = flush(&replica).await;
    assert_eq!((state.snapshots, state.lag), (0, 0), "it goes on where the other was: {state:?}");
    let told = other.write();
    assert!(told.contains("another replica has begun"), "{told}");
    assert!(told.contains("ended: true"), "{told}");
    place.insert(100).await;
    flush(&replica).await;
    assert!(store.restored(&place).await == pages(&place.db).await);
    other.close();
    assert!(store.is_marked(), "it is not the other's to remove");
    assert!(replica.state().error.is_none());
}

#[tokio::test]
async fn what_a_replica_was_storing_when_it_was_taken_over_is_not_restored() {
    let place = Place::new().await;
    let store = Store::new(place.folder.path());
    let first = place.db.replicate_to(store.clone()).interval(Duration::ZERO).await.unwrap();
    place.insert(100).await;
    let stored = flush(&first).await.transaction;
    store.hold_up(true);
    place.insert(500).await;
    while first.state().waiting == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The other process has another database.
    std::fs::write(place.path("other.db"), pages(&place.db).await).unwrap();
    let mut other = Other::new(&place, "other.db");
    assert!(other.write().contains("said stored"));
    store.hold_up(false);
    place.insert(500).await;
    let error = within("its end", first.flush()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    let state = first.state();
    assert!(state.ended && state.transaction == stored + 1, "one file arrived late: {state:?}");
    assert!(other.write().contains("said stored"));
    other.close();
    assert!(!store.is_marked());

    let restored = store.restored(&place).await;
    let theirs = options().open(place.path("other.db")).await.unwrap();
    assert!(restored == pages(&theirs).await);
    // The moments of the first one are still there.
    let to = place.path("first.db");
    let moment = ReplicaMoment::Transaction(stored + 1);
    restore_replica_from(Arc::new(store), moment, &to).await.unwrap();
    theirs.close().await.unwrap();
}

#[tokio::test]
async fn after_a_killed_process_a_replica_goes_on_from_farther_on() {
    let mut place = Place::new().await;
    place.reopen().await;
    let store = Store::new(place.folder.path());
    let mut killed = Other::new(&place, "app.db");
    assert!(killed.write().contains("said stored"));
    killed.0.kill().unwrap();
    killed.0.wait().unwrap();
    assert!(store.is_marked());
    let replica = place.db.replicate_to(store.clone()).interval(Duration::ZERO).await.unwrap();
    let before = flush(&replica).await;
    place.insert(100).await;
    place.insert(100).await;
    let state = flush(&replica).await;
    assert_eq!((state.snapshots, state.lag), (0, 0), "{state:?}");
    assert!(state.transaction > before.transaction + 1_000_000, "{state:?}");
    assert!(store.restored(&place).await == pages(&place.db).await);
    replica.stop().await.unwrap();
    assert!(!store.is_marked());
}

#[tokio::test]
async fn a_mark_that_could_not_be_written_or_was_removed_is_written_before_the_next_file() {
    let place = Place::new().await;
    let store = Store::new(place.folder.path());
    store.refusing.store(true, Ordering::SeqCst);
    let replica = place.db.replicate_to(store.clone()).interval(Duration::ZERO).await.unwrap();
    within("the error", async {
        while replica.state().error.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(store.list().unwrap(), Vec::<String>::new(), "nothing is stored without it");
    store.refusing.store(false, Ordering::SeqCst);
    place.insert(100).await;
    flush(&replica).await;
    store.remove(MARK).unwrap();
    place.insert(100).await;
    let state = flush(&replica).await;
    assert!(store.is_marked());
    assert_eq!(state.snapshots, 1, "nobody was there: {state:?}");
    // Somebody was, who is gone again.
    store.remove(MARK).unwrap();
    let theirs = "ltx/9/0000000000000001-0000000000001000.ltx";
    let first = "ltx/9/0000000000000001-0000000000000001.ltx";
    store.put(theirs, &mut store.open(first).unwrap()).unwrap();
    place.insert(100).await;
    let state = flush(&replica).await;
    assert!(matches!(state.last_snapshot, Some((0x1001, SnapshotReason::Differs))), "{state:?}");
    assert!(store.restored(&place).await == pages(&place.db).await);
}
