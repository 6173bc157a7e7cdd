//! A program that depends on `ubiqlite` as a user's does: with any `libsqlite3-sys` that its
//! other dependencies allow, and without this repository's build flags.
//!
//! Its argument is the version of SQLite that it should contain.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use ubiqlite::{Database, ErrorKind, Result, params, record};

fn main() {
    let expected = std::env::args().nth(1).expect("the version of SQLite that should be inside");
    let file = std::env::temp_dir().join(format!("ubiqlite-beside-{}.db", std::process::id()));
    let found = block_on(works(&file));
    for more in ["", "-wal", "-shm"] {
        // A file that does not exist need not be removed.
        let _ = std::fs::remove_file(format!("{}{more}", file.display()));
    }
    assert_eq!(found.expect("it works"), expected);
    println!("SQLite {expected} works");
}

/// Opens, writes, reads and streams; returns SQLite's version.
async fn works(file: &std::path::Path) -> Result<String> {
    let db = Database::open(file).await?;
    db.batch(
        "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
         CREATE TABLE children (parent INTEGER REFERENCES parents, score REAL);",
    )
    .await?;
    let parents = db.table("parents");
    parents.insert(record! { "id" => 1, "name" => "ann" }).await?;
    db.execute("INSERT INTO children VALUES (?, ?)", params![1, 1.5]).await?;
    let score: f64 =
        db.query_value("SELECT score FROM children WHERE parent = ?", params![1]).await?;
    assert!((score - 1.5).abs() < f64::EPSILON, "{score}");

    // Settings of the connection, which hold whatever SQLite was compiled with.
    let orphan = db.execute("INSERT INTO children VALUES (9, 0)", params![]).await;
    assert_eq!(orphan.unwrap_err().kind(), ErrorKind::ForeignKeyViolation);
    let double = parents.insert(record! { "id" => 2, "name" => "ann" }).await.unwrap_err();
    assert_eq!(
        (double.kind(), double.columns()),
        (ErrorKind::UniqueViolation, &["name".to_owned()][..])
    );
    let quoted = db.query_value::<String>("SELECT \"no text\"", params![]).await;
    assert_eq!(quoted.unwrap_err().kind(), ErrorKind::NoSuchColumn);
    let root: f64 = db.query_value("SELECT sqrt(2.25)", params![]).await?;
    assert!((root - 1.5).abs() < f64::EPSILON, "{root}");

    let mut transaction = db.begin().await?;
    transaction.execute("UPDATE parents SET name = 'bob'", params![]).await?;
    transaction.commit().await?;
    let mut rows = db.stream("SELECT name FROM parents", params![]);
    while let Some(row) = rows.try_next().await? {
        assert_eq!(row.get::<&str>("name")?, "bob");
    }
    drop(rows);
    let version = db.query_value("SELECT sqlite_version()", params![]).await?;
    db.close().await?;
    Ok(version)
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end: the crate needs no executor.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        thread::park();
    }
}
