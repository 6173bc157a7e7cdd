//! The benchmarks: `cargo xtask bench NAME`.

mod figures;
mod goals;
mod json;
mod options;
mod programs;
mod readme;
mod rounds;
mod table;
mod works;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use self::options::Options;
use crate::workspace::Workspace;

/// Runs the benchmark that the first argument names.
///
/// # Errors
///
/// An unknown name or option, a program that does not build, or one that fails
/// while it is measured. A goal that is missed is told, and is no error.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let Some((name, rest)) = args.split_first() else {
        bail!("name a benchmark: rust\n{}", options::USAGE);
    };
    match name.as_str() {
        "rust" => rust(&Options::parse(rest)?),
        unknown => bail!("unknown benchmark `{unknown}`; there is: rust"),
    }
}

fn rust(options: &Options) -> anyhow::Result<()> {
    let places = Places::of(Workspace::find()?.root());
    let programs = programs::build(&places, options)?;
    let figures = rounds::measure(&places, options, &programs)?;
    let subjects: Vec<_> = programs.iter().map(|program| program.subject).collect();
    let verdicts = goals::judge(&figures);
    let text = table::markdown(&figures, &subjects, &verdicts, options);
    println!("{text}");
    write(&places.result, &json::of(&figures, &verdicts))?;
    if options.readme {
        readme::replace(&places.readme, &text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("written: {}", path.display());
    Ok(())
}

/// Where the benchmark finds and leaves its files.
struct Places {
    /// The folder of the subjects' crates.
    crates: PathBuf,
    /// The target directory that all of them share.
    build: PathBuf,
    /// The databases: under `target/`, because the system's folder for
    /// temporary files may be in memory, where a commit waits for nothing.
    data: PathBuf,
    result: PathBuf,
    readme: PathBuf,
}

impl Places {
    fn of(root: &Path) -> Self {
        let target = root.join("target");
        Self {
            crates: root.join("tests/bench"),
            build: target.join("bench-build"),
            data: target.join("bench/data"),
            result: target.join("bench/rust.json"),
            readme: root.join("README.md"),
        }
    }
}
