//! The crates that put other people's crates on ours, and the example with axum.

use crate::process::Run;
use crate::report::Report;
use crate::workspace::Workspace;

/// Their workspace.
const FOLDER: &str = "adapters";
/// The tests that Toasty has for drivers, which take minutes to compile, and gigabytes of memory.
const SUITE: &str = "adapters/toasty/suite";

/// Runs the steps of the part `adapters`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    // Beside this workspace's builds, so that SQLite is compiled once. No two builds run at a time.
    let cargo = |command| cargo(workspace, FOLDER, command).env(TARGET, workspace.target());
    check(report, cargo);
}

/// Runs the steps of the part `toasty`.
pub(crate) fn toasty(workspace: &Workspace, report: &mut Report) {
    let target = workspace.target_for("toasty");
    check(report, |command| cargo(workspace, SUITE, command).env(TARGET, &target));
}

const TARGET: &str = "CARGO_TARGET_DIR";

fn cargo(workspace: &Workspace, folder: &str, command: &str) -> Run {
    Run::cargo().arg(command).dir(&workspace.root().join(folder))
}

fn check(report: &mut Report, cargo: impl Fn(&str) -> Run) {
    report.step("format", || cargo("fmt").args(["--all", "--check"]).run());
    let all = ["--locked", "--workspace"];
    report.step("tests", || cargo("test").args(all).arg("--no-fail-fast").run());
    report.step("lints", || {
        cargo("clippy").args(all).args(["--all-targets", "--", "-D", "warnings"]).run()
    });
}
