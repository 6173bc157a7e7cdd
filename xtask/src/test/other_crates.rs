//! A program can use `ubiqlite` together with another crate that links SQLite: cargo finds
//! one `libsqlite3-sys` for both, and the core works with the oldest and the newest of our
//! range.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, ensure};

use crate::process::Run;
use crate::report::Report;
use crate::workspace::Workspace;

/// Crates that people use alongside it, as they would name them in a manifest.
const CRATES: &[(&str, &str)] = &[
    ("rusqlite-oldest", r#"rusqlite = { version = "=0.32.0", features = ["bundled"] }"#),
    // Raise this when there is a newer version, and the range with it.
    ("rusqlite-newest", r#"rusqlite = { version = "0.43", features = ["bundled"] }"#),
    ("sqlx-0.8", r#"sqlx = { version = "0.8", features = ["sqlite", "runtime-tokio"] }"#),
    ("sqlx-0.9", r#"sqlx = { version = "0.9", features = ["sqlite", "runtime-tokio"] }"#),
    (
        "diesel",
        r#"diesel = { version = "2", features = ["sqlite", "returning_clauses_for_sqlite_3_35"] }"#,
    ),
    ("sea-orm-1", r#"sea-orm = { version = "1", features = ["sqlx-sqlite"] }"#),
    ("sea-orm-2", r#"sea-orm = { version = "2", features = ["sqlx-sqlite"] }"#),
    ("hiqlite", r#"hiqlite = "0.15""#),
];

/// Both ends of the range in the workspace's `Cargo.toml`, and the SQLite in each.
const ENDS: &[(&str, &str)] = &[("0.30.0", "3.46.0"), ("0.40.0", "3.54.1")];

/// Runs the quick steps, which belong to the part `rust`.
pub(super) fn steps(workspace: &Workspace, report: &mut Report) {
    report.step("beside other crates that link SQLite", || {
        CRATES.iter().try_for_each(|(name, dependency)| {
            let version = Dependent::new(workspace, name, dependency)?.resolve()?;
            println!("{name}: libsqlite3-sys {version}");
            Ok(())
        })
    });
    for (sys, sqlite) in ENDS {
        report.step(&format!("with libsqlite3-sys {sys}"), || end(workspace, sys, sqlite));
    }
}

/// Runs the steps of the part `other-crates`: each of the crates is compiled too.
pub(crate) fn compile(workspace: &Workspace, report: &mut Report) {
    for (name, dependency) in CRATES {
        report.step(name, || {
            let dependent = Dependent::new(workspace, name, dependency)?;
            dependent.resolve()?;
            dependent.cargo("check").run()
        });
    }
}

/// Runs the program with one `libsqlite3-sys`.
fn end(workspace: &Workspace, sys: &str, sqlite: &str) -> anyhow::Result<()> {
    let dependency = format!(r#"libsqlite3-sys = "={sys}""#);
    let dependent = Dependent::new(workspace, &format!("sys-{sys}"), &dependency)?;
    let version = dependent.resolve()?;
    ensure!(version == sys, "cargo took libsqlite3-sys {version}");
    dependent.cargo("run").arg("--").arg(sqlite).run()
}

/// A package that depends on `ubiqlite` and on another crate.
struct Dependent<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
}

impl<'a> Dependent<'a> {
    /// Writes its manifest; its lock file is kept from the last run.
    fn new(workspace: &'a Workspace, name: &str, dependency: &str) -> anyhow::Result<Self> {
        let folder = workspace.target_for("beside").join(name);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = |path: &str| {
            let path = workspace.root().join(path);
            // Quoted as a TOML string, with any character that a path may contain.
            serde_json::to_string(&path.to_string_lossy()).context("a path that is no text")
        };
        let manifest = format!(
            r#"[package]
name = "beside-{}"
version = "0.0.0"
edition = "2024"
publish = false

[[bin]]
name = "beside"
path = {}

[dependencies]
ubiqlite = {{ path = {} }}
{dependency}

[workspace]
"#,
            name.replace('.', "-"),
            path("tests/other_crates/main.rs")?,
            path("core")?,
        );
        let file = folder.join("Cargo.toml");
        fs::write(&file, manifest).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self { workspace, folder })
    }

    /// Resolves its dependencies, and returns the version of the one `libsqlite3-sys`.
    fn resolve(&self) -> anyhow::Result<String> {
        let update = |more: &[&str]| {
            Run::cargo().args(["update", "--workspace"]).args(more).dir(&self.folder).answer()
        };
        // The index may be here already; if it is not, the registry must be queried.
        update(&["--offline"]).or_else(|_| update(&[]))?;
        let lock = self.folder.join("Cargo.lock");
        let text =
            fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
        version_in(&text, "libsqlite3-sys")
            .map(str::to_owned)
            .with_context(|| format!("no libsqlite3-sys in {}", lock.display()))
    }

    /// Makes a run of cargo on it.
    fn cargo(&self, command: &str) -> Run {
        Run::cargo()
            .args([command, "--locked"])
            .env("CARGO_TARGET_DIR", self.workspace.target_for("beside").join("target"))
            // A user has none of the flags in this repository's `.cargo/config.toml`.
            .env("LIBSQLITE3_FLAGS", "")
            .dir(&self.folder)
    }
}

/// Returns the version of a package in a lock file.
fn version_in<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = ").map(|version| version.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packages_version_is_found_in_a_lock_file() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"ab\"\nversion = \"2.0.0\"\n";
        assert_eq!(version_in(lock, "ab"), Some("2.0.0"));
        assert_eq!(version_in(lock, "b"), None);
    }
}
