//! `cargo xtask bench live`: live queries, beside polling `PRAGMA data_version`, which is all that
//! SQLite itself offers.

use super::goals::{Goal, at_most, usually_at_least, usually_at_most};
use super::options::BenchOptions;
use super::rust;
use super::suite::{Data, Runner, Suite, UBIQLITE, Whose, Work, work};
use crate::workspace::Workspace;

const RAW: &str = "raw";

const OURS: Whose = Whose::Only(&[UBIQLITE]);

pub(crate) const SUITE: Suite = Suite {
    name: "live",
    subjects: &[UBIQLITE, RAW],
    works: WORKS,
    further: FURTHER,
    goals: GOALS,
};

/// Builds the programs.
pub(crate) fn runner(
    workspace: &Workspace,
    options: &BenchOptions,
) -> anyhow::Result<Box<dyn Runner>> {
    rust::runner_for(&SUITE, workspace, options)
}

const WORKS: &[Work] = &[
    work("live_latency", "from a commit to its result", Data::Empty, Whose::All),
    work("live_process", "from another process's write to its result", Data::Empty, OURS),
    work("live_kept", "the writer's pace with 50 streams, over that without", Data::Empty, OURS),
    work("live_keys", "queries run by 200 writes that hit 3 of 50 keys", Data::Empty, OURS),
    work("live_same", "runs per commit of one query with 64 watchers", Data::Empty, OURS),
    work("live_mix", "runs for a change of a result, under all kinds of writes", Data::Empty, OURS),
    work("live_bulk", "100,000 inserts with 64 watches, over without", Data::Empty, OURS),
    work("live_outbox", "100,000 inserts into a recorded table, over without", Data::Empty, OURS),
    work("live_apply", "applying 100,000 updates, over the same statements", Data::Empty, OURS),
];

const FURTHER: &[(&str, &str)] = &[
    ("live_latency_p50", "from a commit to its result, p50"),
    ("live_latency_p99", "the same, p99"),
    ("live_process_p50", "from before another process's write to its result, p50"),
    ("live_process_seen", "commits of the other process that were seen one by one"),
    ("live_kept_overlap", "writes kept with 50 streams of 100 rows, each write in one"),
    ("live_kept_overlap_runs", "queries run by 50,000 such writes"),
    ("live_kept_apart", "writes kept, of a column that no stream reads"),
    ("live_kept_apart_runs", "queries run by them"),
    ("live_kept_keyed", "writes kept with 50 streams of one key each"),
    ("live_kept_keyed_runs", "queries run by them"),
    ("live_mix_rows", "queries run for a result that changes, of 59 under mixed writes"),
    ("live_mix_pages", "the same, of another connection's writes"),
    ("live_mix_tables", "the same, if they ran for every change of their tables"),
    ("live_bulk_runs", "runs per watch then"),
    ("live_outbox_bytes", "bytes of the change set a row"),
    ("live_apply_rows", "rows applied"),
];

const GOALS: &[Goal] = &[
    usually_at_most("live_latency_p50", 30.0),
    usually_at_most("live_latency_p99", 200.0),
    usually_at_most("live_process_p50", 1_000.0),
    usually_at_least("live_kept_overlap", 0.8),
    usually_at_least("live_kept_apart", 0.95),
    at_most("live_kept_apart_runs", 0.0),
    at_most("live_keys", 3.0),
    at_most("live_same", 1.0),
    usually_at_most("live_mix_rows", 1.5),
    usually_at_most("live_mix_pages", 3.0),
    usually_at_most("live_bulk", 1.1),
    usually_at_most("live_bulk_runs", 3.0),
    usually_at_most("live_outbox", 1.15),
    usually_at_most("live_apply", 2.0),
];
