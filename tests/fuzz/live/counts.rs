//! How often something was committed, what it changed, and how often queries have run for it.

use std::collections::BTreeMap;

/// What has been counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// What was committed, by this process, and by the others.
    pub(crate) own: u64,
    pub(crate) foreign: u64,
    /// The results that one commit of this process has changed, and how often queries have run
    /// because of such commits.
    pub(crate) changed: u64,
    pub(crate) runs: u64,
    /// The same of all commits.
    pub(crate) all_changed: u64,
    pub(crate) all_runs: u64,
    /// How often what is true was looked up, each time with all queries.
    pub(crate) truths: u64,
    pub(crate) kills: u64,
    /// The changes of results by the kind of query.
    pub(crate) kinds: BTreeMap<&'static str, u64>,
}

impl Counts {
    pub(crate) fn commits(&self) -> u64 {
        self.own + self.foreign
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.own += other.own;
        self.foreign += other.foreign;
        self.changed += other.changed;
        self.runs += other.runs;
        self.all_changed += other.all_changed;
        self.all_runs += other.all_runs;
        self.truths += other.truths;
        self.kills += other.kills;
        for (kind, changes) in other.kinds {
            *self.kinds.entry(kind).or_default() += changes;
        }
    }

    /// Prints what a run without a miss has done.
    pub(crate) fn report(&self, seconds: u64) {
        for (kind, changed) in &self.kinds {
            println!("{changed:>9} changes: {kind}");
        }
        let ratio = |runs: u64, changed: u64| runs as f64 / changed.max(1) as f64;
        println!(
            "{} commits ({} here, {} elsewhere), {} kills, {seconds} s; all queries run {} times to see the truth, 0 missed\n\
             commits here, one by one: {} results changed, {} runs, {:.2} runs per change\n\
             all commits: {} results changed, {} runs, {:.2} runs per change",
            self.commits(),
            self.own,
            self.foreign,
            self.kills,
            self.truths,
            self.changed,
            self.runs,
            ratio(self.runs, self.changed),
            self.all_changed,
            self.all_runs,
            ratio(self.all_runs, self.all_changed),
        );
    }
}
