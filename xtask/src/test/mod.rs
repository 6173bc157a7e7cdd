//! `cargo xtask test`: the steps of every part.

pub(crate) mod adapters;
pub(crate) mod browser;
pub(crate) mod docs;
pub(crate) mod kotlin;
mod locks;
pub(crate) mod ltx;
pub(crate) mod node;
pub(crate) mod other_crates;
pub(crate) mod peers;
pub(crate) mod python;
pub(crate) mod rust;
mod scripts;
pub(crate) mod tauri;
pub(crate) mod tools;
pub(crate) mod wasm;

use std::process::ExitCode;

use crate::parts;
use crate::report::Report;
use crate::workspace::Workspace;

/// Tests the parts that `args` name, or all that are always tested. The failure of one part
/// does not keep another from running.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    for (name, setup, steps) in parts::choose(args)? {
        report.begin(name);
        if report.step("setup", setup).is_some() {
            steps(workspace, &mut report);
        }
    }
    Ok(if report.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
