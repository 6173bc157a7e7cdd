//! The programs that the format of replicas comes from, which read ours in a test.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::find;
use crate::process::Run;
use crate::report::Report;
use crate::workspace::Workspace;

/// A program in Go, and the variable by which the test finds it.
struct Tool {
    variable: &'static str,
    name: &'static str,
    package: &'static str,
}

/// What reads and applies the files.
const LTX: Tool = Tool {
    variable: "UBIQLITE_LTX",
    name: "ltx",
    package: "github.com/superfly/ltx/cmd/ltx@v0.5.3",
};

/// What restores databases from them. It compiles for some minutes, since it knows many clouds.
const LITESTREAM: Tool = Tool {
    variable: "UBIQLITE_LITESTREAM",
    name: "litestream",
    package: "github.com/benbjohnson/litestream/cmd/litestream@v0.5.18",
};

/// Builds what is quickly built where there is Go, and returns where the programs are, with those that
/// are there already. Without Go, the test says that it checks nothing.
pub(super) fn tools(workspace: &Workspace) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let mut found = Vec::new();
    match go() {
        Some(go) => found.push((LTX.variable, LTX.built(workspace, &go)?)),
        None => {
            println!("Go is not installed: that other programs read replicas is not checked");
        }
    }
    let litestream = LITESTREAM.place(workspace);
    if litestream.is_file() {
        found.push((LITESTREAM.variable, litestream));
    }
    Ok(found)
}

/// Makes sure that there is Go.
pub(crate) fn setup() -> anyhow::Result<()> {
    go().map(drop).context("litestream is built with Go, which is not installed")
}

/// Runs the steps of the part `litestream`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    let built = report.step("litestream", || LITESTREAM.built(workspace, &go().context("no Go")?));
    let Some(tool) = built else { return report.skip(&["it restores from our files"]) };
    report.step("it restores from our files", || {
        Run::cargo()
            .args(["test", "--package", "ubiqlite", "--test", "replicate", "official"])
            .env(LITESTREAM.variable, tool)
            .dir(workspace.root())
            .run()
    });
}

impl Tool {
    fn place(&self, workspace: &Workspace) -> PathBuf {
        workspace.root().join("target/ltx").join(self.name)
    }

    fn built(&self, workspace: &Workspace, go: &Path) -> anyhow::Result<PathBuf> {
        let place = self.place(workspace);
        if !place.is_file() {
            Run::new(go)
                .args(["install", self.package])
                .env("GOBIN", workspace.root().join("target/ltx"))
                .env("CGO_ENABLED", "0")
                .run()?;
        }
        Ok(place)
    }
}

fn go() -> Option<PathBuf> {
    // Where its installer puts it, without changing the PATH.
    let installed = Path::new("/usr/local/go/bin/go");
    find::on_path("go").or_else(|| installed.is_file().then(|| installed.to_owned()))
}
