//! The npm package in Node, with both engines.

use std::path::PathBuf;

use crate::build;
use crate::npm::{self, npm};
use crate::process::Run;
use crate::report::Report;
use crate::wasm::Toolchain;
use crate::workspace::Workspace;

use super::scripts;

/// Makes the machine able to run the steps.
pub(crate) fn setup() -> anyhow::Result<()> {
    build::npm::setup()?;
    let workspace = Workspace::find()?;
    npm::install(&example(&workspace))?;
    for folder in [FRAMEWORKS, ORM, PRISMA, STORES, AUTH] {
        npm::install(&workspace.root().join(folder))?;
    }
    Ok(())
}

/// The tests with user interface libraries.
const FRAMEWORKS: &str = "tests/node/frameworks";

/// The tests with query builders and ORMs, and the suites of those who use them.
const ORM: &str = "tests/node/orm";

/// The tests with Prisma, which has many packages of its own.
const PRISMA: &str = "tests/node/prisma";

/// The tests with key-value stores and connectors, and their suites.
const STORES: &str = "tests/node/stores";

/// A server with sign-up and sessions, in the folder of examples.
const AUTH: &str = "examples/node/auth";

/// The variable that names the engine to use, if the program does not.
const ENGINE: &str = "UBIQLITE_ENGINE";

/// Runs the steps of the part `node`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    let package = build::npm::folder(workspace);
    let script = |name: &str| npm().args(["run", "--silent", name]).dir(&package).run();
    let node = |path: &str| Run::new("node").arg(path).dir(workspace.root()).run();

    report.step("types", || script("check"));
    report.step("unit tests", || script("test"));
    if report.step("package", || build::npm::build(workspace)).is_none() {
        report.skip(&["size", "scenarios", "scenarios' own test", "tests", "examples"]);
        return;
    }
    report.step("size", || {
        let kind = Toolchain::find_or_install()?.kind()?;
        Run::new("node").arg("tests/browser/size.mjs").arg(kind).dir(workspace.root()).run()
    });
    for engine in ["native", "wasm"] {
        report.step(&format!("scenarios, {engine}"), || {
            let scenarios = Run::new("node").arg("tests/spec/js/node.mjs");
            scenarios.env(ENGINE, engine).dir(workspace.root()).run()
        });
        for folder in ["tests/node", FRAMEWORKS, ORM, PRISMA, STORES] {
            scripts::steps_with(workspace, report, folder, (ENGINE, engine));
        }
        report.step(&format!("example: sign-up and sessions, {engine}"), || {
            let folder = workspace.root().join(AUTH);
            npm().args(["test", "--silent"]).env(ENGINE, engine).dir(&folder).run()
        });
    }
    report.step("scenarios' own test", || node("tests/spec/js/self_test.mjs"));
    report.step("example", || npm().arg("start").dir(&example(workspace)).run());
}

fn example(workspace: &Workspace) -> PathBuf {
    workspace.root().join("examples/node")
}
