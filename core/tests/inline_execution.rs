//! A statement that runs inline, on the caller's thread, ends soon, whatever a single step of
//! SQLite does.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::pin::pin;

use support::{Fresh, number, start, within};
use ubiqlite::{Database, Row, Synchronous};

/// Runs the query, and returns whether its first poll had the result.
async fn is_inline(db: &Database, sql: &str) -> bool {
    let mut query = pin!(db.query::<Row>(sql, ()));
    let at_once = start(&mut query).await;
    let inline = at_once.is_some();
    match at_once {
        Some(rows) => drop(rows.unwrap()),
        None => drop(within(sql, query).await.unwrap()),
    }
    inline
}

/// Retries until the query runs inline: a thread may hold its connection for a moment after it
/// has replied.
async fn eventually_inline(db: &Database, sql: &str) {
    for _ in 0..1_000 {
        if is_inline(db, sql).await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    panic!("never within the call: {sql}");
}

async fn fresh() -> Fresh {
    let schema = "CREATE TABLE big (id INTEGER PRIMARY KEY, name TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
            INSERT INTO big SELECT i, 'a name of thirty or so letters ' || i FROM n;
        CREATE TABLE blobs (id INTEGER PRIMARY KEY, data BLOB);
        INSERT INTO blobs VALUES (1, zeroblob(100)), (2, zeroblob(30000000));";
    let options = Database::options().readers(1).synchronous(Synchronous::Normal);
    let fresh = Fresh::with(options, schema).await;
    // The reader is open now.
    number(&fresh.db, "SELECT 1").await;
    fresh
}

// `engine/inline.rs` tests that long statements do not run inline. Here it can't be seen:
// another thread may be done before its caller has looked.
#[tokio::test]
async fn what_is_short_is_answered_within_the_call() {
    let fresh = fresh().await;
    for sql in [
        "SELECT name FROM big WHERE id = 5000",
        "SELECT data FROM blobs WHERE id = 1",
        "SELECT upper(name) || hex(name) FROM big WHERE id = 5000",
        "SELECT json_extract('{\"a\": 1}', '$.a'), coalesce(name, 'x') FROM big WHERE id = 7",
        "INSERT INTO big (name) VALUES ('x')",
    ] {
        eventually_inline(&fresh.db, sql).await;
    }
}

/// Returns whether a page near the beginning is known not to be in memory.
#[cfg(target_os = "linux")]
fn is_on_the_disk_alone(file: &std::fs::File) -> bool {
    use std::os::fd::AsRawFd;
    let mut byte = [0u8];
    let piece = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    // SAFETY: the file is open, and the piece is one byte that lives here.
    let read =
        unsafe { libc::preadv2(file.as_raw_fd(), &raw const piece, 1, 8192, libc::RWF_NOWAIT) };
    read < 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_page_that_is_on_the_disk_alone_is_not_waited_for_on_the_callers_thread() {
    let fresh = fresh().await;
    let path = fresh.path();
    fresh.db.close().await.unwrap();
    let file = std::fs::File::open(&path).unwrap();
    file.sync_all().unwrap();
    let forget = || {
        let forgotten = std::process::Command::new("dd")
            .args(["of=/dev/null", "iflag=nocache", "count=0", "status=none"])
            .arg(format!("if={}", path.display()))
            .status();
        assert!(forgotten.unwrap().success());
    };
    let sql = "SELECT name FROM big WHERE id = 37777";
    let (mut cold, mut waited) = (0, 0);
    // The system may bring the page in after it was looked at.
    while cold == waited && cold < 10 {
        let db = Database::options().readers(1).open(&path).await.unwrap();
        number(&db, "SELECT 1").await;
        forget();
        // Not every file system can tell. The row is right in any case, and once it was read, the
        // next read is immediate.
        let is_cold = is_on_the_disk_alone(&file);
        let inline = is_inline(&db, sql).await;
        let row: String = within(sql, db.query_value(sql, ())).await.unwrap();
        assert!(row.ends_with("37777"));
        eventually_inline(&db, sql).await;
        db.close().await.unwrap();
        if !is_cold {
            return println!("the page was in memory");
        }
        cold += 1;
        waited += u32::from(inline);
    }
    assert!(waited < cold, "each of {cold} reads waited for the disk");
}

#[tokio::test]
async fn texts_of_a_megabyte_do_not_stay_in_memory() {
    let fresh =
        Fresh::with(Database::options(), "CREATE TABLE t (id INTEGER PRIMARY KEY, x)").await;
    let grown = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
        line.split_ascii_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
    };
    let text = "x".repeat(1 << 20);
    let insert = async |id: i32| {
        let sql = format!("INSERT INTO t VALUES ({id}, '{text}')");
        fresh.db.execute(&sql, ()).await.unwrap();
        fresh.db.execute("DELETE FROM t WHERE id = ?", (id,)).await.unwrap();
    };
    for id in 0..20 {
        insert(id).await;
    }
    let before = grown();
    for id in 20..100 {
        insert(id).await;
    }
    let growth = grown().saturating_sub(before);
    assert!(growth < 64 << 10, "80 texts of 1 MB took {growth} KiB more");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_read_that_has_to_wait_for_the_disk_ends_no_snapshot_and_no_transaction() {
    let fresh = fresh().await;
    let path = fresh.path();
    fresh.db.close().await.unwrap();
    let forget = || {
        std::fs::File::open(&path).unwrap().sync_all().unwrap();
        let forgotten = std::process::Command::new("dd")
            .args(["of=/dev/null", "iflag=nocache", "count=0", "status=none"])
            .arg(format!("if={}", path.display()))
            .status();
        assert!(forgotten.unwrap().success());
    };
    let db = Database::options().cache_kib(64).open(&path).await.unwrap();
    let snapshot = db.snapshot().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO blobs VALUES (3, 'kept')", ()).await.unwrap();
    let mut session = db.acquire().await.unwrap();
    session.execute("BEGIN", ()).await.unwrap();
    for id in (1..40_000).step_by(1_999) {
        forget();
        let sql = "SELECT name FROM big WHERE id = ?";
        let name: String = within("a snapshot", snapshot.query_value(sql, (id,))).await.unwrap();
        assert!(name.ends_with(&id.to_string()));
        forget();
        let _: String = within("a transaction", tx.query_value(sql, (id,))).await.unwrap();
        forget();
        let _: String = within("a session", session.query_value(sql, (id,))).await.unwrap();
    }
    session.execute("COMMIT", ()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM blobs WHERE data = 'kept'").await, 1);
}
