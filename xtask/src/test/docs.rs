//! The documentation site, and the guide's programs in JavaScript and Python. Those in Rust are a
//! package of the workspace, those in Kotlin tests of the library.

use crate::build::python::{folder, in_place, tools};
use crate::process::Run;
use crate::report::Report;
use crate::workspace::Workspace;
use crate::{build, docs, npm};

use super::python::PYTEST;
use super::scripts;

/// The guide's programs in Python.
const PYTHON: &str = "docs/examples/python";

/// Makes the machine able to run the steps.
pub(crate) fn setup() -> anyhow::Result<()> {
    docs::setup()?;
    // The guide's programs for browsers are driven by the harness of the tests.
    npm::install(&Workspace::find()?.root().join("tests/browser"))?;
    crate::browsers::setup()
}

/// Runs the steps of the part `docs`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    if report.step("npm package", || build::npm::build(workspace)).is_none()
        || report.step("Python package", || in_place(workspace)).is_none()
    {
        report.skip(&["programs in JavaScript", "programs in Python", "site"]);
        return;
    }
    scripts::steps(workspace, report, "docs/examples/js");
    report.step("programs in Python", || {
        let tools = tools(workspace)?;
        let here = workspace.root().join(PYTHON);
        let config = folder(workspace).join("pyproject.toml");
        let ruff =
            |what: &[&str]| Run::new(tools.program("ruff")).args(what).arg("--config").arg(&config);
        // In the root, where the package is not its own.
        ruff(&["check", "--quiet"]).arg(&here).dir(workspace.root()).run()?;
        ruff(&["format", "--quiet", "--check"]).arg(&here).dir(workspace.root()).run()?;
        let package = folder(workspace);
        tools.python().args(PYTEST).arg(&here).env("PYTHONPATH", &package).dir(&package).run()
    });
    report.step("site", || docs::site(workspace));
}
