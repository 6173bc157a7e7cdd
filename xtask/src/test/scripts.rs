//! Test files that `node --test` runs.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::process::Run;
use crate::report::Report;
use crate::workspace::Workspace;

/// Milliseconds after which a test counts as hanging. The longest takes two minutes.
const LIMIT: &str = "--test-timeout=600000";

/// Runs each test file in `folder` as a separate step, one after the other: they
/// measure times, and two browsers at once would disturb them.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report, folder: &str) {
    run(workspace, report, folder, None);
}

/// As [`steps`], with an environment variable whose value is in the steps' names.
pub(crate) fn steps_with(
    workspace: &Workspace,
    report: &mut Report,
    folder: &str,
    variable: (&str, &str),
) {
    run(workspace, report, folder, Some((variable, true)));
}

/// As [`steps`], only in these browsers.
pub(crate) fn steps_in(
    workspace: &Workspace,
    report: &mut Report,
    folder: &str,
    browsers: Option<&str>,
) {
    run(workspace, report, folder, browsers.map(|browsers| (("BROWSERS", browsers), false)));
}

/// Runs the steps. `variable` is an environment variable for the scripts, and whether the
/// steps' names have its value.
fn run(
    workspace: &Workspace,
    report: &mut Report,
    folder: &str,
    variable: Option<((&str, &str), bool)>,
) {
    let Some(files) = report.step(&format!("find {folder}"), || found(workspace, folder)) else {
        return;
    };
    for file in files {
        let name = match variable {
            Some(((_, value), true)) => format!("{}, {value}", name(&file)),
            _ => name(&file),
        };
        report.step(&name, || {
            let mut run = Run::new("node").args(["--test", LIMIT]).arg(&file);
            if let Some(((variable, value), _)) = variable {
                run = run.env(variable, value);
            }
            run.dir(workspace.root()).run()
        });
    }
}

/// Returns the test files in `folder`, sorted by name. Finding none is an error: the
/// test would always pass.
fn found(workspace: &Workspace, folder: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = workspace
        .root()
        .join(folder)
        .read_dir()
        .with_context(|| format!("cannot list {folder}"))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry?.file_name();
        if file.to_string_lossy().ends_with(".test.mjs") {
            files.push(Path::new(folder).join(file));
        }
    }
    if files.is_empty() {
        bail!("there is no test in {folder}");
    }
    files.sort();
    Ok(files)
}

/// Returns `many tabs` for `tests/browser/many_tabs.test.mjs`.
fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(".test.mjs").replace(['_', '-'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_named_after_its_file() {
        assert_eq!(name(Path::new("tests/browser/many-tabs.test.mjs")), "many tabs");
    }
}
