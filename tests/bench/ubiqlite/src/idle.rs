//! The cost of an open database while it is idle, and what it leaves behind when it is
//! closed.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use bench_common::{
    Args, CREATE_LOG, Item, Result, Settings, Subject, block_on, figure, process, repeats,
};

use crate::subject::Ubiqlite;

/// The time after which nothing may be left to do: the leases have ended.
const UNTIL_QUIET: Duration = Duration::from_secs(1);
const WATCHED: Duration = Duration::from_secs(3);

/// Prints the wake-ups of an idle database, then the threads and file handles
/// that many databases, opened and closed one after another, leave behind.
pub fn run(args: &Args) -> Result<()> {
    wake_ups(Settings::of(args))?;
    leftovers(args)
}

/// Counts the wake-ups. The main thread measures, and does not count itself; the runtime and
/// the open database stay alive in the meantime.
fn wake_ups(settings: Settings) -> Result<()> {
    let (runtime, db) = block_on(async move {
        let db = Ubiqlite::open(&settings).await?;
        use_it(&db).await?;
        Ok(db)
    })?;
    thread::sleep(UNTIL_QUIET);
    let before = process::switches_of_others()?;
    thread::sleep(WATCHED);
    let after = process::switches_of_others()?;
    figure("idle_wakes", "count", (after - before) as f64);
    runtime.block_on(db.close())
}

fn leftovers(args: &Args) -> Result<()> {
    let n = args.n(repeats("idle"));
    let settings = Settings::of(args);
    let (runtime, ()) = block_on(async move {
        // The first one starts what the process keeps for all of them: the runtime's threads.
        open_and_close(&settings, 0).await?;
        let (threads, handles) = counts()?;
        for number in 1..=n {
            open_and_close(&settings, number).await?;
        }
        let (threads_after, handles_after) = counts()?;
        figure("idle_threads_left", "count", threads_after - threads);
        figure("idle_handles_left", "count", handles_after - handles);
        Ok(())
    })?;
    drop(runtime);
    Ok(())
}

fn counts() -> Result<(f64, f64)> {
    // A thread that has ended leaves the list a moment later.
    thread::sleep(Duration::from_millis(100));
    Ok((process::threads()? as f64, process::handles()? as f64))
}

async fn open_and_close(settings: &Settings, number: u64) -> Result<()> {
    let path = numbered(&settings.path, number);
    let db = Ubiqlite::open(&Settings { path: path.clone(), ..settings.clone() }).await?;
    use_it(&db).await?;
    db.close().await?;
    std::fs::remove_file(path)?;
    Ok(())
}

/// Does a write and a read.
async fn use_it(db: &Ubiqlite) -> Result<()> {
    db.create(CREATE_LOG).await?;
    db.insert(Box::leak(Box::new(Item::new(1)))).await?;
    db.stream("SELECT id, name, data, status, value FROM log").await?;
    Ok(())
}

fn numbered(path: &Path, number: u64) -> PathBuf {
    path.with_extension(format!("{number}.db"))
}
