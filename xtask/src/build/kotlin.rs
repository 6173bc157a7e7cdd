//! The Kotlin library: `bindings-ffi/kotlin`, and the native libraries in its jar.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::maven::{self, mvn};
use crate::process::Run;
use crate::workspace::Workspace;
use crate::{find, setup};

/// Makes the machine able to build it.
pub(crate) fn setup() -> anyhow::Result<()> {
    setup::c_compiler()?;
    maven::setup()
}

/// Builds the jars, and installs them for other projects on this machine.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    prepare(workspace)?;
    mvn().args(["install", "-DskipTests"]).dir(&folder(workspace)).run()
}

/// Builds what Maven can't: the engine, and the functions that the virtual machine calls.
pub(crate) fn prepare(workspace: &Workspace) -> anyhow::Result<()> {
    Run::cargo()
        .args(["build", "--release", "--no-default-features"])
        .args(["--package", "ubiqlite-ffi", "--package", "ubiqlite-jni"])
        .dir(workspace.root())
        .run()?;
    let native = folder(workspace).join("build/native").join(platform()?);
    // Files of an older version would be in the jar too.
    let _ = fs::remove_dir_all(&native);
    fs::create_dir_all(&native).with_context(|| format!("cannot make {}", native.display()))?;
    for library in ["ubiqlite_ffi", "ubiqlite_jni"] {
        let name =
            format!("{}{library}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        strip(&workspace.target_for("release").join(&name), &native.join(name))?;
    }
    Ok(())
}

/// Returns the folder of the Maven project.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("bindings-ffi/kotlin")
}

/// Copies a library without the debug information, which is most of it.
pub(super) fn strip(library: &Path, to: &Path) -> anyhow::Result<()> {
    if cfg!(unix) && find::on_path("strip").is_some() {
        let all: &[&str] = if cfg!(target_os = "macos") { &["-x"] } else { &[] };
        return Run::new("strip").args(all).arg("-o").args([to, library]).run();
    }
    fs::copy(library, to).map(drop).with_context(|| format!("cannot copy to {}", to.display()))
}

/// Returns the folder in the jar in which `Library.kt` looks for this system's libraries.
fn platform() -> anyhow::Result<String> {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        "aarch64" => "aarch64",
        other => bail!("the library is for machines of 64 bits, not for {other}"),
    };
    Ok(format!("{system}-{machine}"))
}
