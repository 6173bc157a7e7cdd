//! Live queries: how soon a commit becomes a result, and what they cost the writer.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bench_common::{Args, Result, figure};
use ubiqlite::{Database, Options, Synchronous, Watch, params};

use super::changesets;

/// The streams of the works that have many.
const STREAMS: i64 = 50;

/// The rows of the watched table.
pub const ROWS: i64 = 5_000;

const SCHEMA: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, part INT, a TEXT, b TEXT, z TEXT);
    CREATE INDEX by_part ON t (part);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
        INSERT INTO t SELECT i, i % 50, 'aaaaaaaaaaaa', 'bbbbbbbbbbbb', 'z' FROM n;";

pub fn run(args: &Args) -> Result<()> {
    // The other process of the work `live_process`.
    if args.work == "live_writer" {
        return block_on(commit_times(args));
    }
    match args.work.as_str() {
        "live_latency" => block_on(latency(args)),
        "live_process" => block_on(process(args)),
        "live_kept" => block_on(kept(args)),
        "live_keys" => block_on(keys(args)),
        "live_same" => block_on(same(args)),
        "live_bulk" => block_on(bulk(args)),
        "live_mix" => block_on(super::mix::run(args)),
        "live_outbox" => block_on(changesets::recording(args)),
        "live_apply" => block_on(changesets::applying(args)),
        other => Err(format!("unknown work {other}").into()),
    }
}

fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(work)
}

/// Opens a new database without tables.
pub async fn fresh(path: &Path) -> Result<Database> {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        let _ = std::fs::remove_file(name);
    }
    Ok(Options::default().synchronous(Synchronous::Normal).open(path).await?)
}

pub async fn open(path: &Path) -> Result<Database> {
    let db = fresh(path).await?;
    db.batch(SCHEMA).await?;
    Ok(db)
}

/// From the return of a write's call to the result that another task gets of it.
async fn latency(args: &Args) -> Result<()> {
    let db = open(&args.path).await?;
    let mut live = db.watch("SELECT a FROM t WHERE id = 7", ());
    live.try_next().await?;
    let commits = args.n(20_000);
    let (results, mut seen) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(_)) = live.try_next().await {
            let _ = results.send(Instant::now());
        }
    });
    let mut late = Vec::new();
    for i in 0..commits {
        db.execute("UPDATE t SET a = ? WHERE id = 7", params![i as i64]).await?;
        let committed = Instant::now();
        // It may be there before the call of the write has returned.
        let at = seen.recv().await.ok_or("the watch has ended")?;
        late.push(at.saturating_duration_since(committed).as_nanos() as u64);
    }
    late.sort_unstable();
    figure("live_latency_p50", "us", late[late.len() / 2] as f64 / 1e3);
    figure("live_latency_p99", "us", late[late.len() * 99 / 100] as f64 / 1e3);
    db.close().await?;
    Ok(())
}

/// The clock that all processes share.
fn clock() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_nanos() as u64
}

/// Commits the time at which it commits.
async fn commit_times(args: &Args) -> Result<()> {
    let db = Options::default().synchronous(Synchronous::Normal).open(&args.path).await?;
    for _ in 0..args.n(300) {
        std::thread::sleep(Duration::from_millis(7));
        db.execute("UPDATE t SET a = ? WHERE id = 7", params![clock() as i64]).await?;
    }
    Ok(())
}

/// From before another process's write to the result.
async fn process(args: &Args) -> Result<()> {
    let db = open(&args.path).await?;
    let mut live = db.watch("SELECT a FROM t WHERE id = 7", ());
    live.try_next().await?;
    let commits = args.n(300);
    let mut other = Command::new(std::env::current_exe()?)
        .arg("live_writer")
        .arg(&args.path)
        .args(["--n", &commits.to_string()])
        .stdout(Stdio::null())
        .spawn()?;
    let mut late = Vec::new();
    while let Ok(next) = tokio::time::timeout(Duration::from_millis(500), live.try_next()).await {
        let Some(update) = next? else { break };
        let at = update.rows::<(String,)>()?[0].0.parse::<u64>()?;
        late.push(clock() - at);
    }
    other.wait()?;
    late.sort_unstable();
    figure("live_process_p50", "us", late[late.len() / 2] as f64 / 1e3);
    figure("live_process_seen", "times", late.len() as f64 / commits as f64);
    db.close().await?;
    Ok(())
}

