//! Building the subjects' programs.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::Places;
use super::options::Options;
use super::works::{SUBJECTS, Subject, WORKS};
use crate::process::Run;

/// A subject's program, built.
pub(crate) struct Program {
    pub(crate) subject: Subject,
    pub(crate) path: PathBuf,
}

/// Builds the chosen subjects one after another, all with the same profile,
/// compiler and SQLite flags, in one target directory.
pub(crate) fn build(places: &Places, options: &Options) -> anyhow::Result<Vec<Program>> {
    refuse_unknown(options)?;
    fs::create_dir_all(&places.build)
        .with_context(|| format!("cannot make {}", places.build.display()))?;
    SUBJECTS
        .iter()
        .filter(|subject| options.has_subject(subject.name))
        .map(|subject| one(places, *subject))
        .collect()
}

/// The program that makes the data set, whoever takes part.
pub(crate) fn maker(places: &Places) -> anyhow::Result<Program> {
    let raw = SUBJECTS.iter().find(|subject| subject.name == super::works::RAW);
    one(places, *raw.context("raw is no subject any more")?)
}

fn one(places: &Places, subject: Subject) -> anyhow::Result<Program> {
    Run::cargo()
        .args(["build", "--release", "--locked"])
        .env("CARGO_TARGET_DIR", &places.build)
        // Cargo takes its settings from the folders around this one.
        .dir(&places.crates.join(subject.folder))
        .run()
        .with_context(|| format!("cannot build tests/bench/{}", subject.folder))?;
    let name = format!("bench-{}{}", subject.name, std::env::consts::EXE_SUFFIX);
    Ok(Program { subject, path: places.build.join("release").join(name) })
}

fn refuse_unknown(options: &Options) -> anyhow::Result<()> {
    let works: Vec<&str> = WORKS.iter().map(|work| work.name).collect();
    let subjects: Vec<&str> = SUBJECTS.iter().map(|subject| subject.name).collect();
    let unknown: Vec<&str> = options.unknown_names(&works, &subjects).collect();
    if !unknown.is_empty() {
        bail!(
            "unknown: {}\nworks: {}\nsubjects: {}",
            unknown.join(", "),
            works.join(", "),
            subjects.join(", ")
        );
    }
    Ok(())
}
