//! The npm package in browsers.

use crate::process::Run;
use crate::report::Report;
use crate::workspace::Workspace;
use crate::{browsers, build, npm};

use super::scripts;

/// Makes the machine able to run the steps.
pub(crate) fn setup() -> anyhow::Result<()> {
    build::npm::setup()?;
    let workspace = Workspace::find()?;
    for folder in ["tests/browser", "examples/browser"] {
        npm::install(&workspace.root().join(folder))?;
    }
    browsers::setup()
}

/// Runs the steps of the part `browser`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    // The other tests rely on these: if these failed, the failures of the others would mislead.
    scripts::steps(workspace, report, "tests/browser/harness/test");
    if report.step("package", || build::npm::build(workspace)).is_none() {
        report.skip(&["scenarios", "tests", "bundlers and example"]);
        return;
    }
    for browser in ["chromium", "firefox", "webkit"] {
        report.step(&format!("scenarios in {browser}"), || {
            Run::new("node")
                .args(["tests/browser/harness/scenarios.mjs", browser])
                .dir(workspace.root())
                .run()
        });
    }
    // Firefox takes several times as long: the part `tabs` also runs them there.
    scripts::steps_in(workspace, report, "tests/browser", Some("chromium"));
    scripts::steps(workspace, report, "tests/browser/bundlers");
}

/// Runs the steps of the part `tabs`.
pub(crate) fn tabs(workspace: &Workspace, report: &mut Report) {
    if report.step("package", || build::npm::build(workspace)).is_some() {
        scripts::steps(workspace, report, "tests/browser");
    }
}
