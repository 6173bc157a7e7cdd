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

const WORKS: &[Work] =
    &[work("life_open", "what 100 applied migrations add to opening", Data::Empty, OURS)];

const FURTHER: &[(&str, &str)] = &[
    ("life_open_with", "opening and a first read, with 100 applied migrations"),
    ("life_open_without", "the same file without them"),
];

const GOALS: &[Goal] = &[usually_at_most("life_open", 1_000.0)];
