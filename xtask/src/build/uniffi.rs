//! uniffi's generator, which is this checkout's program in `xtask/uniffi`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::bindgen::pinned;
use crate::process::Run;
use crate::workspace::Workspace;

const MANIFEST: &str = "xtask/uniffi/Cargo.toml";

/// Builds it, and returns its path.
///
/// # Errors
///
/// When its version differs from that of the library that it reads.
pub(crate) fn program(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    check(workspace)?;
    let target = workspace.target_for("uniffi");
    Run::cargo()
        .args(["build", "--quiet", "--locked", "--manifest-path", MANIFEST])
        .env("CARGO_TARGET_DIR", &target)
        .dir(workspace.root())
        .run()?;
    Ok(target.join(format!("debug/xtask-uniffi{}", std::env::consts::EXE_SUFFIX)))
}

fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let read = |name: &str| {
        fs::read_to_string(workspace.root().join(name))
            .with_context(|| format!("cannot read {name}"))
    };
    let library = pinned(&read("Cargo.toml")?, "uniffi")
        .context("Cargo.toml does not pin uniffi as `uniffi = \"=x.y.z\"`")?;
    let generator = read(MANIFEST)?;
    if !generator.contains(&format!("\"={library}\"")) {
        bail!(
            "Cargo.toml has uniffi {library} and {MANIFEST} another: it reads only what the same \
             version wrote, so set both alike"
        );
    }
    Ok(())
}
