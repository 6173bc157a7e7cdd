//! The npm package in other tools: server bundlers, test runners, and runtimes other than
//! Node.

use std::path::PathBuf;

use crate::report::Report;
use crate::workspace::Workspace;
use crate::{build, npm};

use super::scripts;

/// Where the tools and their tests are.
const FOLDER: &str = "tests/tools";

/// Makes the machine able to run the steps.
pub(crate) fn setup() -> anyhow::Result<()> {
    build::npm::setup()?;
    npm::install(&folder(&Workspace::find()?))
}

/// Runs the steps of the part `tools`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    if report.step("package", || build::npm::build(workspace)).is_some() {
        scripts::steps(workspace, report, FOLDER);
    }
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join(FOLDER)
}
