//! Three processes write one database, with this library and with plain SQLite, and are killed; in
//! one of them queries are watched. After each commit, and at each pause of those that come at the
//! same time, each query is run by itself, and its watch must have what it returns.
//!
//! `cargo xtask fuzz live` is the long run. The same seed makes the same statements; which of two
//! processes is first, and where one is killed, is the machine's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

mod apply;
mod counts;
mod plan;
mod query_result;
mod round;
mod schema;
#[allow(dead_code, reason = "each test program uses its part")]
#[path = "../../conformance/support.rs"]
mod support;
mod watches;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use counts::Counts;
use round::Round;

/// The name of the test, which is what the other processes run too.
const TEST: &str = "no_change_of_three_processes_is_missed";

/// After so many commits a new database is begun, with other settings.
const EACH: u64 = 2_500;

/// How many databases are written at the same time, one a processor.
const LANES: u64 = 2;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |it| it.parse().expect("a number"))
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(work)
}

/// Ends the other lanes after their round when one has found something.
struct Found<'l>(&'l AtomicU64);

impl Drop for Found<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(0, Relaxed);
        }
    }
}

/// Takes one seed after another, until there have been enough commits.
fn rounds(seeds: &AtomicU64, left: &AtomicU64) -> Counts {
    let _found = Found(left);
    let mut counts = Counts::default();
    loop {
        let take = |left: u64| Some(left.saturating_sub(EACH));
        let commits = left.fetch_update(Relaxed, Relaxed, take).unwrap().min(EACH);
        if commits == 0 {
            return counts;
        }
        let seed = seeds.fetch_add(1, Relaxed);
        println!("seed {seed}");
        counts.add(wait(async { Round::begin(TEST, seed).await.run(commits).await }));
    }
}

#[test]
fn no_change_of_three_processes_is_missed() {
    if let Some((role, path)) = support::role() {
        return wait(writer::run(&role, &path));
    }
    let left = AtomicU64::new(number("UBIQLITE_FUZZ_COMMITS", 20_000));
    let seeds = AtomicU64::new(number("UBIQLITE_FUZZ_SEED", 1));
    let (mut counts, begun) = (Counts::default(), Instant::now());
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(|| rounds(&seeds, &left))).collect();
        for lane in lanes {
            counts.add(lane.join().unwrap());
        }
    });
    counts.report(begun.elapsed().as_secs());
}
