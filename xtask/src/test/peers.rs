//! Checks that the benchmark programs compile, the peers' and ours, which are not in the
//! workspace.

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::process::Run;
use crate::report::Report;
use crate::workspace::Workspace;

/// Runs the steps of the part `bench`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    let Some(manifests) = report.step("find programs", || manifests(workspace)) else {
        return;
    };
    for manifest in manifests {
        let name = manifest.parent().and_then(|dir| dir.file_name()).unwrap_or_default();
        report.step(&name.to_string_lossy(), || {
            Run::cargo()
                .args(["check", "--locked", "--manifest-path"])
                .arg(&manifest)
                .env("CARGO_TARGET_DIR", workspace.target_for("peers"))
                .dir(workspace.root())
                .run()
        });
    }
}

/// Returns the manifest of each program in `tests/bench` and in its folder of peers,
/// sorted by path. A library there is compiled with the programs that use it.
fn manifests(workspace: &Workspace) -> anyhow::Result<Vec<PathBuf>> {
    let top = workspace.root().join("tests/bench");
    let mut found = Vec::new();
    for dir in [top.join("peers"), top] {
        let entries = dir.read_dir().with_context(|| format!("cannot list {}", dir.display()))?;
        for entry in entries {
            let program = entry?.path();
            let manifest = program.join("Cargo.toml");
            if manifest.is_file() && program.join("src/main.rs").is_file() {
                found.push(manifest);
            }
        }
    }
    if found.is_empty() {
        bail!("there is no benchmark program in tests/bench");
    }
    found.sort();
    Ok(found)
}
