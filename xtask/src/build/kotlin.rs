//! The Kotlin library: `bindings-ffi/kotlin`, from the native library and what
//! uniffi makes of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::uniffi;
use crate::maven::{self, mvn};
use crate::process::Run;
use crate::workspace::Workspace;
use crate::{find, setup};

/// Makes the machine able to build it.
pub(crate) fn setup() -> anyhow::Result<()> {
    setup::c_compiler()?;
    maven::setup()
}

/// Builds the jars, and installs them for other projects of this machine.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    prepare(workspace)?;
    mvn().args(["install", "-DskipTests"]).dir(&folder(workspace)).run()
}

/// Makes what Maven can't: the native library, and uniffi's Kotlin.
pub(crate) fn prepare(workspace: &Workspace) -> anyhow::Result<()> {
    Run::cargo()
        .args(["build", "--release", "--no-default-features", "--package", "ubiqlite-ffi"])
        .dir(workspace.root())
        .run()?;
    let name =
        format!("{}ubiqlite_ffi{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = workspace.target_for("release").join(&name);
    let made = folder(workspace).join("build");
    let generated = made.join("uniffi");
    // What an older version of the interface left would be compiled too.
    let _ = fs::remove_dir_all(&generated);
    uniffi::generate(workspace, &library, "kotlin", &generated)?;
    let native = made.join("native").join(platform()?);
    fs::create_dir_all(&native).with_context(|| format!("cannot make {}", native.display()))?;
    strip(&library, &native.join(name))
}

/// The folder of the Maven project.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("bindings-ffi/kotlin")
}

/// Copies without what only a debugger reads, which is most of it: after uniffi has
/// read it, whose description would go too.
pub(super) fn strip(library: &Path, to: &Path) -> anyhow::Result<()> {
    if cfg!(unix) && find::on_path("strip").is_some() {
        let all: &[&str] = if cfg!(target_os = "macos") { &["-x"] } else { &[] };
        return Run::new("strip").args(all).arg("-o").args([to, library]).run();
    }
    fs::copy(library, to).map(drop).with_context(|| format!("cannot copy to {}", to.display()))
}

/// The folder in the jar in which JNA looks for this system's library.
fn platform() -> anyhow::Result<String> {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        "aarch64" => "aarch64",
        other => bail!("the library is for machines of 64 bits that JNA knows, not for {other}"),
    };
    Ok(format!("{system}-{machine}"))
}
