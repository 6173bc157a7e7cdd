//! Checks the Python package, and tests it in the checkout and as a wheel on every Python
//! on this machine.

mod musl;

use std::path::Path;

use anyhow::bail;

use crate::build::python::{folder, in_place, musl_wheel, tools};
use crate::process::Run;
use crate::python::{self, Venv};
use crate::report::Report;
use crate::workspace::Workspace;

/// The number of cancellations for each installed wheel: only the checkout runs all of them.
const SOME: &str = "5000";

/// The folders with our own Python code.
const SOURCES: &[&str] =
    &["bindings-ffi/python", "tests/spec/python", "tests/bench/python", "examples/python", SYNC];

/// A web service on the dialect for SQLAlchemy, in the folder of examples.
const SERVICE: &str = "examples/python/fastapi_sqlmodel";

/// Two devices that synchronise, and their server.
const SYNC: &str = "examples/sync";

/// Runs the tests of a folder. Without development mode, in which a hundred thousand of any
/// operation take minutes.
pub(super) const PYTEST: [&str; 7] =
    ["-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"];

/// Runs the steps of the part `python`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    let Some(tools) = report.step("tools", || tools(workspace)) else { return };
    let package = folder(workspace);
    let root = workspace.root();
    report.step("format and lint", || {
        for source in SOURCES {
            let ruff = || Run::new(tools.program("ruff")).dir(&root.join(source));
            ruff().args(["check", "--quiet", "."]).run()?;
            ruff().args(["format", "--quiet", "--check", "."]).run()?;
        }
        Ok(())
    });
    let Some(wheel) = report.step("package", || in_place(workspace)) else {
        report.skip(&["types", "tests", "scenarios", "example", "wheel"]);
        return;
    };
    report.step("types", || {
        let mypy = || Run::new(tools.program("mypy")).dir(&package);
        mypy().args(["ubiqlite", "tests/typing"]).run()?;
        mypy().arg("--strict").arg(root.join("examples/python/quickstart")).run()?;
        mypy().arg("--strict").arg(root.join(SYNC)).run()?;
        Run::new(tools.program("pyright")).dir(&package).run()
    });
    let here = |script: &[&str]| {
        tools.python().args(["-X", "dev", "-W", "error"]).args(script).env("PYTHONPATH", &package)
    };
    report.step("tests", || tools.python().args(PYTEST).dir(&package).run());
    report.step("drop-in, with objects collected at any moment", || {
        let drop_in = || tools.python().args(PYTEST).arg("tests/drop_in").dir(&package);
        drop_in().env("UBIQLITE_COLLECT", "5").run()
    });
    // Without `-W error`, as their users run them: warnings there are not ours.
    report.step("SQLAlchemy's own tests, the same outcomes as aiosqlite's", || {
        let compare = package.join("peers/sqlalchemy/compare.py");
        tools.python().arg(compare).env("PYTHONPATH", &package).dir(&package).run()
    });
    report.step("scenarios", || here(&["tests/spec/python/run.py"]).dir(root).run());
    report.step("scenarios on uvloop", || {
        here(&["tests/spec/python/run.py", "--uvloop"]).dir(root).run()
    });
    report.step("example", || here(&["-m", "quickstart"]).dir(&root.join("examples/python")).run());
    report.step("example: devices that synchronise", || {
        let here = root.join(SYNC);
        tools.python().args(PYTEST).arg(&here).env("PYTHONPATH", &package).dir(&here).run()
    });
    report.step("wheel: what is in it", || contents(&tools, &wheel));
    if cfg!(target_os = "linux") {
        report.step("wheel for musl", || {
            let wheel = musl_wheel(workspace)?;
            contents(&tools, &wheel)?;
            musl::loads(workspace, &tools, &wheel)
        });
    }
    report.step("who works on aiosqlite, and FastAPI with SQLModel, on ours", || {
        peers(workspace, &tools, &wheel)
    });
    let all = python::all();
    let ends = [all.keys().next().copied(), all.keys().next_back().copied()];
    for (version, python) in all {
        let name = version.name();
        // Hardly any difference between versions would not show on the oldest or the newest.
        let tests = if ends.contains(&Some(version)) { "tests" } else { "tests/test_process.py" };
        report.step(&format!("wheel in Python {name}"), || {
            installed(workspace, &name, &python, &wheel, tests)
        });
    }
}

/// Checks a wheel with the tools made for it: that of the Python Packaging Authority, and one
/// that knows common mistakes.
fn contents(tools: &Venv, wheel: &Path) -> anyhow::Result<()> {
    Run::new(tools.program("check-wheel-contents")).arg(wheel).run()?;
    Run::new(tools.program("twine")).args(["check", "--strict"]).arg(wheel).run()?;
    let files = tools.python().args(["-m", "zipfile", "-l"]).arg(wheel).answer()?;
    for needed in ["licenses/LICENSE-MIT", "licenses/LICENSE-APACHE", "ubiqlite/py.typed"] {
        if !files.contains(needed) {
            bail!("the wheel has no {needed}:\n{files}");
        }
    }
    Ok(())
}

/// Runs aiosqlite's own tests, LangGraph's suite for checkpointers, Alembic, and a service with
/// FastAPI and SQLModel, with the wheel installed: the dialect is found by its entry point.
fn peers(workspace: &Workspace, tools: &Venv, wheel: &Path) -> anyhow::Result<()> {
    let folder = folder(workspace).join("peers");
    let list = folder.join("requirements.txt");
    let venv = Venv::make(workspace, "peers", &python::default()?, &[list])?;
    venv.pip().args(["--no-deps", "--force-reinstall"]).arg(wheel).run()?;
    for name in ["aiosqlite", "langgraph", "alembic"] {
        venv.python().arg(folder.join(name).join("run.py")).dir(&folder).run()?;
    }
    let service = workspace.root().join(SERVICE);
    let mypy = Run::new(tools.program("mypy")).dir(&service);
    let python = venv.program("python");
    mypy.args(["--strict", "--python-executable"]).arg(&python).arg("app.py").run()?;
    venv.python().args(PYTEST).arg(&service).dir(&service).run()
}

/// Installs the wheel in its own environment, where there is no Rust, and runs tests on it.
fn installed(
    workspace: &Workspace,
    name: &str,
    python: &Path,
    wheel: &Path,
    tests: &str,
) -> anyhow::Result<()> {
    let venv = Venv::fresh(workspace, &format!("wheel-{name}"), python)?;
    let package = folder(workspace);
    venv.pip().arg("--no-deps").arg(wheel).run()?;
    // First without any other package: the wheel must contain all that it needs.
    let example = workspace.root().join("examples/python");
    venv.python()
        .args(["-X", "dev", "-W", "error", "-m", "quickstart"])
        .env("PATH", "")
        .dir(&example)
        .run()?;
    venv.pip().arg("--requirement").arg(package.join("requirements-test.txt")).run()?;
    venv.python()
        // Imports the installed package, and not the one in the folder.
        .args(["-I", "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .args(["--import-mode=append"])
        .arg(package.join(tests))
        .env("UBIQLITE_CANCELLATIONS", SOME)
        .dir(&workspace.target_for("python"))
        .run()
}
