//! The programs that the format of replicas comes from, which read ours in a test.

use std::path::{Path, PathBuf};

use crate::find;
use crate::process::Run;
use crate::workspace::Workspace;

/// The programs, with the variables by which the test finds them.
const TOOLS: [(&str, &str, &str); 1] =
    [("UBIQLITE_LTX", "ltx", "github.com/superfly/ltx/cmd/ltx@v0.5.3")];

/// Builds them where there is Go, and returns where they are. Without Go, the test says that it
/// checks nothing.
pub(super) fn tools(workspace: &Workspace) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let Some(go) = go() else {
        println!("Go is not installed: that other programs read replicas is not checked");
        return Ok(Vec::new());
    };
    let folder = workspace.root().join("target/ltx");
    let mut found = Vec::new();
    for (variable, name, package) in TOOLS {
        let tool = folder.join(name);
        if !tool.is_file() {
            Run::new(&go)
                .args(["install", package])
                .env("GOBIN", &folder)
                .env("CGO_ENABLED", "0")
                .run()?;
        }
        found.push((variable, tool));
    }
    Ok(found)
}

fn go() -> Option<PathBuf> {
    // Where its installer puts it, without changing the PATH.
    let installed = Path::new("/usr/local/go/bin/go");
    find::on_path("go").or_else(|| installed.is_file().then(|| installed.to_owned()))
}
