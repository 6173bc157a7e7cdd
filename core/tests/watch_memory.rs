//! What a live query keeps in memory besides its last result. A binary of its own, since it counts
//! all that this process allocates.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use ubiqlite::{Database, Options, Row, Synchronous, Update, Value, Watch, params};

/// The system's allocator, and how many bytes it has given out.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: what the caller returns is from `alloc`, so from the system's.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Bytes that a watch may keep, besides its last result and the pages that it has read.
const MOST: usize = 1_024;
/// From this many pages on, they are kept as bits.
const LISTED: usize = 1_024;

struct Place {
    _folder: tempfile::TempDir,
    db: Database,
}

/// A database with this many rows, of at least this many bytes each.
async fn open(rows: usize, size: usize) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::default().synchronous(Synchronous::Off);
    let db = options.open(folder.path().join("app.db")).await.unwrap();
    db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, status TEXT)").await.unwrap();
    let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO items SELECT i, 'item ' || i || hex(zeroblob(?)), 'new' FROM n";
    db.execute(insert, params![rows as i64, size as i64 / 2]).await.unwrap();
    Place { _folder: folder, db }
}

fn in_use() -> usize {
    IN_USE.load(Ordering::Relaxed)
}

/// How many bytes a watch of one of these queries keeps on average, besides its result, when it has
/// been read and is waited for.
async fn kept(
    db: &Database,
    watches: usize,
    query: impl Fn(usize) -> (String, Vec<Value>),
) -> usize {
    // What is there for all: the hub, and statements in all places of the caches.
    let first: Vec<Watch> = (0..4).map(|at| watch(db, query(watches + at))).collect();
    for mut live in first {
        live.try_next().await.unwrap().unwrap();
    }
    for at in 0..300 {
        let other = format!("SELECT id, name, {at} FROM items WHERE id = 1");
        db.query::<Row>(&other, ()).await.unwrap();
    }
    let mut updates: Vec<Update> = Vec::with_capacity(watches);
    let before = in_use();
    let mut all: Vec<Watch> = Vec::with_capacity(watches);
    for at in 0..watches {
        let mut live = watch(db, query(at));
        updates.push(live.try_next().await.unwrap().unwrap());
        let waits =
            pin!(live.try_next()).poll(&mut Context::from_waker(Waker::noop())).is_pending();
        assert!(waits, "there is nothing new");
        all.push(live);
    }
    let after = in_use();
    drop(all);
    // The results are what is left of them.
    let results = in_use();
    drop(updates);
    let results = results.saturating_sub(in_use());
    after.saturating_sub(before + results) / watches
}

fn watch(db: &Database, (sql, values): (String, Vec<Value>)) -> Watch {
    db.watch(&sql, values)
}

async fn pages(db: &Database) -> usize {
    db.query_value::<i64>("PRAGMA page_count", ()).await.unwrap().try_into().unwrap()
}

// One after another: all that the process allocates is counted.
#[tokio::test]
async fn a_watch_keeps_a_kilobyte_and_four_bytes_a_page_besides_its_result() {
    let place = open(20_000, 0).await;
    let by_key = |at| {
        let sql = "SELECT id, name FROM items WHERE id = ?";
        (sql.to_owned(), vec![Value::Integer(at as i64)])
    };
    // From the root to a leaf.
    check("by key", kept(&place.db, 1_000, by_key).await, 4 * 4);

    let place = open(20_000, 0).await;
    let own_text =
        |at| (format!("SELECT id, name, status FROM items WHERE id > {at} LIMIT 1"), vec![]);
    check("with a text of its own", kept(&place.db, 1_000, own_text).await, 4 * 4);

    let place = open(20_000, 0).await;
    let read = pages(&place.db).await;
    assert!((100..LISTED).contains(&read), "{read} pages");
    let scan = |at| {
        let sql = "SELECT id, status FROM items WHERE name = ? AND status = ? ORDER BY id";
        (sql.to_owned(), vec![Value::Text(format!("item {at}")), Value::Text("new".to_owned())])
    };
    check("of a whole table", kept(&place.db, 500, scan).await, 4 * read);

    let place = open(4_000, 3_000).await;
    let read = pages(&place.db).await;
    assert!(read > 2 * LISTED, "{read} pages");
    check("of many pages", kept(&place.db, 100, scan).await, read / 8 + 8);
}

fn check(what: &str, kept: usize, pages: usize) {
    assert!(
        kept <= MOST + pages,
        "a watch {what} keeps {kept} bytes, and its pages take {pages} of them"
    );
}
