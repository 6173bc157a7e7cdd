//! The npm package: `bindings-wasm/dist`, from the wasm module and TypeScript.

use std::path::PathBuf;

use super::wasm;
use crate::npm;
use crate::process::Run;
use crate::workspace::Workspace;

/// Makes the machine able to build it.
pub(crate) fn setup() -> anyhow::Result<()> {
    wasm::setup()?;
    npm::install(&folder(&Workspace::find()?))
}

/// Builds it, the module included.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    wasm::build(workspace)?;
    Run::new("node").arg("build.mjs").dir(&folder(workspace)).run()
}

/// The folder of the package.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("bindings-wasm")
}
