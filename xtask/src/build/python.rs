//! The wheel, and the package as it is in the checkout: the library and uniffi's module
//! beside the sources, so that tests need no installation.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::uniffi;
use crate::process::Run;
use crate::python::{self, Venv};
use crate::workspace::Workspace;

/// Makes the machine able to build it.
pub(crate) fn setup() -> anyhow::Result<()> {
    crate::setup::c_compiler()?;
    tools(&Workspace::find()?).map(drop)
}

/// The environment with all tools.
pub(crate) fn tools(workspace: &Workspace) -> anyhow::Result<Venv> {
    let list = folder(workspace).join("requirements-dev.txt");
    Venv::make(workspace, "tools", &python::default()?, &[list])
}

/// The folder of the package.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("bindings-ffi/python")
}

/// Builds the library and its module into the checkout.
pub(crate) fn in_place(workspace: &Workspace) -> anyhow::Result<()> {
    let target = workspace.target_for("ffi");
    Run::cargo()
        .args(["build", "--locked", "--profile", "wheel", "--package", "ubiqlite-ffi"])
        .env("CARGO_TARGET_DIR", &target)
        .dir(workspace.root())
        .run()?;
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let name = format!("{prefix}ubiqlite_ffi{suffix}");
    let library = target.join("wheel").join(&name);
    let place = folder(workspace).join("ubiqlite/_ffi");
    uniffi::generate(workspace, &library, "python", &place)?;
    // Not over the old one: a Python that still runs has it in memory.
    let _ = fs::remove_file(place.join(&name));
    fs::copy(&library, place.join(&name))
        .with_context(|| format!("cannot copy {} to {}", library.display(), place.display()))?;
    Ok(())
}

/// Builds the wheel, and answers where it is.
pub(crate) fn wheel(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let tools = tools(workspace)?;
    let out = workspace.target_for("python").join("wheel");
    let _ = fs::remove_dir_all(&out);
    Run::new(tools.program("maturin"))
        .args(["build", "--locked", "--out"])
        .arg(&out)
        .env("CARGO_TARGET_DIR", workspace.target_for("ffi"))
        .env("PATH", path_with(&generator(workspace)?)?)
        .dir(&folder(workspace))
        .run()?;
    let wheels: Vec<_> = out.read_dir()?.flatten().map(|entry| entry.path()).collect();
    let [wheel] = wheels.as_slice() else { bail!("maturin made {} wheels", wheels.len()) };
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !name.contains("-py3-none-") {
        bail!("{name} is not for every Python 3: it has more than the library");
    }
    println!("{}", wheel.display());
    Ok(wheel.clone())
}

/// A folder with the generator under the name by which maturin looks for it.
fn generator(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = workspace.target_for("python").join("bin");
    fs::create_dir_all(&folder)?;
    let name = format!("uniffi-bindgen{}", std::env::consts::EXE_SUFFIX);
    fs::copy(uniffi::program(workspace)?, folder.join(name))?;
    Ok(folder)
}

fn path_with(folder: &Path) -> anyhow::Result<std::ffi::OsString> {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(folder.to_path_buf()).chain(std::env::split_paths(&rest));
    Ok(std::env::join_paths(all)?)
}
