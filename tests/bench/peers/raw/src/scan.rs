//! Concurrent long scans, each on its own thread and connection.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use bench_common::{Args, Error, Result, SCAN, SCANS, Settings, per_second};

use crate::database;

/// Runs [`SCANS`] scans on each of `threads` threads.
pub fn run(args: &Args, settings: &Settings, threads: u64) -> Result<()> {
    let each = args.n(SCANS);
    // Every thread has read the table once before the clock starts.
    let ready = Barrier::new(threads as usize + 1);
    let took = thread::scope(|scope| {
        let running: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| scans(settings, each, &ready))).collect();
        ready.wait();
        let start = Instant::now();
        for thread in running {
            thread.join().map_err(|_| "a scanning thread panicked")??;
        }
        Ok::<_, Error>(start.elapsed())
    })?;
    per_second(&args.work, "scans", took, each * threads);
    Ok(())
}

fn scans(settings: &Settings, each: u64, ready: &Barrier) -> Result<()> {
    let db = database::open(settings);
    let first = db.and_then(|db| {
        let sum = scan(&db)?;
        Ok((db, sum))
    });
    // This waits even after an error, because the others wait for this one.
    ready.wait();
    let (db, sum) = first?;
    for _ in 0..each {
        assert_eq!(scan(&db)?.to_bits(), sum.to_bits());
    }
    Ok(())
}

fn scan(db: &rusqlite::Connection) -> rusqlite::Result<f64> {
    db.prepare_cached(SCAN)?.query_row([], |row| row.get(0))
}
