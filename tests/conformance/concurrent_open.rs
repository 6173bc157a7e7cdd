//! Many threads open and close one file at the same time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

use std::sync::Barrier;

use ubiqlite::{Database, Row};

#[test]
fn whoever_opens_while_another_sets_the_journal_mode_or_closes_waits_for_it() {
    let mut failed = Vec::new();
    for round in 0..100 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.db");
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            let open = || {
                start.wait();
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    for _ in 0..5 {
                        let db = Database::options().open(&path).await?;
                        db.execute("CREATE TABLE IF NOT EXISTS t (x)", ()).await?;
                        db.query::<Row>("SELECT * FROM t", ()).await?;
                        db.close().await?;
                    }
                    Ok::<_, ubiqlite::Error>(())
                })
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            for thread in threads {
                if let Err(error) = thread.join().unwrap() {
                    failed.push(format!("{round}: {error:?}"));
                }
            }
        });
    }
    assert!(failed.is_empty(), "{} failed: {:#?}", failed.len(), &failed[..failed.len().min(5)]);
}
