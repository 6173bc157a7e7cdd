//! Change sets: what recording costs a writer, and what applying costs beside the same statements.

use std::time::Instant;

use bench_common::{Args, Result, figure};
use ubiqlite::{Apply, Database, params};

use super::live::{ROWS, open};

/// How often each is done; the fastest counts, since both are bound by the processor.
const ROUNDS: usize = 5;

/// A bulk insert into a recorded table, over one into a table that is not.
pub async fn recording(args: &Args) -> Result<()> {
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
    let (mut without, mut with, mut bytes) = (f64::MAX, f64::MAX, 0);
    for _ in 0..ROUNDS {
        db.outbox([]).await?;
        without = without.min(insert(&db).await?);
        let mut outbox = db.outbox(["t"]).await?;
        with = with.min(insert(&db).await?);
        let inserted = outbox.next().await?.ok_or("nothing was recorded")?;
        let deleted = outbox.next().await?.ok_or("nothing more was recorded")?;
        bytes = inserted.bytes().len();
        outbox.ack(deleted.id()).await?;
    }
    figure("live_outbox", "times", with / without);
    figure("live_outbox_bytes", "B", bytes as f64 / rows as f64);
    db.close().await?;
    Ok(())
}

/// Applying updates of one column each, over the same updates by a prepared statement.
pub async fn applying(args: &Args) -> Result<()> {
    let rows = args.n(100_000) as i64;
    let db = open(&args.path).await?;
    let values = (0..rows).map(|i| params![ROWS + 1 + i, i % 50, "aaaaaaaaaaaa", "b", "z"]);
    db.execute_many("INSERT INTO t VALUES (?, ?, ?, ?, ?)", values).await?;
    let update = async |db: &Database, word: &str| -> Result<f64> {
        let start = Instant::now();
        let values = (0..rows).map(|i| params![format!("{word} {i}"), ROWS + 1 + i]);
        db.execute_many("UPDATE t SET a = ? WHERE id = ?", values).await?;
        Ok(start.elapsed().as_secs_f64())
    };
    let (mut statements, mut applied) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        // The set leads back from "there" to "here".
        update(&db, "there").await?;
        let mut outbox = db.outbox(["t"]).await?;
        statements = statements.min(update_unrecorded(&db, &update).await?);
        update(&db, "there").await?;
        update(&db, "here").await?;
        let mut last = None;
        while let Some(batch) = outbox.next().await? {
            last = Some(batch);
        }
        let last = last.ok_or("nothing was recorded")?;
        outbox.ack(last.id()).await?;
        db.outbox([]).await?;
        update(&db, "there").await?;
        let start = Instant::now();
        let done = db.apply(last.bytes(), Apply::abort()).await?;
        applied = applied.min(start.elapsed().as_secs_f64());
        assert!(done.conflicts().is_empty());
    }
    figure("live_apply", "times", applied / statements);
    figure("live_apply_rows", "rows/s", rows as f64 / applied);
    db.close().await?;
    Ok(())
}

async fn update_unrecorded(
    db: &Database,
    update: &impl AsyncFn(&Database, &str) -> Result<f64>,
) -> Result<f64> {
    db.outbox([]).await?;
    let took = update(db, "here").await?;
    db.outbox(["t"]).await?;
    Ok(took)
}
