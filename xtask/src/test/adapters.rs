//! The crates that put other people's crates on ours, and the example with axum.

use std::path::PathBuf;

use crate::process::Run;
use crate::report::Report;
use crate::workspace::Workspace;

/// Their workspace.
const FOLDER: &str = "adapters";
/// The tests that Toasty has for drivers: most of their time is one crate to compile.
const SUITE: &str = "adapters/toasty/suite";

/// Runs the steps of the part `adapters`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    adapters(workspace).test(report);
    let (folder, target) = (workspace.root().join(SUITE), workspace.target_for("toasty"));
    let suite = Builds { folder, target };
    report.step("Toasty's tests for drivers", || suite.tests());
}

/// Runs the steps of the part `adapters-lints`, for which all that the adapters depend on is checked
/// once more.
pub(crate) fn lints(workspace: &Workspace, report: &mut Report) {
    report.step("lints of the adapters", || {
        let clippy = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
        adapters(workspace).cargo(&clippy).run()
    });
}

/// Their builds are beside this workspace's, so that SQLite is compiled once: no two builds run at
/// a time.
fn adapters(workspace: &Workspace) -> Builds {
    Builds { folder: workspace.root().join(FOLDER), target: workspace.target().into() }
}

/// Where a workspace is, and where it is built.
struct Builds {
    folder: PathBuf,
    target: PathBuf,
}

impl Builds {
    fn cargo(&self, args: &[&str]) -> Run {
        Run::cargo().args(args).env("CARGO_TARGET_DIR", &self.target).dir(&self.folder)
    }

    fn test(&self, report: &mut Report) {
        report.step("format", || self.cargo(&["fmt", "--all", "--check"]).run());
        report.step("tests", || self.tests());
    }

    fn tests(&self) -> anyhow::Result<()> {
        self.cargo(&["test", "--locked", "--workspace", "--no-fail-fast"]).run()
    }
}
