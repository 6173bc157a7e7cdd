//! The rules of handles as a model: random sequences of begin, savepoint, release,
//! statement, stream, commit, rollback, drop, cancel, withdraw and lose, from several tasks on one
//! transaction, compared with plain SQLite that runs what was acknowledged, in the same order.
//!
//! `UBIQLITE_SEQUENCES` sets their number, `UBIQLITE_SEED` the first seed.

mod ask;
mod client;
mod replay;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::*;
use crate::options::Synchronous;
use client::Client;

/// Longer than any sequence takes: a hang, reported as a failure.
const HANG: Duration = Duration::from_secs(120);

/// Drives futures on the test's runtime, and notifies when replies are ready.
#[derive(Clone, Default)]
struct Wakes(Arc<Notify>);

impl Host for Wakes {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        tokio::spawn(future);
    }

    fn ready(&self) {
        self.0.notify_one();
    }
}

/// The databases that sequences run on.
#[derive(Debug, Clone, Copy)]
enum World {
    SingleThreadMemory,
    SingleThreadFile,
    ThreadedMemory,
    ThreadedFile,
}

const WORLDS: [World; 4] = [
    World::SingleThreadMemory,
    World::SingleThreadFile,
    World::ThreadedMemory,
    World::ThreadedFile,
];

const SCHEMA: &str = "CREATE TABLE t (a INTEGER PRIMARY KEY, n); INSERT INTO t VALUES (0, 0)";

impl World {
    async fn open(self, dir: &std::path::Path) -> Database {
        let options = Options::default()
            .synchronous(Synchronous::Off)
            .readers(2)
            .sessions(2)
            .busy_timeout(HANG * 2)
            .acquire_timeout(HANG * 2);
        let file = dir.join("app.db");
        let db = match self {
            Self::SingleThreadMemory => options.open_single_thread(":memory:"),
            Self::SingleThreadFile => options.open_single_thread(file),
            Self::ThreadedMemory => options.open(":memory:").await,
            Self::ThreadedFile => options.open(file).await,
        };
        let db = db.unwrap();
        db.batch(SCHEMA).await.unwrap();
        db
    }
}

/// Acquires all sessions at once and releases them: their earlier work is then finished.
async fn all_sessions(db: &Database, world: World) -> crate::error::Result<()> {
    let several = matches!(world, World::SingleThreadFile | World::ThreadedFile);
    let mut sessions = vec![db.acquire().await?];
    if several {
        sessions.push(db.acquire().await?);
    }
    Ok(())
}

/// Runs one sequence, and compares the rows that are left with those that must be left.
async fn sequence(db: &Database, world: World, seed: u64) -> Result<(), String> {
    db.batch("DELETE FROM t WHERE a <> 0; UPDATE t SET n = 0")
        .await
        .map_err(|error| format!("the sequence before this one holds the database: {error}"))?;
    let mut client = Client::new(db, seed);
    let steps = client.random().usize(3..26);
    for _ in 0..steps {
        client.step().await?;
    }
    let in_session = client.is_in_session();
    let mut trace = client.finish().await?;
    trace.resolve();
    if in_session {
        // A cancelled write of the session may still be running.
        all_sessions(db, world).await.map_err(|error| error.to_string())?;
    }
    // Runs after anything that is still being undone.
    db.execute("UPDATE t SET n = n WHERE a = -1", ()).await.map_err(|error| error.to_string())?;
    let rows: Vec<(i64, i64)> =
        db.query("SELECT a, n FROM t ORDER BY a", ()).await.map_err(|error| error.to_string())?;
    replay::check(&trace, &rows).map_err(|error| format!("{error}\n{}", trace.describe()))
}

async fn run(world: World, seeds: impl Iterator<Item = u64>) {
    let dir = tempfile::tempdir().unwrap();
    let db = world.open(dir.path()).await;
    for seed in seeds {
        let done = tokio::time::timeout(HANG, sequence(&db, world, seed)).await;
        let done = done.unwrap_or_else(|_| Err("it hangs".to_owned()));
        if let Err(error) = done {
            panic!("seed {seed} on {world:?}: {error}");
        }
    }
    // No connection is in use any more, and all are available.
    let whole = async {
        all_sessions(&db, world).await.unwrap();
        drop(db.snapshot().await.unwrap());
        db.begin().await.unwrap().rollback().await.unwrap();
        db.close().await.unwrap();
    };
    tokio::time::timeout(HANG, whole).await.expect("a connection of the pool is missing");
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn whatever_handles_are_asked_what_was_acknowledged_is_there_and_nothing_else() {
    let (count, first) = (number("UBIQLITE_SEQUENCES", 20_000), number("UBIQLITE_SEED", 1));
    std::thread::scope(|threads| {
        for (index, world) in WORLDS.into_iter().enumerate() {
            threads.spawn(move || {
                // The backend without threads needs a runtime with one thread.
                let mut runtime = match world {
                    World::SingleThreadMemory | World::SingleThreadFile => {
                        tokio::runtime::Builder::new_current_thread()
                    }
                    World::ThreadedMemory | World::ThreadedFile => {
                        tokio::runtime::Builder::new_multi_thread()
                    }
                };
                let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
                let seeds = (first..first + count).skip(index).step_by(WORLDS.len());
                runtime.block_on(run(world, seeds));
            });
        }
    });
}
