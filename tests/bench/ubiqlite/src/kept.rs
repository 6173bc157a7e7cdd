//! The resources that stay in use after a burst of work.

use std::time::{Duration, Instant};

use bench_common::{Args, CREATE_LOG, Result, SELECT_ALL, figure, process};
use ubiqlite::Database;

/// The number of concurrent streams.
const STREAMS: usize = 64;

/// The number of distinct statements, of a megabyte each.
const TEXTS: u64 = 600;

/// How long the resources of a burst may stay in use.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match args.work.as_str() {
        "burst" => runtime.block_on(burst(args)),
        _ => runtime.block_on(texts(args)),
    }
}

async fn texts(args: &Args) -> Result<()> {
    let db = Database::open(&args.path).await?;
    db.execute(CREATE_LOG, ()).await?;
    let text = "x".repeat(1 << 20);
    let insert = async |number: u64| -> Result<()> {
        let sql = format!(
            "INSERT INTO log (id, name, data, status, value) VALUES ({number}, '', '{text}', '', 0)"
        );
        db.execute(&sql, ()).await?;
        Ok(())
    };
    for number in 0..8 {
        insert(number).await?;
    }
    let before = process::resident_kib()?;
    for number in 8..8 + args.n(TEXTS) {
        insert(number).await?;
    }
    let after = process::resident_kib()?;
    figure("texts", "MiB", after.saturating_sub(before) as f64 / 1024.0);
    Ok(db.close().await?)
}

async fn burst(args: &Args) -> Result<()> {
    let db = Database::open(&args.path).await?;
    let read = async || -> Result<()> {
        let mut rows = db.stream(SELECT_ALL, ());
        while rows.try_next().await?.is_some() {}
        Ok(())
    };
    for _ in 0..8 {
        read().await?;
    }
    let before = process::resident_kib()?;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut rows = db.stream(SELECT_ALL, ());
        rows.try_next().await?;
        streams.push(rows);
    }
    for rows in &mut streams {
        while rows.try_next().await?.is_some() {}
    }
    drop(streams);
    let since = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let back = process::threads()? <= 8 && process::handles()? <= 24;
        if back || since.elapsed() > PATIENCE {
            break;
        }
    }
    // The last memory is returned to the system a moment later.
    tokio::time::sleep(Duration::from_secs(2)).await;
    figure("burst_threads", "count", process::threads()? as f64);
    figure("burst_handles", "count", process::handles()? as f64);
    let memory = process::resident_kib()? as f64 / before as f64;
    figure("burst_memory", "times", memory);
    Ok(db.close().await?)
}
