//! The location of the checkout, and of builds.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The checkout that this run works on.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Returns the workspace that cargo runs this program for, or else the one around the
    /// current directory.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let here = std::env::current_dir().context("the current directory is gone")?;
        let start =
            std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| here.clone(), PathBuf::from);
        let root = start
            .ancestors()
            .find(|dir| dir.join("xtask/Cargo.toml").is_file())
            .context("not inside the workspace: run `cargo xtask` in the checkout")?
            .to_path_buf();
        let target = std::env::var_os("CARGO_TARGET_DIR")
            // Cargo resolves a relative one against the current directory.
            .map_or_else(|| root.join("target"), |dir| here.join(dir));
        Ok(Self { root, target })
    }

    /// Returns the directory of the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the workspace's own target directory.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Returns a target directory separate from the workspace's own, for builds by another
    /// compiler or of other workspaces: in a shared one each would wait for, and
    /// sometimes undo, the other.
    pub(crate) fn target_for(&self, builds: &str) -> PathBuf {
        self.target.join(builds)
    }
}
