//! `cargo xtask bench life`: what belongs to a database's whole life rather than to its statements.

use super::goals::{Goal, usually_at_most};
use super::options::BenchOptions;
use super::rust;
use super::suite::{Data, Runner, Suite, UBIQLITE, Whose, Work, work};
use crate::workspace::Workspace;

const OURS: Whose = Whose::Only(&[UBIQLITE]);

pub(crate) const SUITE: Suite =
    Suite { name: "life", subjects: &[UBIQLITE], works: WORKS, further: FURTHER, goals: GOALS };

/// Builds the programs.
pub(crate) fn runner(
    workspace: &Workspace,
    options: &BenchOptions,
) -> anyhow::Result<Box<dyn Runner>> {
    rust::runner_for(&SUITE, workspace, options)
}

const WORKS: &[Work] = &[
    work("life_open", "what 100 applied migrations add to opening", Data::Empty, OURS),
    work(
        "life_backup",
        "a backup of 256 MiB under a writer, over `VACUUM INTO`",
        Data::Empty,
        OURS,
    ),
    work(
        "life_replicate",
        "a write at 1,000 commits a second with a replica, over the same without",
        Data::Empty,
        OURS,
    ),
];

const FURTHER: &[(&str, &str)] = &[
    ("life_open_with", "opening and a first read, with 100 applied migrations"),
    ("life_open_without", "the same file without them"),
    ("life_backup_s", "that backup"),
    ("life_backup_worst_write", "the writer's longest write during it"),
    ("life_backup_worst_write_alone", "the same writer's without a backup"),
    ("life_backup_vacuum_worst_write", "the same during `VACUUM INTO`"),
    ("life_backup_writes", "what it wrote meanwhile"),
    ("life_backup_memory", "the largest memory of the process"),
    ("life_replicate_lag", "the longest time for which a commit was not stored"),
    ("life_replicate_with", "the mean time of such a write with a replica"),
    ("life_replicate_without", "the same without"),
    ("life_replicate_transactions", "the last transaction that is stored"),
];

const GOALS: &[Goal] = &[
    usually_at_most("life_open", 1_000.0),
    usually_at_most("life_backup", 1.2),
    usually_at_most("life_backup_worst_write", 5.0),
    usually_at_most("life_backup_memory", 64.0),
    usually_at_most("life_replicate", 1.05),
    usually_at_most("life_replicate_lag", 1.0),
];
