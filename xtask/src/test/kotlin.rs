//! The Kotlin library on the JVM.

use crate::build;
use crate::maven::mvn;
use crate::report::Report;
use crate::workspace::Workspace;

/// Runs the steps of the part `kotlin`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    if report.step("native library", || build::kotlin::prepare(workspace)).is_none() {
        report.skip(&["library", "jar", "example"]);
        return;
    }
    let maven =
        |folder: &str, goals: &[&str]| mvn().args(goals).dir(&workspace.root().join(folder)).run();
    // The scenarios are among its tests. Installed, for the two that use it.
    if report.step("library", || maven("bindings-ffi/kotlin", &["install"])).is_none() {
        report.skip(&["jar", "example"]);
        return;
    }
    report.step("jar", || maven("bindings-ffi/kotlin/consumer", &["test"]));
    report.step("example", || maven("examples/kotlin", &["compile", "exec:java"]));
}
