//! A backup of a large file while somebody writes as fast as possible, beside SQLite's own
//! `VACUUM INTO` under the same writer, and beside that writer alone.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bench_common::{Args, Result, figure, process};
use ubiqlite::{Database, Synchronous, params};

/// How large the file is, in MiB.
const MIB: u64 = 256;

/// The rows that make a MiB, of about 1 KiB each.
const ROWS: u64 = 950;

/// How often each is done; the fastest counts, and the slowest of all writes.
const ROUNDS: usize = 3;

pub fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(args))
}

async fn measure(args: &Args) -> Result<()> {
    let options = Database::options().synchronous(Synchronous::Normal);
    let db = options.open(&args.path).await?;
    let rows = (args.n(MIB) * ROWS).cast_signed();
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, x BLOB)", ()).await?;
    let fill = "WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < ?)
                INSERT INTO t SELECT i, 0, randomblob(1050) FROM i";
    db.execute(fill, params![rows]).await?;
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)", ()).await?;
    let (copy, vacuumed) = (args.path.with_extension("copy"), args.path.with_extension("vacuumed"));
    let (mut backup, mut vacuum) = (f64::MAX, f64::MAX);
    let (mut worst, mut worst_of_vacuum, mut peak) = (Duration::ZERO, Duration::ZERO, 0);
    let (mut writes, mut worst_alone) = (0, Duration::ZERO);
    for _ in 0..ROUNDS {
        let alone = under_writer(&db, rows, async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        });
        worst_alone = worst_alone.max(alone.await?.1.worst);
        let mut session = db.acquire().await?;
        let sql = format!("VACUUM INTO '{}'", vacuumed.display());
        let (took, of_writes) = under_writer(&db, rows, async {
            session.execute(&sql, ()).await?;
            Ok(())
        })
        .await?;
        vacuum = vacuum.min(took.as_secs_f64());
        worst_of_vacuum = worst_of_vacuum.max(of_writes.worst);
        drop(session);
        remove(&vacuumed)?;

        process::reset_peak()?;
        let (took, of_writes) =
            under_writer(&db, rows, async { Ok(db.backup(&copy).await?) }).await?;
        backup = backup.min(took.as_secs_f64());
        worst = worst.max(of_writes.worst);
        writes += of_writes.count;
        peak = peak.max(process::peak_kib()?);
        remove(&copy)?;
    }
    figure("life_backup", "times", backup / vacuum);
    figure("life_backup_s", "s", backup);
    figure("life_backup_worst_write", "ms", worst.as_secs_f64() * 1e3);
    figure("life_backup_worst_write_alone", "ms", worst_alone.as_secs_f64() * 1e3);
    figure("life_backup_vacuum_worst_write", "ms", worst_of_vacuum.as_secs_f64() * 1e3);
    figure("life_backup_writes", "writes", writes as f64 / ROUNDS as f64);
    figure("life_backup_memory", "MiB", peak as f64 / 1024.0);
    db.close().await?;
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    Ok(std::fs::remove_file(path)?)
}

/// What a writer has done.
struct Writes {
    count: u64,
    worst: Duration,
}

/// Runs `work` while a task writes, one awaited write after another.
async fn under_writer(
    db: &Database,
    rows: i64,
    work: impl Future<Output = Result<()>>,
) -> Result<(Duration, Writes)> {
    let stop = Arc::new(AtomicBool::new(false));
    let (writer, stopped) = (db.clone(), Arc::clone(&stop));
    let writing = tokio::spawn(async move {
        let mut writes = Writes { count: 0, worst: Duration::ZERO };
        let mut random = fastrand::Rng::with_seed(7);
        while !stopped.load(Ordering::Relaxed) {
            let start = Instant::now();
            let sql = "UPDATE t SET n = n + 1 WHERE id = ?";
            writer.execute(sql, params![random.i64(1..=rows)]).await?;
            writes.worst = writes.worst.max(start.elapsed());
            writes.count += 1;
        }
        Ok::<_, ubiqlite::Error>(writes)
    });
    let start = Instant::now();
    work.await?;
    let took = start.elapsed();
    stop.store(true, Ordering::Relaxed);
    Ok((took, writing.await??))
}