/// Reads a watch for as long as the database is open.
pub async fn follow(mut live: Watch, results: Arc<AtomicU64>) {
    while let Ok(Some(_)) = live.try_next().await {
        results.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits until all first results are there.
pub async fn begun(results: &AtomicU64, watches: u64) {
    while results.load(Ordering::Relaxed) < watches {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn write(db: &Database, column: &str, writes: i64, value: &str) -> Result<f64> {
    let sql = format!("UPDATE t SET {column} = ? WHERE id = ?");
    let start = Instant::now();
    for i in 0..writes {
        db.execute(&sql, params![format!("{value} {i}"), (i * 7_919) % ROWS + 1]).await?;
    }
    Ok(writes as f64 / start.elapsed().as_secs_f64())
}

/// How often the writer's pace is measured without streams and with them: the pace changes from
/// second to second.
const TURNS: usize = 9;

/// The writer's pace with 50 streams of 100 rows each, over that without.
async fn kept(args: &Args) -> Result<()> {
    let writes = args.n(50_000) as i64 / TURNS as i64;
    for (name, column, key) in
        [("overlap", "a", false), ("apart", "z", false), ("keyed", "a", true)]
    {
        let db = open(&args.path).await?;
        write(&db, column, writes, "first").await?;
        let (mut kept, mut runs) = (Vec::new(), 0);
        for _ in 0..TURNS {
            let without = write(&db, column, writes, "alone").await?;
            let results = Arc::new(AtomicU64::new(0));
            let mut tasks = tokio::task::JoinSet::new();
            for stream in 0..STREAMS {
                let live = if key {
                    db.table("t").select().filter("id", stream * 97 + 1).watch().await?
                } else {
                    db.watch("SELECT id, part, a, b FROM t WHERE part = ?", params![stream])
                };
                tasks.spawn(follow(live, Arc::clone(&results)));
            }
            begun(&results, STREAMS as u64).await;
            let before = db.live_runs();
            let with = write(&db, column, writes, "along").await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
            runs += db.live_runs() - before;
            kept.push(with / without);
            tasks.shutdown().await;
        }
        kept.sort_unstable_by(f64::total_cmp);
        figure(&format!("live_kept_{name}"), "times", kept[TURNS / 2]);
        figure(&format!("live_kept_{name}_runs"), "count", runs as f64);
        db.close().await?;
    }
    Ok(())
}

/// Queries run by 200 writes, of which three hit one of 50 keys.
async fn keys(args: &Args) -> Result<()> {
    let db = open(&args.path).await?;
    let results = Arc::new(AtomicU64::new(0));
    for stream in 0..STREAMS {
        let live = db.table("t").select().filter("id", stream * 97 + 1).watch().await?;
        tokio::spawn(follow(live, Arc::clone(&results)));
    }
    begun(&results, STREAMS as u64).await;
    let before = db.live_runs();
    for i in 0..200 {
        // Each 67th is one of the watched keys.
        let id = if i % 67 == 0 { (i / 67) * 97 + 1 } else { 4_760 + i };
        db.execute("UPDATE t SET a = ? WHERE id = ?", params![i, id]).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    figure("live_keys", "count", (db.live_runs() - before) as f64);
    db.close().await?;
    Ok(())
}

/// Runs per commit with 64 watchers of one query.
async fn same(args: &Args) -> Result<()> {
    let db = open(&args.path).await?;
    let results = Arc::new(AtomicU64::new(0));
    for _ in 0..64 {
        tokio::spawn(follow(
            db.watch("SELECT id, a FROM t WHERE part = 3", ()),
            Arc::clone(&results),
        ));
    }
    begun(&results, 64).await;
    let before = db.live_runs();
    for i in 0..100 {
        db.execute("UPDATE t SET a = ? WHERE id = 3", params![i]).await?;
        begun(&results, 64 * (i as u64 + 2)).await;
    }
    figure("live_same", "count", (db.live_runs() - before) as f64 / 100.0);
    db.close().await?;
    Ok(())
}

/// A bulk insert with 64 watches of the table, over one without.
async fn bulk(args: &Args) -> Result<()> {
    let rows = args.n(100_000) as i64;
    let insert = async |db: &Database| -> Result<f64> {
        let start = Instant::now();
        let values = (0..rows).map(|i| params![ROWS + 1 + i, i % 50, "aaaaaaaaaaaa", "b", "z"]);
        db.execute_many("INSERT INTO t VALUES (?, ?, ?, ?, ?)", values).await?;
        let took = start.elapsed().as_secs_f64();
        db.execute("DELETE FROM t WHERE id > ?", params![ROWS]).await?;
        Ok(took)
    };
    let db = open(&args.path).await?;
    insert(&db).await?;
    let without = insert(&db).await?;
    let results = Arc::new(AtomicU64::new(0));
    for stream in 0..64 {
        let sql = format!("SELECT id, part, a FROM t WHERE part = ? AND id < {}", 6000 + stream);
        tokio::spawn(follow(db.watch(&sql, params![stream]), Arc::clone(&results)));
    }
    begun(&results, 64).await;
    let before = db.live_runs();
    let start = Instant::now();
    let values = (0..rows).map(|i| params![ROWS + 1 + i, i % 50, "aaaaaaaaaaaa", "b", "z"]);
    db.execute_many("INSERT INTO t VALUES (?, ?, ?, ?, ?)", values).await?;
    let with = start.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_millis(200)).await;
    figure("live_bulk", "times", with / without);
    figure("live_bulk_runs", "count", (db.live_runs() - before) as f64 / 64.0);
    db.close().await?;
    Ok(())
}
