//! The core as a wasm module, with the JavaScript that calls it.

use crate::build;
use crate::report::Report;
use crate::workspace::Workspace;

/// Runs the steps of the part `wasm`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    report.step("module", || build::wasm::build(workspace));
}
