//! The floor: rusqlite alone, on the calling thread, with every column borrowed from
//! SQLite. It also makes the data set (`create`).

mod database;
mod poll;
mod scan;

use std::hint::black_box;
use std::time::Instant;

use bench_common::{
    Args, CREATE_LOG, INSERT_LOG, Ids, ROWS, Result, SELECT_ALL, SELECT_MILLION, Settings, Weights,
    figure, leaked_items, per_op, process, repeats, scan_tasks, script, warm_up_ids,
};
use rusqlite::{Connection, params};

fn main() -> Result<()> {
    let args = Args::parse()?;
    let settings = Settings::of(&args);
    if let Some(threads) = scan_tasks(&args.work) {
        return scan::run(&args, &settings, threads);
    }
    if args.work == "live_latency" {
        return poll::latency(&args, &settings);
    }
    let db = database::open(&settings)?;
    let work = args.work.as_str();
    let n = args.n(repeats(work));
    match work {
        "create" => database::create(&db, n)?,
        "point_read" => point_reads(&db, work, n)?,
        "point_read_held" => {
            db.execute_batch("BEGIN")?;
            point_reads(&db, work, n)?;
            db.execute_batch("COMMIT")?;
        }
        "insert_1_full" | "insert_1_normal" => inserts(&db, work, n)?,
        "stream_all" => stream_all(&db, work)?,
        "stream_1m" => stream_million(&db, work)?,
        "execute_many" => {
            db.execute_batch(CREATE_LOG)?;
            let rows = leaked_items(n);
            let start = Instant::now();
            database::insert_all(&db, INSERT_LOG, rows)?;
            per_op(work, start.elapsed(), n);
        }
        "script" => {
            db.execute_batch(CREATE_LOG)?;
            let script = script(n);
            let start = Instant::now();
            database::exec(&db, script)?;
            per_op(work, start.elapsed(), n);
        }
        _ => args.unknown_work()?,
    }
    Ok(())
}

fn point_reads(db: &Connection, work: &str, n: u64) -> Result<()> {
    let read_all = |n: u64| {
        let mut ids = Ids::new(0);
        let mut sum = 0_u64;
        for _ in 0..n {
            sum = sum.wrapping_add(database::read(db, ids.id())?);
        }
        Ok::<u64, rusqlite::Error>(black_box(sum))
    };
    let expected = Weights::new().of_ids(0, n);
    for id in warm_up_ids() {
        database::read(db, id)?;
    }
    let start = Instant::now();
    let sum = read_all(n)?;
    let took = start.elapsed();
    assert_eq!(sum, expected, "a column was not read");
    per_op(work, took, n);
    Ok(())
}

fn inserts(db: &Connection, work: &str, n: u64) -> Result<()> {
    db.execute_batch(CREATE_LOG)?;
    let rows = leaked_items(n);
    let start = Instant::now();
    for row in rows {
        let mut statement = db.prepare_cached(INSERT_LOG)?;
        statement.execute(params![row.name, row.data, row.status, row.value])?;
    }
    per_op(work, start.elapsed(), n);
    Ok(())
}

fn stream_all(db: &Connection, work: &str) -> Result<()> {
    let expected = Weights::new().of_all(1);
    database::stream(db, SELECT_ALL)?;
    let start = Instant::now();
    let sum = database::stream(db, SELECT_ALL)?;
    let took = start.elapsed();
    assert_eq!(sum, expected, "a column was not read");
    per_op(work, took, ROWS);
    Ok(())
}

fn stream_million(db: &Connection, work: &str) -> Result<()> {
    let expected = Weights::new().of_all(10);
    process::reset_peak()?;
    let before = process::peak_kib()?;
    let sum = database::stream(db, SELECT_MILLION)?;
    let after = process::peak_kib()?;
    assert_eq!(sum, expected, "a column was not read");
    figure(work, "MiB", after.saturating_sub(before) as f64 / 1024.0);
    Ok(())
}
