//! The works of the async subjects.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::time::MissedTickBehavior;

use crate::{
    Args, COMMITS_PER_SECOND, CREATE_LOG, Ids, Item, ROWS, Result, SELECT_ALL, SELECT_MILLION,
    Settings, Subject, TASKS, Weights, figure, leaked_items, per_op, per_second, process, repeats,
    warm_up_ids,
};

/// Runs a future to its end in a task on a multi-thread runtime: on one of its
/// worker threads, where an application's code also runs.
///
/// # Errors
///
/// The future's error, or that it panicked.
pub fn block_on<T: Send + 'static>(
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<(Runtime, T)> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let answer = runtime.block_on(runtime.spawn(future))??;
    Ok((runtime, answer))
}

/// Runs the work that the command line names.
///
/// # Errors
///
/// The subject's error, an unknown work, or a sum of weights that is not the data's.
pub fn run<S: Subject>() -> Result<()> {
    let args = Args::parse()?;
    block_on(async move { work::<S>(&args).await })?;
    Ok(())
}

async fn work<S: Subject>(args: &Args) -> Result<()> {
    let subject = S::open(&Settings::of(args)).await?;
    let work = args.work.as_str();
    let n = args.n(match work {
        "execute_many" => ROWS,
        _ => repeats(work) / S::SLOWNESS,
    });
    match work {
        "point_read" => point_reads(&subject, args, 1, n).await?,
        "point_read_64" => point_reads(&subject, args, TASKS, n).await?,
        "point_read_64_writer" => {
            let writer = Writer::start(&subject).await?;
            point_reads(&subject, args, TASKS, n).await?;
            let (took, commits) = writer.stop().await?;
            per_second("point_read_64_writer_commits", "commits", took, commits);
        }
        "insert_1_full" | "insert_1_normal" => inserts(&subject, work, 1, n).await?,
        "insert_64_full" | "insert_64_normal" => inserts(&subject, work, TASKS, n).await?,
        "stream_all" => stream_all(&subject, work).await?,
        "stream_1m" => stream_million(&subject, work).await?,
        "execute_many" => {
            subject.create(CREATE_LOG).await?;
            let rows = leaked_items(n);
            let start = Instant::now();
            subject.execute_many(rows).await?;
            per_op(work, start.elapsed(), n);
        }
        _ => args.unknown_work()?,
    }
    subject.close().await
}

async fn point_reads<S: Subject>(subject: &S, args: &Args, tasks: u64, n: u64) -> Result<()> {
    let weights = Weights::new();
    let each = (n / tasks).max(1);
    for id in warm_up_ids() {
        // A pool uses its connections in turn: this way each reads each page.
        for _ in 0..args.readers {
            subject.read(id).await?;
        }
    }
    let start = Instant::now();
    let sum = read_all(subject, tasks, each).await?;
    let took = start.elapsed();
    let expected = (0..tasks).fold(0_u64, |sum, task| sum.wrapping_add(weights.of_ids(task, each)));
    same(sum, expected)?;
    per_op(&args.work, took, each * tasks);
    Ok(())
}

async fn read_all<S: Subject>(subject: &S, tasks: u64, each: u64) -> Result<u64> {
    let reads = |subject: S, seed| async move {
        let mut ids = Ids::new(seed);
        let mut sum = 0_u64;
        for _ in 0..each {
            sum = sum.wrapping_add(subject.read(ids.id()).await?);
        }
        Ok::<u64, crate::Error>(sum)
    };
    if tasks == 1 {
        return reads(subject.clone(), 0).await;
    }
    let running: Vec<_> =
        (0..tasks).map(|seed| tokio::spawn(reads(subject.clone(), seed))).collect();
    let mut sum = 0_u64;
    for task in running {
        sum = sum.wrapping_add(task.await??);
    }
    Ok(sum)
}

async fn inserts<S: Subject>(subject: &S, work: &str, tasks: u64, n: u64) -> Result<()> {
    subject.create(CREATE_LOG).await?;
    let each = (n / tasks).max(1);
    let rows = leaked_items(each);
    let insert_all = |subject: S| async move {
        for row in rows {
            subject.insert(row).await?;
        }
        Ok::<(), crate::Error>(())
    };
    let start = Instant::now();
    if tasks == 1 {
        insert_all(subject.clone()).await?;
    } else {
        let running: Vec<_> =
            (0..tasks).map(|_| tokio::spawn(insert_all(subject.clone()))).collect();
        for task in running {
            task.await??;
        }
    }
    per_op(work, start.elapsed(), each * tasks);
    Ok(())
}

async fn stream_all<S: Subject>(subject: &S, work: &str) -> Result<()> {
    let expected = Weights::new().of_all(1);
    same(subject.stream(SELECT_ALL).await?, expected)?;
    let start = Instant::now();
    let sum = subject.stream(SELECT_ALL).await?;
    let took = start.elapsed();
    same(sum, expected)?;
    per_op(work, took, ROWS);
    Ok(())
}

async fn stream_million<S: Subject>(subject: &S, work: &str) -> Result<()> {
    let expected = Weights::new().of_all(10);
    process::reset_peak()?;
    let before = process::peak_kib()?;
    same(subject.stream(SELECT_MILLION).await?, expected)?;
    let after = process::peak_kib()?;
    figure(work, "MiB", (after.saturating_sub(before)) as f64 / 1024.0);
    Ok(())
}

/// Checks a sum of weights: a wrong one means that a column was not read.
fn same(sum: u64, expected: u64) -> Result<()> {
    if sum == expected {
        return Ok(());
    }
    Err(format!("the rows read add up to {sum}, not {expected}").into())
}

/// A task that commits a thousand times a second alongside the readers.
struct Writer {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Result<(Duration, u64)>>,
}

impl Writer {
    async fn start<S: Subject>(subject: &S) -> Result<Self> {
        subject.create(CREATE_LOG).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(commit_until(subject.clone(), Arc::clone(&stop)));
        Ok(Self { stop, task })
    }

    /// Returns how long it wrote, and how many commits it made.
    async fn stop(self) -> Result<(Duration, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await?
    }
}

async fn commit_until<S: Subject>(subject: S, stop: Arc<AtomicBool>) -> Result<(Duration, u64)> {
    let rows: &'static [Item] = leaked_items(1_000);
    let mut pace = tokio::time::interval(Duration::from_secs(1) / COMMITS_PER_SECOND as u32);
    // Late ticks fire immediately: the mean stays at a thousand if the subject can
    // do that, and the printed number of commits shows if it cannot.
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let start = Instant::now();
    let mut commits = 0;
    for row in rows.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        pace.tick().await;
        subject.insert(row).await?;
        commits += 1;
    }
    Ok((start.elapsed(), commits))
}
