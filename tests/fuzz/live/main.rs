//! Three processes write one database, with this library and with plain SQLite, and are killed; in
//! one of them queries are watched. After each commit, and at each pause of those that come at the
//! same time, each query is run by itself, and its watch must have what it returns.
//!
//! `cargo xtask fuzz live` is the long run. The same seed makes the same statements; which of two
//! processes is first, and where one is killed, is the machine's.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

mod answer;
mod apply;
mod plan;
mod round;
mod schema;
#[allow(dead_code, reason = "each test program uses its part")]
#[path = "../../conformance/support.rs"]
mod support;
mod watches;
mod writer;

use std::time::Instant;

use round::{Counts, Round};

/// The name of the test, which is what the other processes run too.
const TEST: &str = "no_change_of_three_processes_is_missed";

/// After so many commits a new database is begun, with other settings.
const EACH: u64 = 2_500;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |it| it.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_of_three_processes_is_missed() {
    if let Some((role, path)) = support::role() {
        return writer::run(&role, &path).await;
    }
    let commits = number("UBIQLITE_FUZZ_COMMITS", 20_000);
    let seed = number("UBIQLITE_FUZZ_SEED", 1);
    let (mut counts, begun) = (Counts::default(), Instant::now());
    for round in 0.. {
        let done = counts.commits();
        if done >= commits {
            break;
        }
        println!("seed {}, after {done} commits", seed + round);
        let round = Round::begin(TEST, seed + round, &mut counts).await;
        round.run((done + EACH).min(commits)).await;
    }
    for (kind, changed) in &counts.kinds {
        println!("{changed:>9} changes: {kind}");
    }
    let ratio = |runs: u64, changed: u64| runs as f64 / changed.max(1) as f64;
    println!(
        "{} commits ({} here, {} elsewhere), {} kills, {} s; all queries run {} times to see the truth, 0 missed\n\
         commits here, one by one: {} results changed, {} runs, {:.2} runs per change\n\
         all commits: {} results changed, {} runs, {:.2} runs per change",
        counts.commits(),
        counts.own,
        counts.foreign,
        counts.kills,
        begun.elapsed().as_secs(),
        counts.truths,
        counts.changed,
        counts.runs,
        ratio(counts.runs, counts.changed),
        counts.all_changed,
        counts.all_runs,
        ratio(counts.all_runs, counts.all_changed),
    );
}
