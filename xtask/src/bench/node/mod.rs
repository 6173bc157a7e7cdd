//! `cargo xtask bench node`: the npm package in Node, with both engines, compared with
//! better-sqlite3, node:sqlite and node-sqlite3-wasm.

mod suite;

use std::path::{Path, PathBuf};

use anyhow::Context;

pub(crate) use self::suite::SUITE;
use super::data::Files;
use super::options::BenchOptions;
use super::suite::{Data, Runner, UBIQLITE, Work};
use crate::process::Run;
use crate::workspace::Workspace;
use crate::{build, npm};

/// Installs the peers, builds the package, and makes the data set.
pub(crate) fn runner(
    workspace: &Workspace,
    options: &BenchOptions,
) -> anyhow::Result<Box<dyn Runner>> {
    let ours = options.has_subject(UBIQLITE) || options.has_subject(suite::OURS_IN_WASM);
    runner_for(workspace, ours)
}

/// As [`runner`], for a suite whose subjects are in the same folder. `ours`: whether the package is
/// among those that are measured.
pub(super) fn runner_for(workspace: &Workspace, ours: bool) -> anyhow::Result<Box<dyn Runner>> {
    let folder = workspace.root().join("tests/bench/node");
    npm::install(&folder)?;
    if ours {
        build::npm::setup()?;
        build::npm::build(workspace)?;
    }
    let script = Script { node: node(&folder), path: folder.join("run.mjs") };
    let make = |items: &Path| {
        let made = script.run(suite::BETTER).arg("create").arg(items).answer();
        made.map(drop).context("cannot make the data set")
    };
    let files = Files::make(workspace.root().join("target/bench/node-data"), make)?;
    Ok(Box::new(Node { script, files }))
}

/// The program that runs every subject.
struct Script {
    node: PathBuf,
    path: PathBuf,
}

impl Script {
    fn run(&self, subject: &str) -> Run {
        Run::new(&self.node).arg(&self.path).arg(subject)
    }
}

struct Node {
    script: Script,
    files: Files,
}

impl Runner for Node {
    fn prepare(&self, data: Data, _subject: &str) -> anyhow::Result<PathBuf> {
        self.files.prepare(data)
    }

    fn run(&self, _work: &Work, subject: &str) -> Run {
        self.script.run(subject)
    }
}

/// Returns the Node that runs all subjects: better-sqlite3 13 crashes below 22, so npm
/// installs one, if the registry has one for this machine.
fn node(folder: &Path) -> PathBuf {
    let system = match std::env::consts::OS {
        "windows" => "win",
        other => other,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let program = format!("node{}", std::env::consts::EXE_SUFFIX);
    let own = folder.join(format!("node_modules/node-{system}-{machine}/bin")).join(&program);
    if own.is_file() { own } else { PathBuf::from(program) }
}
