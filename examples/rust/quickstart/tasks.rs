//! One database, many tasks, and private connections.

use std::time::Duration;

use tokio::task::JoinSet;
use ubiqlite::{Database, Result, params};

use crate::show::{Step, chapter, refused};
use crate::tables::Item;

const TASKS: u32 = 64;

pub(crate) async fn run(db: &Database) -> Result<()> {
    chapter("64 tasks", "A clone of the database is the same database: give one to each task.");

    let step = Step::begin("64 tasks read");
    let mut tasks = JoinSet::new();
    for id in 1..=TASKS {
        let db = db.clone();
        tasks.spawn(async move {
            for _ in 0..200 {
                let _: Option<Item> = db.table("items").get(id).await?;
            }
            Ok(())
        });
    }
    all(tasks).await?;
    step.end_each(TASKS * 200, "12,800 reads on all cores");

    let add = "UPDATE items SET value = value + 1 WHERE id = 1";
    let step = Step::begin("one task commits");
    for _ in 0..640 {
        db.execute(add, ()).await?;
    }
    step.end_each(640, "640 commits, each safe on the disk");

    let step = Step::begin("64 tasks commit");
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let db = db.clone();
        tasks.spawn(async move {
            for _ in 0..10 {
                db.execute(add, ()).await?;
            }
            Ok(())
        });
    }
    all(tasks).await?;
    step.end_each(640, "the same, but waiting writes share a commit");

    let step = Step::begin("acquire a session");
    let mut session = db.acquire().await?;
    session.execute("CREATE TEMP TABLE basket (item_id INTEGER)", ()).await?;
    session.execute("INSERT INTO basket VALUES (?), (?)", params![10, 11]).await?;
    let names: Vec<String> =
        session.query("SELECT name FROM items JOIN basket ON items.id = item_id", ()).await?;
    step.end(format_args!("with a temporary table of its own: {}", names.join(", ")));
    drop(session);

    let step = Step::begin("64 tasks share 8 sessions");
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let db = db.clone();
        tasks.spawn(async move {
            let mut session = db.acquire().await?;
            session.query_value::<i64>("SELECT count(*) FROM items", ()).await?;
            Ok(())
        });
    }
    all(tasks).await?;
    step.end("each waits its turn and gives it back by dropping it");

    let mut lent = Vec::new();
    for _ in 0..8 {
        lent.push(db.acquire().await?);
    }
    let ninth = db.timeout(Duration::from_millis(20)).acquire().await;
    refused("the ninth, while 8 are out", ninth);
    Ok(())
}

/// Waits for all tasks, or until the first error.
async fn all(mut tasks: JoinSet<Result<()>>) -> Result<()> {
    while let Some(task) = tasks.join_next().await {
        match task {
            Ok(answer) => answer?,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    Ok(())
}
