//! The npm package: `bindings-wasm/dist`, from the wasm module and TypeScript, together with
//! this machine's native engine for Node.

use std::path::PathBuf;

use super::{node, wasm};
use crate::npm;
use crate::process::Run;
use crate::workspace::Workspace;

/// Makes the machine able to build it.
pub(crate) fn setup() -> anyhow::Result<()> {
    wasm::setup()?;
    node::setup()?;
    npm::install(&folder(&Workspace::find()?))
}

/// Builds it, including the module.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    wasm::build(workspace)?;
    Run::new("node").arg("build.mjs").dir(&folder(workspace)).run()?;
    // After the script, which clears the folder.
    node::build(workspace)
}

/// Returns the folder of the package.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("bindings-wasm")
}
