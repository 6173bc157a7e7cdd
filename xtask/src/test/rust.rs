//! The native crates: everything that a Rust change must keep right.

use std::fs;

use anyhow::Context;

use crate::generate;
use crate::process::Run;
use crate::report::Report;
use crate::workspace::Workspace;

use super::{locks, ltx, other_crates};

/// The features for types of other crates, and the recovery of damaged databases, which have tests
/// too. The quickstart builds without them.
const FEATURES: &str = "--features=ubiqlite/chrono,ubiqlite/jiff,ubiqlite/recover,ubiqlite/rust_decimal,ubiqlite/time,ubiqlite/tracing,ubiqlite/uuid";

/// Runs the steps of the part `rust`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    let cargo = |args: &[&str]| Run::cargo().args(args).dir(workspace.root());

    report.step("lock files", || locks::check(workspace));
    report.step("numbers and kinds of errors, in every language", || generate::check(workspace));
    report.step("format", || cargo(&["fmt", "--all", "--check"]).run());
    // Code that does not compile would fail each step below with the same errors.
    if report
        .step("compile", || {
            cargo(&["test", "--workspace", FEATURES, "--all-targets", "--no-run"]).run()
        })
        .is_none()
    {
        report.skip(&[
            "lints",
            "tests",
            "scenarios and backups without threads",
            "docs",
            "quickstart",
        ]);
        return;
    }
    report.step("lints", || {
        cargo(&["clippy", "--workspace", FEATURES, "--all-targets", "--", "-D", "warnings"]).run()
    });
    // These include the doc tests.
    let tools = report.step("programs that read replicas", || ltx::tools(workspace));
    report.step("tests", || {
        let tests = cargo(&["test", "--workspace", FEATURES, "--no-fail-fast"]);
        let tools = tools.unwrap_or_default();
        tools.iter().fold(tests, |tests, (variable, tool)| tests.env(variable, tool)).run()
    });
    report.step("scenarios and backups without threads", || {
        cargo(&["test", "--workspace", FEATURES, "--test", "spec", "--test", "backup"])
            .env("UBIQLITE_BACKEND", "single-thread")
            .run()
    });
    report.step("docs", || {
        cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings").run()
    });
    report.step("quickstart", || quickstart(workspace));
    other_crates::steps(workspace, report);
}

/// Runs the quickstart as a reader of the README would, on a new file, which is its
/// first argument.
fn quickstart(workspace: &Workspace) -> anyhow::Result<()> {
    let dir = std::env::temp_dir().join(format!("ubiqlite-quickstart-{}", std::process::id()));
    fs::create_dir(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let ran = Run::cargo()
        .args(["run", "--example", "quickstart", "--"])
        .arg(dir.join("app.db"))
        .dir(workspace.root())
        .run();
    let removed =
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()));
    ran.and(removed)
}
