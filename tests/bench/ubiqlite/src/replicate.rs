//! A writer at 1,000 commits a second, with a replica in a folder and without one, in turn.

use std::time::{Duration, Instant};

use bench_common::{Args, Result, figure};
use ubiqlite::{Database, Replica, params};

use super::live;

/// The commits of each part, which take two seconds.
const COMMITS: u64 = 2_000;
const BETWEEN: Duration = Duration::from_millis(1);

/// How often both are measured; the fastest of each counts, and the largest lag.
const ROUNDS: usize = 3;

pub fn run(args: &Args) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure(args))
}

async fn measure(args: &Args) -> Result<()> {
    let db = live::fresh(&args.path).await?;
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, price REAL)", ()).await?;
    let folder = args.path.with_extension("replica");
    let _ = std::fs::remove_dir_all(&folder);
    let (mut without, mut with) = (f64::MAX, f64::MAX);
    let (mut lag, mut transactions) = (Duration::ZERO, 0);
    for _ in 0..ROUNDS {
        without = without.min(write(&db, args.n(COMMITS), None).await?.0);
        let replica = db.replicate(&folder).await?;
        replica.flush().await?;
        let (took, behind) = write(&db, args.n(COMMITS), Some(&replica)).await?;
        with = with.min(took);
        lag = lag.max(behind);
        replica.flush().await?;
        transactions = replica.state().transaction;
        replica.stop().await?;
    }
    figure("life_replicate", "times", with / without);
    figure("life_replicate_lag", "s", lag.as_secs_f64());
    figure("life_replicate_with", "us", with);
    figure("life_replicate_without", "us", without);
    figure("life_replicate_transactions", "transactions", transactions as f64);
    db.close().await?;
    Ok(std::fs::remove_dir_all(&folder)?)
}

/// Returns the mean time of a write in microseconds, and the longest time for which one was
/// committed and not stored.
async fn write(db: &Database, commits: u64, replica: Option<&Replica>) -> Result<(f64, Duration)> {
    let (mut spent, mut behind) = (Duration::ZERO, Duration::ZERO);
    let begun = Instant::now();
    let mut committed = Vec::new();
    for number in 0..commits {
        let since = Instant::now();
        db.execute(
            "INSERT INTO t (name, price) VALUES (?, ?)",
            params![format!("item {number}"), 0.5],
        )
        .await?;
        spent += since.elapsed();
        committed.push(Instant::now());
        if let Some(replica) = replica
            && number % 16 == 0
        {
            // The oldest of those that are not stored.
            let missing = usize::try_from(replica.state().lag)?;
            if let Some(at) = committed.len().checked_sub(missing.max(1)) {
                behind = behind.max(committed[at].elapsed());
            }
        }
        let next = begun + BETWEEN * u32::try_from(number + 1)?;
        if let Some(left) = next.checked_duration_since(Instant::now()) {
            tokio::time::sleep(left).await;
        }
    }
    Ok((spent.as_secs_f64() * 1e6 / commits as f64, behind))
}
