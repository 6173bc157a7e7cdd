//! Node, and what npm installs next to a package.json.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::find;
use crate::process::Run;

/// The oldest Node that the npm package runs on, and so the tools too.
const NODE: u32 = 20;

/// Checks that Node is installed and new enough, and npm with it.
pub(crate) fn node_found() -> anyhow::Result<()> {
    let wanted = format!("Node {NODE} or newer with npm: install it from nodejs.org");
    let version = Run::new("node")
        .arg("--version")
        .answer()
        .with_context(|| format!("node is missing; needed is {wanted}"))?;
    if major(&version).is_none_or(|major| major < NODE) {
        bail!("node is {}; needed is {wanted}", version.trim());
    }
    if find::on_path(NPM).is_none() {
        bail!("node is there and npm is not; needed is {wanted}");
    }
    Ok(())
}

/// Makes a run of npm.
pub(crate) fn npm() -> Run {
    Run::new(NPM)
}

/// On Windows npm is a batch file, which is found only by its full name.
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Installs what the lock file in `dir` says, unless it is already installed.
pub(crate) fn install(dir: &Path) -> anyhow::Result<()> {
    node_found()?;
    let lock = dir.join("package-lock.json");
    let wanted =
        fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    // A copy of the lock file that the folder was made from: a timestamp would mean
    // nothing after a checkout.
    let mark = dir.join("node_modules/.xtask-installed.json");
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing with npm in {}", dir.display());
    // No package here needs its own install script to be usable, and a script could
    // fetch from anywhere.
    npm()
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .dir(dir)
        .run()?;
    fs::write(&mark, wanted).with_context(|| format!("cannot write {}", mark.display()))
}

/// Returns the 20 of `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_node_begins_with_its_major_number() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("20"), None);
    }
}
