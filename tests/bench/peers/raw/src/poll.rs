//! A live query as one writes it with SQLite alone: `PRAGMA data_version` every 10 ms.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bench_common::{Args, Result, Settings, figure};
use rusqlite::{Connection, params};

use crate::database;

const EVERY: Duration = Duration::from_millis(10);

/// From a commit to its result.
pub fn latency(args: &Args, settings: &Settings) -> Result<()> {
    let db = database::open(settings)?;
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (7, '')")?;
    let over = Arc::new(AtomicBool::new(false));
    let (results, seen) = mpsc::channel();
    let reader = {
        let (path, over) = (args.path.clone(), Arc::clone(&over));
        std::thread::spawn(move || -> rusqlite::Result<()> {
            let db = Connection::open(path)?;
            let version = |db: &Connection| {
                db.query_row("PRAGMA data_version", (), |row| row.get::<_, i64>(0))
            };
            let mut known = version(&db)?;
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(EVERY);
                let now = version(&db)?;
                if now != known {
                    known = now;
                    let a: String = db.query_row("SELECT a FROM t WHERE id = 7", (), |row| row.get(0))?;
                    let _ = results.send((Instant::now(), a));
                }
            }
            Ok(())
        })
    };
    std::thread::sleep(EVERY * 2);
    let mut late = Vec::new();
    for i in 0..args.n(500) {
        db.execute("UPDATE t SET a = ? WHERE id = 7", params![i.to_string()])?;
        let committed = Instant::now();
        let (at, _) = seen.recv()?;
        late.push(at.saturating_duration_since(committed));
    }
    over.store(true, Ordering::Relaxed);
    reader.join().map_err(|_| "the reader panicked")??;
    late.sort_unstable();
    let micros = |it: Duration| it.as_secs_f64() * 1e6;
    figure("live_latency_p50", "us", micros(late[late.len() / 2]));
    figure("live_latency_p99", "us", micros(late[late.len() * 99 / 100]));
    Ok(())
}
