//! One database, written by three processes.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::task::spawn_blocking;
use ubiqlite::{Database, JournalMode};

use crate::apply;
use crate::counts::Counts;
use crate::plan::{Plan, Purpose};
use crate::query_result::{QueryResult, Truth};
use crate::schema;
use crate::watches::{Between, Watches};
use crate::writer::{Kind, Writer, options};

/// A number that fits beside what it is for.
const SEEDS: u64 = 1 << 50;

/// How much is shown of what was done before a miss.
const SHOWN: usize = 40;

/// One database, the watches on it, and the other processes.
pub(crate) struct Round {
    test: &'static str,
    seed: u64,
    random: Rng,
    path: PathBuf,
    db: Database,
    mode: JournalMode,
    watches: Watches,
    truth: Option<Truth>,
    library: Option<Writer>,
    sqlite: Option<Writer>,
    tick: i64,
    /// What was done last: by whom, and its seed.
    done: VecDeque<(&'static str, u64, Purpose)>,
    counts: Counts,
    folder: Option<tempfile::TempDir>,
}

impl Drop for Round {
    /// Keeps the files of a round that has found something.
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            for (who, seed, purpose) in &self.done {
                eprintln!("{who}: {:?}", Plan::of(*seed, *purpose));
            }
            eprintln!("seed {}: its files are in {}", self.seed, folder.keep().display());
        }
    }
}

impl Round {
    pub(crate) async fn begin(test: &'static str, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("live.db");
        let sizes = [1024, 4096, 4096, 8192];
        let vacuum = [ubiqlite::AutoVacuum::None, ubiqlite::AutoVacuum::Full];
        let db = options(JournalMode::Wal, random.u64(0..SEEDS))
            .page_size(sizes[random.usize(0..sizes.len())])
            .auto_vacuum(vacuum[random.usize(0..2)])
            .open(&path)
            .await
            .unwrap();
        db.batch(schema::script().as_str()).await.unwrap();
        let watches = Watches::of(&db, schema::watched(&mut random)).await;
        let mut round = Self {
            test,
            seed,
            random,
            truth: Some(Truth::of(&path)),
            path,
            db,
            mode: JournalMode::Wal,
            watches,
            library: None,
            sqlite: None,
            tick: 0,
            done: VecDeque::new(),
            counts: Counts::default(),
            folder: Some(folder),
        };
        round.start(Kind::Library);
        round.start(Kind::Sqlite);
        round.compare(Between::Nothing).await;
        round
    }

    /// Goes on until so many commits have been counted.
    pub(crate) async fn run(mut self, commits: u64) -> Counts {
        let mut journal = self.random.u32(0..4) == 0;
        while self.counts.commits() < commits {
            let begun = self.db.live_runs();
            match self.random.u32(0..100) {
                0..40 => self.measured(40).await,
                40..60 => self.foreign(20).await,
                60..96 => self.together(8).await,
                _ => self.killed(2).await,
            }
            if std::mem::take(&mut journal) {
                self.other_journal().await;
            }
            self.counts.all_runs += self.db.live_runs() - begun;
        }
        assert_eq!(self.truth().integrity(), "ok", "seed {}", self.seed);
        for writer in [self.library.take(), self.sqlite.take()].into_iter().flatten() {
            writer.finish();
        }
        self.db.close().await.unwrap();
        std::mem::take(&mut self.counts)
    }

    fn draw(&mut self) -> u64 {
        self.random.u64(0..SEEDS)
    }

    fn truth(&self) -> &Truth {
        self.truth.as_ref().unwrap()
    }

    fn start(&mut self, kind: Kind) {
        let seed = self.draw();
        let writer = Writer::start(self.test, kind, self.mode, seed, &self.path);
        *self.slot(kind) = Some(writer);
    }

    fn slot(&mut self, kind: Kind) -> &mut Option<Writer> {
        match kind {
            Kind::Library => &mut self.library,
            Kind::Sqlite => &mut self.sqlite,
        }
    }

    fn writer(&mut self, kind: Kind) -> &mut Writer {
        self.slot(kind).as_mut().unwrap()
    }

    fn note(&mut self, who: &'static str, seed: u64, purpose: Purpose) {
        self.done.push_back((who, seed, purpose));
        if self.done.len() > SHOWN {
            self.done.pop_front();
        }
    }

    /// Waits until each watch has what is true, and returns how many results have changed.
    async fn compare(&mut self, between: Between) -> u64 {
        let truth: Vec<QueryResult> = self.truth().results(self.watches.queries());
        self.counts.truths += 1;
        match self.watches.agree(&truth, between).await {
            Ok(changed) => {
                for kind in &changed {
                    *self.counts.kinds.entry(*kind).or_default() += 1;
                }
                self.counts.all_changed += changed.len() as u64;
                changed.len() as u64
            }
            Err(missed) => {
                panic!(
                    "seed {}: {} missed after {} commits:\n{}",
                    self.seed,
                    missed.len(),
                    self.counts.commits(),
                    missed.join("\n")
                );
            }
        }
    }

    /// Commits of this process, one at a time.
    async fn measured(&mut self, times: u32) {
        let replaced = self.random.usize(..);
        self.watches.replace(replaced).await;
        self.watches.drain().await;
        let before = self.db.live_runs();
        for _ in 0..times {
            let (seed, version) = (self.draw(), self.truth().version());
            let plan = Plan::of(seed, Purpose::Measured);
            self.note("here", seed, Purpose::Measured);
            apply::with_library(&self.db, &plan).await;
            self.counts.own += u64::from(plan.changes_data() && self.truth().version() != version);
            self.watches.ask().await;
            self.counts.changed += self.compare(Between::Nothing).await;
        }
        self.watches.drain().await;
        self.counts.runs += self.db.live_runs() - before;
    }

