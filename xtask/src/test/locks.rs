//! Checks that every lock file in the repository matches its manifest, and names no private
//! registry.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};

use crate::process::Run;
use crate::workspace::Workspace;

/// The source that cargo writes for packages from crates.io, however that is reached.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks all lock files that git tracks.
pub(super) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let mut wrong = String::new();
    for lock in tracked(workspace, "*Cargo.lock")? {
        note(&mut wrong, cargo_lock(workspace.root(), &lock));
    }
    for lock in tracked(workspace, "*package-lock.json")? {
        note(&mut wrong, npm_lock(workspace.root(), &lock));
    }
    ensure!(wrong.is_empty(), "{}", wrong.trim_end());
    Ok(())
}

fn note(wrong: &mut String, checked: anyhow::Result<()>) {
    if let Err(error) = checked {
        // Writing into a string can't fail.
        let _ = writeln!(wrong, "{error:#}");
    }
}

/// Returns the tracked files that match a pattern, relative to the root of the checkout.
fn tracked(workspace: &Workspace, pattern: &str) -> anyhow::Result<Vec<String>> {
    let files = Run::new("git").args(["ls-files", pattern]).dir(workspace.root()).answer()?;
    let files: Vec<String> = files.lines().map(str::to_owned).collect();
    // With no files the check would always pass.
    ensure!(!files.is_empty(), "git knows no {pattern}");
    Ok(files)
}

fn cargo_lock(root: &Path, lock: &str) -> anyhow::Result<()> {
    let text =
        fs::read_to_string(root.join(lock)).with_context(|| format!("cannot read {lock}"))?;
    if let Some(source) = foreign_source(&text) {
        bail!("{lock} has a package from `{source}`: crates come from crates.io");
    }
    let manifest = manifest_of(lock);
    // This resolves as a build does, and unlike `cargo metadata` downloads no package.
    let resolve = |more: &[&str]| {
        Run::cargo()
            .args(["update", "--workspace", "--locked", "--manifest-path", &manifest])
            .args(more)
            .dir(root)
            .answer()
    };
    // The index may be here already; if it is not, the registry must be queried.
    let Err(error) = resolve(&["--offline"]).or_else(|_| resolve(&[])) else {
        return Ok(());
    };
    if is_behind(&format!("{error:#}")) {
        bail!(
            "{lock} is behind its manifest: `cargo update --workspace --manifest-path {manifest}` \
             repairs it"
        );
    }
    Err(error).with_context(|| format!("cannot tell whether {lock} fits its manifest"))
}

fn manifest_of(lock: &str) -> String {
    format!("{}toml", lock.strip_suffix("lock").unwrap_or(lock))
}

/// Returns whether cargo refused because it would have had to write the lock file.
fn is_behind(error: &str) -> bool {
    error.contains("--locked was passed")
}

/// Returns the source of a package that is neither in the repository nor from crates.io.
fn foreign_source(lock: &str) -> Option<&str> {
    lock.lines()
        .filter_map(|line| line.strip_prefix("source = "))
        .map(|source| source.trim_matches('"'))
        .find(|source| *source != CRATES_IO)
}

fn npm_lock(root: &Path, lock: &str) -> anyhow::Result<()> {
    let text =
        fs::read_to_string(root.join(lock)).with_context(|| format!("cannot read {lock}"))?;
    let lock_file: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("cannot read {lock}"))?;
    if let Some(address) = address_in(&lock_file) {
        bail!(
            "{lock} names a registry, `{address}`: `npm install --package-lock-only \
             --omit-lockfile-registry-resolved` in its folder writes it without"
        );
    }
    Ok(())
}

/// Returns the first server address in a package lock. A folder of the repository is not one.
fn address_in(lock: &serde_json::Value) -> Option<&str> {
    let packages = lock["packages"].as_object()?;
    packages
        .values()
        .filter_map(|package| package["resolved"].as_str())
        .find(|resolved| resolved.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_that_is_behind_is_told_from_a_network_that_is_not_there() {
        for words in [
            "cannot update the lock file /x/Cargo.lock because --locked was passed to prevent this",
            "the lock file /x/Cargo.lock needs to be updated but --locked was passed to prevent this",
        ] {
            assert!(is_behind(words), "{words}");
        }
        assert!(!is_behind("failed to get `tokio` as a dependency: network failure"));
    }

    #[test]
    fn a_package_from_elsewhere_than_crates_io_is_found() {
        let lock = |source: &str| format!("[[package]]\nname = \"a\"\nsource = \"{source}\"\n");
        assert_eq!(foreign_source(&lock(CRATES_IO)), None);
        assert_eq!(foreign_source("[[package]]\nname = \"a\"\n"), None);
        assert_eq!(
            foreign_source(&lock("registry+https://mirror.example/index")),
            Some("registry+https://mirror.example/index")
        );
    }

    #[test]
    fn a_package_lock_that_names_a_server_is_found_and_one_that_names_a_folder_is_not() {
        let lock = |resolved: &str| serde_json::json!({ "packages": { "": {}, "node_modules/a": { "resolved": resolved } } });
        assert_eq!(address_in(&lock("../../bindings-wasm")), None);
        let address = "https://mirror.example/a.tgz";
        assert_eq!(address_in(&lock(address)), Some(address));
    }

    #[test]
    fn a_lock_file_is_beside_its_manifest() {
        assert_eq!(manifest_of("Cargo.lock"), "Cargo.toml");
        assert_eq!(
            manifest_of("tests/bench/ubiqlite/Cargo.lock"),
            "tests/bench/ubiqlite/Cargo.toml"
        );
    }
}
