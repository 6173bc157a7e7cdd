//! The crates that put other people's crates on ours, and the example with axum.

use std::path::Path;

use crate::process::Run;
use crate::report::Report;
use crate::workspace::Workspace;

/// Their workspace.
const FOLDER: &str = "adapters";
/// The tests that Toasty has for drivers, which take minutes to compile, and gigabytes of memory.
const SUITE: &str = "adapters/toasty/suite";

/// Runs the steps of the part `adapters`. Its builds are beside this workspace's, so that SQLite is
/// compiled once: no two builds run at a time.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    check(&workspace.root().join(FOLDER), workspace.target(), report);
}

/// Runs the steps of the part `toasty`.
pub(crate) fn toasty(workspace: &Workspace, report: &mut Report) {
    check(&workspace.root().join(SUITE), &workspace.target_for("toasty"), report);
}

fn check(folder: &Path, target: &Path, report: &mut Report) {
    let cargo = |args: &[&str]| Run::cargo().args(args).env("CARGO_TARGET_DIR", target).dir(folder);
    report.step("format", || cargo(&["fmt", "--all", "--check"]).run());
    report.step("tests", || cargo(&["test", "--locked", "--workspace", "--no-fail-fast"]).run());
    report.step("lints", || {
        let clippy =
            &["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
        cargo(clippy).run()
    });
}
