//! The other processes: one writes with the library, one with plain SQLite.

use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use rusqlite::Connection;
use ubiqlite::{Database, JournalMode, Options, Synchronous};

use crate::plan::{Plan, Purpose};
use crate::query_result::Truth;
use crate::support::{Other, hear, ready, tell};
use crate::watches::{Between, Watches};
use crate::{apply, schema};

/// What another process is asked to do: a number, whose first byte says what the rest is.
const KIND: u32 = 56;
const PLAN: u64 = 0;
const TICK: u64 = 1;
const REOPEN: u64 = 2;
const CHECK: u64 = 3;

/// How long is waited for a lock: for others' checkpoints, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Which of the other processes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Library,
    Sqlite,
}

/// Another process.
pub(crate) struct Writer(Other);

impl Writer {
    /// Starts one for the file, with settings drawn from the seed.
    pub(crate) fn start(test: &str, kind: Kind, mode: JournalMode, seed: u64, path: &Path) -> Self {
        let kind = if kind == Kind::Library { "library" } else { "sqlite" };
        let mode = if mode == JournalMode::Wal { "wal" } else { "delete" };
        Self(Other::start(test, &format!("{kind} {mode} {seed}"), path))
    }

    /// Asks for the plan of a seed.
    pub(crate) fn ask(&mut self, seed: u64) {
        self.0.send(PLAN << KIND | seed);
    }

    /// Asks for a new value of the tick.
    pub(crate) fn ask_for_tick(&mut self, value: i64) {
        self.0.send(TICK << KIND | value.unsigned_abs());
    }

    /// Asks for new connections, with settings drawn from the seed.
    pub(crate) fn ask_to_reopen(&mut self, seed: u64) {
        self.0.send(REOPEN << KIND | seed);
    }

    /// Asks whether its own watches have what is true, which it fails at if they don't.
    pub(crate) fn ask_to_check(&mut self) {
        self.0.send(CHECK << KIND);
    }

    /// Returns whether what was asked has committed something, once it is done.
    pub(crate) fn answer(&mut self) -> bool {
        self.0.receive() > 0
    }

    pub(crate) fn kill(self) {
        self.0.kill();
    }

    pub(crate) fn finish(self) {
        self.0.finish();
    }
}

/// What this process is asked to do.
enum Asked {
    Plan(Plan),
    Tick(i64),
    Reopen(u64),
    Check,
}

fn next() -> Option<Asked> {
    let number = hear()?;
    let rest = number & ((1 << KIND) - 1);
    Some(match number >> KIND {
        PLAN => Asked::Plan(Plan::of(rest, Purpose::Anything)),
        TICK => Asked::Tick(i64::try_from(rest).unwrap()),
        REOPEN => Asked::Reopen(rest),
        _ => Asked::Check,
    })
}

/// Is another process, until the first one ends.
pub(crate) async fn run(role: &str, path: &Path) {
    let words: Vec<&str> = role.split(' ').collect();
    let mode = if words[1] == "wal" { JournalMode::Wal } else { JournalMode::Delete };
    let seed = words[2].parse().unwrap();
    match words[0] {
        "library" => library(path, mode, seed).await,
        _ => sqlite(path, seed),
    }
}

async fn library(path: &Path, mode: JournalMode, seed: u64) {
    let mut here = Here::open(path, mode, seed).await;
    let seen = Truth::of(path);
    ready();
    while let Some(asked) = next() {
        let before = seen.version();
        let mut counts = true;
        match asked {
            Asked::Plan(plan) => {
                apply::with_library(&here.db, &plan).await;
                counts = plan.changes_data();
            }
            Asked::Tick(value) => apply::tick_with_library(&here.db, value).await,
            Asked::Reopen(seed) => {
                here.db.close().await.unwrap();
                here = Here::open(path, mode, seed).await;
            }
            Asked::Check => here.check(&seen).await,
        }
        if let Some(watches) = &mut here.watches {
            watches.ask().await;
        }
        tell(u64::from(counts && seen.version() != before));
    }
    here.db.close().await.unwrap();
}

/// The database in another process, where a few queries may be watched too.
struct Here {
    db: Database,
    watches: Option<Watches>,
}

impl Here {
    async fn open(path: &Path, mode: JournalMode, seed: u64) -> Self {
        let db = options(mode, seed).open(path).await.unwrap();
        let random = &mut Rng::with_seed(seed);
        let watches = match random.u32(0..3) {
            0 => {
                let some = schema::watched(random).into_iter().step_by(6);
                Some(Watches::of(&db, some.collect()).await)
            }
            _ => None,
        };
        Self { db, watches }
    }

    async fn check(&mut self, truth: &Truth) {
        let Some(watches) = &mut self.watches else { return };
        let truth = truth.results(watches.queries());
        watches.agree(&truth, Between::Anything).await.unwrap();
    }
}

fn sqlite(path: &Path, seed: u64) {
    let mut db = plain(path, seed);
    let seen = Truth::of(path);
    ready();
    while let Some(asked) = next() {
        let before = seen.version();
        let mut counts = true;
        match asked {
            Asked::Plan(plan) => {
                apply::with_sqlite(&db, &plan);
                counts = plan.changes_data();
            }
            Asked::Tick(value) => {
                db.execute("UPDATE tick SET v = ? WHERE id = 1", [value]).unwrap();
            }
            Asked::Reopen(seed) => db = plain(path, seed),
            Asked::Check => {}
        }
        tell(u64::from(counts && seen.version() != before));
    }
}

/// Draws settings for a database object.
pub(crate) fn options(mode: JournalMode, seed: u64) -> Options {
    let random = &mut Rng::with_seed(seed);
    let mut options = Options::default()
        .journal_mode(mode)
        .busy_timeout(PATIENCE)
        .synchronous([Synchronous::Off, Synchronous::Off, Synchronous::Normal][random.usize(0..3)])
        .cache_kib([40, 2_000][random.usize(0..2)])
        .statement_cache([3, 100, 100, 100][random.usize(0..4)])
        .leases(random.u32(0..4) > 0)
        .inline(random.u32(0..4) > 0)
        .readers(random.usize(1..4));
    if random.bool() {
        options = options.wal_limit([50_000, 500_000][random.usize(0..2)]);
    }
    options
}

/// Opens a connection without the library, with settings drawn from the seed.
fn plain(path: &Path, seed: u64) -> Connection {
    let random = &mut Rng::with_seed(seed);
    let db = Connection::open(path).unwrap();
    db.busy_timeout(PATIENCE).unwrap();
    let set = [
        format!("PRAGMA synchronous = {}", ["OFF", "OFF", "NORMAL"][random.usize(0..3)]),
        format!("PRAGMA foreign_keys = {}", ["ON", "OFF"][random.usize(0..2)]),
        format!("PRAGMA recursive_triggers = {}", ["ON", "OFF"][random.usize(0..2)]),
        // A few pages, so that some are written before the commit.
        format!("PRAGMA cache_size = {}", [5, -2_000][random.usize(0..2)]),
        format!("PRAGMA wal_autocheckpoint = {}", [0, 1, 20, 1_000][random.usize(0..4)]),
        format!("PRAGMA journal_size_limit = {}", [-1, 0][random.usize(0..2)]),
        format!("PRAGMA mmap_size = {}", [0, 1 << 20][random.usize(0..2)]),
        format!("PRAGMA secure_delete = {}", ["ON", "OFF"][random.usize(0..2)]),
    ];
    for one in set {
        db.execute_batch(&one).unwrap();
    }
    db
}
