//! Python: finds the installed ones, and makes environments with what pip installs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::find;
use crate::install;
use crate::process::Run;
use crate::workspace::Workspace;

/// The oldest minor version that the package runs on.
const OLDEST: u32 = 9;

/// A virtual environment of Python, under `target/`.
pub(crate) struct Venv(PathBuf);

impl Venv {
    /// Makes the environment `name`, with only what the lists in `requirements` name, and
    /// anything that is installed into it later.
    pub(crate) fn make(
        workspace: &Workspace,
        name: &str,
        python: &Path,
        requirements: &[PathBuf],
    ) -> anyhow::Result<Self> {
        let venv = Self(workspace.target_for("python").join(name));
        let mut wanted = python.display().to_string();
        for list in requirements {
            let text = fs::read_to_string(list)
                .with_context(|| format!("cannot read {}", list.display()))?;
            wanted.push_str(&text);
        }
        let mark = venv.0.join("xtask-installed.txt");
        if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
            return Ok(venv);
        }
        println!("making {}", venv.0.display());
        Run::new(python).args(["-m", "venv", "--clear"]).arg(&venv.0).run()?;
        for list in requirements {
            venv.pip().arg("--requirement").arg(list).run()?;
        }
        fs::write(&mark, wanted).with_context(|| format!("cannot write {}", mark.display()))?;
        Ok(venv)
    }

    /// Makes an empty one, and clears what was there.
    pub(crate) fn fresh(workspace: &Workspace, name: &str, python: &Path) -> anyhow::Result<Self> {
        let venv = Self(workspace.target_for("python").join(name));
        Run::new(python).args(["-m", "venv", "--clear"]).arg(&venv.0).run()?;
        Ok(venv)
    }

    /// Makes a run of the environment's own Python.
    pub(crate) fn python(&self) -> Run {
        Run::new(self.program("python"))
    }

    /// Returns the path of a program that is installed in it.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs().join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Returns the folder of its programs.
    pub(crate) fn programs(&self) -> PathBuf {
        self.0.join(if cfg!(windows) { "Scripts" } else { "bin" })
    }

    /// Makes a run of `pip install`.
    pub(crate) fn pip(&self) -> Run {
        self.python().args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
    }
}

/// Returns the Python that builds, checks and tests: `python3`, or the one in `XTASK_PYTHON`.
pub(crate) fn default() -> anyhow::Result<PathBuf> {
    let wanted = format!("Python 3.{OLDEST} or newer, with venv: install it from python.org");
    let path = match std::env::var_os("XTASK_PYTHON") {
        Some(path) => PathBuf::from(path),
        None => ["python3", "python"]
            .into_iter()
            .find_map(find::on_path)
            .with_context(|| format!("python3 is missing; needed is {wanted}"))?,
    };
    match Version::of(&path) {
        Some(version) if version.minor >= OLDEST => Ok(path),
        _ => bail!("{} can't be used; needed is {wanted}", path.display()),
    }
}

/// Makes `python3 -m venv` work, which Debian has in a separate package.
pub(crate) fn environments() -> anyhow::Result<()> {
    let python = default()?;
    if Run::new(&python).args(["-c", "import ensurepip, venv"]).answer().is_ok() {
        return Ok(());
    }
    let package = "python3-venv";
    install::apt(package, "^python3-venv$", |known| {
        known.iter().any(|name| name == package).then(|| vec![package.to_owned()])
    })
}

/// What distinguishes two Pythons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    minor: u32,
    free_threaded: bool,
}

impl Version {
    fn of(python: &Path) -> Option<Self> {
        const ASK: &str = "import sys, sysconfig; print(*sys.version_info[:2], \
                           sysconfig.get_config_var('Py_GIL_DISABLED') or 0)";
        Self::read(&Run::new(python).args(["-c", ASK]).answer().ok()?)
    }

    fn read(result: &str) -> Option<Self> {
        let mut words = result.split_whitespace();
        let major: u32 = words.next()?.parse().ok()?;
        let minor = words.next()?.parse().ok()?;
        let free_threaded = words.next()? == "1";
        (major == 3).then_some(Self { minor, free_threaded })
    }

    /// Returns `3.13`, or `3.13t` for one without the global lock.
    pub(crate) fn name(self) -> String {
        format!("3.{}{}", self.minor, if self.free_threaded { "t" } else { "" })
    }
}

/// Returns every Python on this machine that the package supports, one per version: those on
/// the PATH, and pyenv's.
pub(crate) fn all() -> BTreeMap<Version, PathBuf> {
    let named = (OLDEST..20)
        .flat_map(|minor| ["", "t"].map(|free| find::on_path(&format!("python3.{minor}{free}"))));
    let mut found = BTreeMap::new();
    for path in default().ok().into_iter().chain(named.flatten()).chain(pyenv()) {
        // One of pyenv's shims may lead nowhere.
        if let Some(version) = Version::of(&path).filter(|version| version.minor >= OLDEST) {
            found.entry(version).or_insert(path);
        }
    }
    found
}

fn pyenv() -> Vec<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    #[allow(deprecated, reason = "it is right from Rust 1.85 on")]
    let root = root.or_else(|| Some(std::env::home_dir()?.join(".pyenv")));
    let Some(entries) = root.and_then(|root| root.join("versions").read_dir().ok()) else {
        return Vec::new();
    };
    let mut all: Vec<_> = entries.flatten().map(|it| it.path().join("bin/python")).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_told_by_its_minor_number_and_its_lock() {
        let name = |result| Version::read(result).map(Version::name);
        assert_eq!(name("3 13 0\n").as_deref(), Some("3.13"));
        assert_eq!(name("3 13 1\n").as_deref(), Some("3.13t"));
        assert_eq!(name("2 7 0"), None);
        assert_eq!(name(""), None);
    }
}
