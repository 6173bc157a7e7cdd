//! Builds the subjects' programs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::super::suite::UBIQLITE;
use crate::process::Run;

/// Builds programs one after another, all with the same profile, compiler and
/// SQLite flags, in one target directory.
pub(crate) struct Builder {
    /// The folder of the subjects' crates.
    crates: PathBuf,
    /// The target directory that all of them share.
    target: PathBuf,
}

/// The subjects' programs, built.
pub(crate) struct Programs {
    target: PathBuf,
}

impl Builder {
    pub(crate) fn of(root: &Path) -> anyhow::Result<Self> {
        let target = root.join("target/bench-build");
        fs::create_dir_all(&target).with_context(|| format!("cannot make {}", target.display()))?;
        Ok(Self { crates: root.join("tests/bench"), target })
    }

    pub(crate) fn build(&self, subjects: &[&str]) -> anyhow::Result<Programs> {
        for subject in subjects {
            self.one(subject)?;
        }
        Ok(Programs { target: self.target.clone() })
    }

    /// Builds the program of a subject, and returns its path.
    pub(crate) fn one(&self, subject: &str) -> anyhow::Result<PathBuf> {
        let folder = folder(subject);
        Run::cargo()
            .args(["build", "--release", "--locked"])
            .env("CARGO_TARGET_DIR", &self.target)
            // Cargo takes its settings from this folder and its parents.
            .dir(&self.crates.join(&folder))
            .run()
            .with_context(|| format!("cannot build tests/bench/{folder}"))?;
        Ok(path(&self.target, subject))
    }
}

impl Programs {
    pub(crate) fn path(&self, subject: &str) -> PathBuf {
        path(&self.target, subject)
    }
}

/// Returns the folder of a subject's crate in `tests/bench`.
fn folder(subject: &str) -> String {
    if subject == UBIQLITE { subject.to_owned() } else { format!("peers/{subject}") }
}

fn path(target: &Path, subject: &str) -> PathBuf {
    target.join("release").join(format!("bench-{subject}{}", std::env::consts::EXE_SUFFIX))
}
