//! `cargo xtask bench python`: the Python package compared with `sqlite3` of the standard
//! library and aiosqlite.

mod suite;

use std::path::{Path, PathBuf};

use anyhow::Context;

pub(crate) use self::suite::SUITE;
use super::data::Files;
use super::options::BenchOptions;
use super::suite::{Data, Runner, Work};
use crate::build::python::{folder, in_place, setup, tools};
use crate::process::Run;
use crate::python::Venv;
use crate::workspace::Workspace;

/// Installs the peers, builds the package, and makes the data set.
pub(crate) fn runner(
    workspace: &Workspace,
    _options: &BenchOptions,
) -> anyhow::Result<Box<dyn Runner>> {
    setup()?;
    in_place(workspace)?;
    let script = Script {
        tools: tools(workspace)?,
        path: workspace.root().join("tests/bench/python/run.py"),
        package: folder(workspace),
    };
    let make = |items: &Path| {
        let made = script.run(suite::STDLIB).arg("create").arg(items).answer();
        made.map(drop).context("cannot make the data set")
    };
    let files = Files::make(workspace.root().join("target/bench/python-data"), make)?;
    Ok(Box::new(Python { script, files }))
}

/// The program that runs every subject.
struct Script {
    tools: Venv,
    path: PathBuf,
    package: PathBuf,
}

impl Script {
    fn run(&self, subject: &str) -> Run {
        self.tools.python().env("PYTHONPATH", &self.package).arg(&self.path).arg(subject)
    }
}

struct Python {
    script: Script,
    files: Files,
}

impl Runner for Python {
    fn prepare(&self, data: Data, _subject: &str) -> anyhow::Result<PathBuf> {
        self.files.prepare(data)
    }

    fn run(&self, _work: &Work, subject: &str) -> Run {
        self.script.run(subject)
    }
}
