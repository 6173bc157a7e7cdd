//! The wheel, and the package as it is in the checkout: the library and uniffi's module
//! next to the sources, so that tests need no installation.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::uniffi;
use crate::install;
use crate::process::Run;
use crate::python::{self, Venv};
use crate::workspace::Workspace;

/// Makes the machine able to build it.
pub(crate) fn setup() -> anyhow::Result<()> {
    crate::setup::c_compiler()?;
    python::environments()?;
    tools(&Workspace::find()?).map(drop)
}

/// Returns the environment with all tools.
pub(crate) fn tools(workspace: &Workspace) -> anyhow::Result<Venv> {
    let list = folder(workspace).join("requirements-dev.txt");
    Venv::make(workspace, "tools", &python::default()?, &[list])
}

/// Returns the folder of the package.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("bindings-ffi/python")
}

/// Builds the wheel, and copies its library and module into the checkout too, so that the
/// tests there test what is published. Returns the path of the wheel.
pub(crate) fn in_place(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let wheel = wheel(workspace)?;
    let place = folder(workspace).join("ubiqlite/_ffi");
    let fresh = workspace.target_for("python").join("unpacked");
    let _ = fs::remove_dir_all(&fresh);
    tools(workspace)?.python().args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&fresh).run()?;
    let made = |name: &std::ffi::OsStr| name != "__init__.py";
    let entries = fresh.join("ubiqlite/_ffi").read_dir()?.flatten();
    for entry in entries.filter(|entry| made(&entry.file_name())) {
        let to = place.join(entry.file_name());
        // Not over the old one, which a running Python has mapped into memory.
        let _ = fs::remove_file(&to);
        fs::copy(entry.path(), &to)
            .with_context(|| format!("cannot copy to {}", place.display()))?;
    }
    Ok(wheel)
}

/// Builds the wheel for this machine's platform, and returns its path. On Linux it runs with
/// glibc 2.17 or newer (Debian 8, Ubuntu 14.04, RHEL 7), whichever this machine has.
fn wheel(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let glibc: &[&str] = &["--zig", "--compatibility", "manylinux2014"];
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let own =
        if cfg!(target_os = "linux") { [glibc, &["--target", &target]].concat() } else { vec![] };
    build(workspace, "wheel", &own)
}

/// Builds the wheel for Linux systems with musl, such as Alpine.
pub(crate) fn musl_wheel(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    install::rustup_target(&target)?;
    build(
        workspace,
        "wheel-musl",
        &["--zig", "--compatibility", "musllinux_1_2", "--target", &target],
    )
}

fn build(workspace: &Workspace, name: &str, arguments: &[&str]) -> anyhow::Result<PathBuf> {
    let tools = tools(workspace)?;
    let out = workspace.target_for("python").join(name);
    let _ = fs::remove_dir_all(&out);
    let maturin = Run::new(tools.program("maturin"));
    maturin
        .args(["build", "--locked", "--out"])
        .arg(&out)
        .args(arguments)
        .env("CARGO_TARGET_DIR", workspace.target_for("ffi"))
        .env("PATH", path_with(&[generator(workspace)?, tools.programs()])?)
        .dir(&folder(workspace))
        .run()?;
    let wheel = only(&out)?;
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !name.contains("-py3-none-") {
        bail!("{name} is not for every Python 3: it has more than the library");
    }
    if cfg!(target_os = "linux") {
        strip(&tools, &out, &wheel)?;
    }
    println!("{}", only(&out)?.display());
    only(&out)
}

/// Removes the standard library's debugging information from the library in a wheel. zig's
/// linker can't omit it without also omitting the names that uniffi's generator needs.
fn strip(tools: &Venv, out: &Path, wheel: &Path) -> anyhow::Result<()> {
    let unpacked = out.join("unpacked");
    tools.python().args(["-m", "wheel", "unpack", "--dest"]).arg(&unpacked).arg(wheel).run()?;
    let package = only(&unpacked)?;
    let libraries = package.join("ubiqlite/_ffi").read_dir()?.flatten().map(|it| it.path());
    let libdir = Run::new("rustc").args(["--print", "target-libdir"]).answer()?;
    let own = Path::new(libdir.trim()).with_file_name("bin").join("rust-objcopy");
    let sysroot = Run::new("rustc").args(["--print", "sysroot"]).answer()?;
    // If the toolchain has its own objcopy, that needs the toolchain's libraries.
    let objcopy = if own.is_file() { own } else { "objcopy".into() };
    let beside = Path::new(sysroot.trim()).join("lib");
    for library in libraries.filter(|it| it.extension().is_some_and(|it| it == "so")) {
        Run::new(&objcopy).arg("--strip-all").arg(library).env("LD_LIBRARY_PATH", &beside).run()?;
    }
    fs::remove_file(wheel).with_context(|| format!("cannot remove {}", wheel.display()))?;
    tools.python().args(["-m", "wheel", "pack", "--dest-dir"]).arg(out).arg(&package).run()?;
    fs::remove_dir_all(&unpacked).with_context(|| format!("cannot remove {}", unpacked.display()))
}

/// Returns the only entry of a folder.
fn only(folder: &Path) -> anyhow::Result<PathBuf> {
    let all: Vec<_> = folder.read_dir()?.flatten().map(|entry| entry.path()).collect();
    let [one] = all.as_slice() else {
        bail!("{} has {} entries, and not one", folder.display(), all.len())
    };
    Ok(one.clone())
}

/// Makes a folder with the generator under the name that maturin looks for.
fn generator(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = workspace.target_for("python").join("bin");
    fs::create_dir_all(&folder)?;
    let name = format!("uniffi-bindgen{}", std::env::consts::EXE_SUFFIX);
    fs::copy(uniffi::program(workspace)?, folder.join(name))?;
    Ok(folder)
}

fn path_with(folders: &[PathBuf]) -> anyhow::Result<std::ffi::OsString> {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(std::env::split_paths(&rest));
    Ok(std::env::join_paths(all)?)
}