    /// Commits of another process, one at a time. The tick comes after each, so that nothing of
    /// it is left to be noticed later.
    async fn foreign(&mut self, times: u32) {
        for _ in 0..times {
            let kind = if self.random.bool() { Kind::Library } else { Kind::Sqlite };
            if self.random.u32(0..20) == 0 {
                let seed = self.draw();
                self.writer(kind).ask_to_reopen(seed);
                self.writer(kind).answer();
            }
            let seed = self.draw();
            self.note(name(kind), seed, Purpose::Anything);
            self.writer(kind).ask(seed);
            self.counts.foreign += u64::from(self.writer(kind).answer());
            if self.random.bool() {
                self.watches.ask().await;
            }
            self.tick(kind);
            self.compare(Between::Anything).await;
        }
    }

    /// Makes another process commit a new value of the tick.
    fn tick(&mut self, kind: Kind) {
        self.tick += 1;
        let tick = self.tick;
        self.writer(kind).ask_for_tick(tick);
        self.counts.foreign += u64::from(self.writer(kind).answer());
    }

    /// Commits of all three at the same time.
    async fn together(&mut self, times: u32) {
        for _ in 0..times {
            let library = self.busy(Kind::Library, 8);
            let sqlite = self.busy(Kind::Sqlite, 8);
            let own = self.random.u32(0..8);
            self.commit_meanwhile(own).await;
            for (kind, busy) in [(Kind::Library, library), (Kind::Sqlite, sqlite)] {
                let (writer, committed) = self.watches.follow(busy).await.unwrap();
                *self.slot(kind) = Some(writer);
                self.counts.foreign += committed;
            }
            if self.random.u32(0..4) == 0 {
                let replaced = self.random.usize(..);
                self.watches.replace(replaced).await;
            }
            self.compare(Between::Anything).await;
            self.writer(Kind::Library).ask_to_check();
            self.writer(Kind::Library).answer();
        }
    }

    /// Makes another process commit up to `most` times. Returns it when it has, and how often.
    fn busy(&mut self, kind: Kind, most: u32) -> tokio::task::JoinHandle<(Writer, u64)> {
        let times = self.random.u32(0..most);
        for _ in 0..times {
            let seed = self.draw();
            self.note(name(kind), seed, Purpose::Anything);
            self.writer(kind).ask(seed);
        }
        let mut writer = self.slot(kind).take().unwrap();
        spawn_blocking(move || {
            let committed = (0..times).map(|_| u64::from(writer.answer())).sum();
            (writer, committed)
        })
    }

    /// Commits here, while others do too.
    async fn commit_meanwhile(&mut self, times: u32) {
        for _ in 0..times {
            let seed = self.draw();
            let plan = Plan::of(seed, Purpose::Anything);
            self.note("here", seed, Purpose::Anything);
            self.watches.follow(apply::with_library(&self.db, &plan)).await;
            self.counts.own += u64::from(plan.changes_data());
            if self.random.u32(0..10) == 0 {
                let replaced = self.random.usize(..);
                self.watches.replace(replaced).await;
            }
        }
    }

    /// Kills another process at some moment, while it commits and the others do too.
    async fn killed(&mut self, times: u32) {
        for _ in 0..times {
            let (victim, other) = match self.random.bool() {
                true => (Kind::Library, Kind::Sqlite),
                false => (Kind::Sqlite, Kind::Library),
            };
            for _ in 0..8 {
                let seed = self.draw();
                self.note("killed", seed, Purpose::Anything);
                self.writer(victim).ask(seed);
            }
            let busy = self.busy(other, 4);
            let (own, pause) = (self.random.u32(0..3), self.random.u64(0..3_000));
            self.commit_meanwhile(own).await;
            let until = Instant::now() + Duration::from_micros(pause);
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            self.slot(victim).take().unwrap().kill();
            self.counts.kills += 1;
            let (writer, committed) = self.watches.follow(busy).await.unwrap();
            *self.slot(other) = Some(writer);
            self.counts.foreign += committed;
            // What it has committed before is to be noticed, whether or not it is there again.
            self.compare(Between::Anything).await;
            self.start(victim);
            self.tick(victim);
            self.compare(Between::Anything).await;
        }
    }

    /// The same with a rollback journal. The mode can be changed while nobody else has the file.
    async fn other_journal(&mut self) {
        self.change_journal(JournalMode::Delete).await;
        self.measured(10).await;
        self.foreign(5).await;
        self.together(2).await;
        self.killed(1).await;
        self.change_journal(JournalMode::Wal).await;
        self.compare(Between::Anything).await;
    }

    async fn change_journal(&mut self, mode: JournalMode) {
        for kind in [Kind::Library, Kind::Sqlite] {
            self.slot(kind).take().unwrap().finish();
        }
        self.truth = None;
        let word = if mode == JournalMode::Wal { "wal" } else { "delete" };
        let sql = format!("PRAGMA journal_mode = {word}");
        let now: String = self.db.query_value(&sql, ()).await.unwrap();
        assert_eq!(now, word);
        self.mode = mode;
        self.truth = Some(Truth::of(&self.path));
        self.start(Kind::Library);
        self.start(Kind::Sqlite);
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Library => "the library elsewhere",
        Kind::Sqlite => "plain SQLite",
    }
}
