//! How late another task on the same thread gets its turn, during calls that may run on that
//! thread.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bench_common::{Args, Ids, Result, SELECT_ONE, figure};
use ubiqlite::{Database, Row, params};

/// The rows of the table that is counted.
const COUNTED: u64 = 2_000_000;

/// The rows of the file that is read from the disk, of 4 KB each.
const COLD: u64 = 100_000;

/// How often the other task wants a turn.
const EVERY: Duration = Duration::from_millis(1);

/// How long the reads last.
const LONG: Duration = Duration::from_secs(3);

pub fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(all(args))
}

async fn all(args: &Args) -> Result<()> {
    let db = Database::open(&args.path).await?;
    let mut ids = Ids::new(0);
    let reads = beside(async {
        let start = Instant::now();
        while start.elapsed() < LONG {
            let _: Row = db.query_one(SELECT_ONE, params![ids.id()]).await?;
        }
        Ok(())
    });
    figure("late_reads", "ms", reads.await?);
    db.close().await?;

    let path = args.path.with_extension("late.db");
    let db = Database::open(&path).await?;
    db.batch(numbers("counted", args.n(COUNTED), "i")).await?;
    let count = beside(async {
        for _ in 0..20 {
            let _: i64 = db.query_value("SELECT count(*) FROM counted", ()).await?;
            let _: i64 = db.query_value("SELECT sum(x) FROM counted", ()).await?;
        }
        Ok(())
    });
    figure("late_count", "ms", count.await?);
    let cold = COLD.min(args.n(COLD));
    db.batch(numbers("cold", cold, "randomblob(4000)")).await?;
    db.close().await?;
    forget(&path)?;

    let db = Database::open(&path).await?;
    let sql = "SELECT length(x) FROM cold WHERE id = ?";
    let mut id = 1;
    let reads = beside(async {
        let start = Instant::now();
        while start.elapsed() < LONG {
            id = (id * 7_919) % cold + 1;
            let _: Option<Row> = db.query_optional(sql, params![id as i64]).await?;
        }
        Ok(())
    });
    figure("late_cold", "ms", reads.await?);
    db.close().await?;
    std::fs::remove_file(path)?;
    Ok(())
}

fn numbers(table: &str, rows: u64, value: &str) -> String {
    format!(
        "CREATE TABLE {table} (id INTEGER PRIMARY KEY, x);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
            INSERT INTO {table} SELECT i, {value} FROM n;"
    )
}

/// Makes the system drop its cached pages of a file.
fn forget(path: &Path) -> Result<()> {
    std::fs::File::open(path)?.sync_all()?;
    let status = Command::new("dd")
        .args(["of=/dev/null", "iflag=nocache", "count=0", "status=none"])
        .arg(format!("if={}", path.display()))
        .status()?;
    if status.success() { Ok(()) } else { Err("dd failed".into()) }
}

/// Does the work alongside a task that wants a turn every millisecond, and returns the 99th
/// percentile of its lateness, in milliseconds.
async fn beside(work: impl Future<Output = Result<()>>) -> Result<f64> {
    let over = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&over);
    let other = tokio::spawn(async move {
        let mut late = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let wanted = Instant::now() + EVERY;
            // The runtime's own timer would be late by itself.
            while Instant::now() < wanted {
                tokio::task::yield_now().await;
            }
            late.push(wanted.elapsed());
        }
        late
    });
    tokio::task::yield_now().await;
    work.await?;
    over.store(true, Ordering::Relaxed);
    let mut late = other.await?;
    late.sort_unstable();
    let p99 = late.get(late.len() * 99 / 100).or(late.last()).copied();
    Ok(p99.unwrap_or_default().as_secs_f64() * 1e3)
}
