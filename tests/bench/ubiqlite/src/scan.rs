//! Concurrent long scans, one task each, on one database with enough readers.

use std::time::Instant;

use bench_common::{Args, Result, SCAN, SCANS, Settings, Subject, block_on, per_second};

use crate::subject::Ubiqlite;

/// The highest number of tasks that any `scan_K` has.
const READERS: usize = 8;

/// Runs [`SCANS`] scans in each of `tasks` tasks.
pub fn run(args: Args, tasks: u64) -> Result<()> {
    block_on(async move {
        let settings = Settings { readers: READERS, ..Settings::of(&args) };
        let db = Ubiqlite::open(&settings).await?;
        let each = args.n(SCANS);
        // Every reader has read the table once before the clock starts.
        scan_all(&db, tasks, 1).await?;
        let start = Instant::now();
        scan_all(&db, tasks, each).await?;
        per_second(&args.work, "scans", start.elapsed(), each * tasks);
        db.close().await
    })?;
    Ok(())
}

async fn scan_all(db: &Ubiqlite, tasks: u64, each: u64) -> Result<()> {
    let running: Vec<_> = (0..tasks).map(|_| tokio::spawn(scans(db.clone(), each))).collect();
    let mut sums = Vec::new();
    for task in running {
        sums.push(task.await??);
    }
    assert!(sums.iter().all(|sum| sum.to_bits() == sums[0].to_bits()));
    Ok(())
}

async fn scans(db: Ubiqlite, each: u64) -> Result<f64> {
    let mut sum = 0.0;
    for _ in 0..each {
        sum = db.0.query_value(SCAN, ()).await?;
    }
    Ok(sum)
}
