//! wasm-bindgen, which is this checkout's program in `xtask/bindgen`.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::process::Run;
use crate::workspace::Workspace;

const MANIFEST: &str = "xtask/bindgen/Cargo.toml";

/// Returns the one version of wasm-bindgen: of the library in the module, and of the
/// generator that reads what the library wrote there.
///
/// # Errors
///
/// When the two differ.
pub(crate) fn version(workspace: &Workspace) -> anyhow::Result<String> {
    let read = |name: &str| {
        fs::read_to_string(workspace.root().join(name))
            .with_context(|| format!("cannot read {name}"))
    };
    let library = pinned(&read("Cargo.toml")?, "wasm-bindgen")
        .context("Cargo.toml does not pin wasm-bindgen as `wasm-bindgen = \"=x.y.z\"`")?;
    let generator = pinned(&read(MANIFEST)?, "wasm-bindgen-cli-support")
        .with_context(|| format!("{MANIFEST} does not pin wasm-bindgen-cli-support"))?;
    if library != generator {
        bail!(
            "Cargo.toml has wasm-bindgen {library} and {MANIFEST} has wasm-bindgen-cli-support \
             {generator}: one reads only what the same version of the other wrote, so set both alike"
        );
    }
    Ok(library)
}

/// Writes the glue for `module`, and the module that belongs to it, into `out`.
pub(crate) fn run(workspace: &Workspace, module: &Path, out: &Path) -> anyhow::Result<()> {
    Run::cargo()
        .args(["run", "--quiet", "--locked", "--manifest-path", MANIFEST, "--"])
        .args([module, out])
        // Not the workspace's: the two have different lock files.
        .env("CARGO_TARGET_DIR", workspace.target_for("bindgen"))
        .dir(workspace.root())
        .run()
}

/// Returns the version in the line `name = "=version"`.
pub(super) fn pinned(manifest: &str, name: &str) -> Option<String> {
    manifest.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        if key.trim() != name {
            return None;
        }
        let version = value.trim().strip_prefix("\"=")?.strip_suffix('"')?;
        Some(version.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_exact_version_is_pinned() {
        let manifest = "wasm-bindgen-futures = \"=0.4.1\"\nwasm-bindgen = \"=0.2.130\"\n";
        assert_eq!(pinned(manifest, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(pinned("wasm-bindgen = \"0.2\"", "wasm-bindgen"), None);
    }
}
