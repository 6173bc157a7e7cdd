//! `cargo xtask bench kotlin`: the Kotlin library on the JVM compared with sqlite-jdbc, and
//! its live queries with SQLDelight's flows.

mod suite;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;

pub(crate) use self::suite::SUITE;
use super::data::Files;
use super::options::BenchOptions;
use super::suite::{Data, Runner, Work};
use crate::build;
use crate::maven::mvn;
use crate::process::Run;
use crate::workspace::Workspace;

const MAIN: &str = "io.github.ubiqlite.bench.MainKt";

/// Builds the library and the program that runs every subject, and makes the data set.
pub(crate) fn runner(
    workspace: &Workspace,
    _options: &BenchOptions,
) -> anyhow::Result<Box<dyn Runner>> {
    build::kotlin::setup()?;
    build::kotlin::build(workspace)?;
    let folder = workspace.root().join("tests/bench/kotlin");
    mvn().arg("package").dir(&folder).run()?;
    let target = folder.join("target");
    let classes = std::env::join_paths([target.join("classes"), target.join("lib/*")])
        .context("the checkout's path can't be in a class path")?;
    let program = Program { classes };
    let make = |items: &Path| {
        let made = program.run(suite::UBIQLITE).arg("create").arg(items).answer();
        made.map(drop).context("cannot make the data set")
    };
    let files = Files::make(workspace.root().join("target/bench/kotlin-data"), make)?;
    Ok(Box::new(Kotlin { program, files }))
}

/// The program that runs every subject.
struct Program {
    classes: OsString,
}

impl Program {
    fn run(&self, subject: &str) -> Run {
        Run::new("java").args(["-Xmx1g", "-cp"]).arg(&self.classes).arg(MAIN).arg(subject)
    }
}

struct Kotlin {
    program: Program,
    files: Files,
}

impl Runner for Kotlin {
    fn prepare(&self, data: Data, _subject: &str) -> anyhow::Result<PathBuf> {
        self.files.prepare(data)
    }

    fn run(&self, _work: &Work, subject: &str) -> Run {
        self.program.run(subject)
    }
}
