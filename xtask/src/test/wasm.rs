//! The product crates for wasm32.

use crate::report::Report;
use crate::wasm::Toolchain;
use crate::workspace::Workspace;

/// Runs the steps of the part `wasm`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    report.step("core compiles", || Toolchain::find_or_install()?.build(workspace, "ubiqlite"));
}
