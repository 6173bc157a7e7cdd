//! `cargo xtask bench rust`: the crate compared with raw rusqlite and the async crates.

mod goals;
mod programs;
mod works;

use std::path::{Path, PathBuf};

use anyhow::Context;

use self::programs::{Builder, Programs};
use super::data::Files;
use super::options::BenchOptions;
use super::suite::{Data, Runner, Suite, Work};
use crate::process::Run;
use crate::workspace::Workspace;

pub(crate) const SUITE: Suite = Suite {
    name: "rust",
    subjects: works::SUBJECTS,
    works: works::WORKS,
    further: works::FURTHER,
    goals: goals::GOALS,
};

/// Builds the programs, and makes the data set.
pub(crate) fn runner(
    workspace: &Workspace,
    options: &BenchOptions,
) -> anyhow::Result<Box<dyn Runner>> {
    runner_for(&SUITE, workspace, options)
}

/// The same for another suite of these programs.
pub(crate) fn runner_for(
    suite: &Suite,
    workspace: &Workspace,
    options: &BenchOptions,
) -> anyhow::Result<Box<dyn Runner>> {
    let builder = Builder::of(workspace.root())?;
    let programs = builder.build(&suite.chosen(options))?;
    // The program that makes the data set, whichever subjects take part.
    let maker = builder.one(works::RAW)?;
    let make = |items: &Path| {
        let made = Run::new(maker).arg("create").arg(items).answer();
        made.map(drop).context("cannot make the data set")
    };
    let files = Files::make(workspace.root().join("target/bench/data"), make)?;
    Ok(Box::new(Rust { programs, files }))
}

struct Rust {
    programs: Programs,
    files: Files,
}

impl Runner for Rust {
    fn prepare(&self, data: Data, _subject: &str) -> anyhow::Result<PathBuf> {
        self.files.prepare(data)
    }

    fn run(&self, work: &Work, subject: &str) -> Run {
        let program = self.programs.path(subject);
        if work.pinned {
            Run::new("taskset").args(["-c", "0"]).arg(program)
        } else {
            Run::new(program)
        }
    }

    fn further_arguments(&self, work: &Work) -> Vec<String> {
        // On one core a second connection would only evict the first from the caches.
        let readers: &[&str] = if work.pinned { &["--readers", "1"] } else { &[] };
        readers.iter().map(|it| (*it).to_owned()).collect()
    }
}
