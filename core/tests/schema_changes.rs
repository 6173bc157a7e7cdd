//! The schema changes all the time, by another connection.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use support::{Fresh, within};
use ubiqlite::{ErrorKind, Options, Row};

#[tokio::test]
async fn what_is_compiled_meanwhile_is_not_refused_for_it() {
    let fresh = Fresh::with(Options::default(), "CREATE TABLE t (x)").await;
    let (outside, over) = (fresh.outside(), Arc::new(AtomicBool::new(false)));
    let done = Arc::clone(&over);
    let changing = std::thread::spawn(move || {
        outside.pragma_update(None, "synchronous", "OFF").unwrap();
        let mut changes = 0;
        while !done.load(Ordering::Relaxed) {
            outside.execute_batch("CREATE TABLE other (x); DROP TABLE other;").unwrap();
            changes += 2;
        }
        changes
    });
    for number in 0..3_000 {
        // Each is another text, so each is compiled.
        let missing = format!("SELECT {number} FROM missing");
        let error = within("a query", fresh.db.query::<Row>(&missing, ())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSuchTable, "{error}");
        let write = format!("INSERT INTO t VALUES ({number})");
        within("a write", fresh.db.execute(&write, ())).await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    assert!(changing.join().unwrap() > 1_000, "it has changed too seldom to matter");
}
