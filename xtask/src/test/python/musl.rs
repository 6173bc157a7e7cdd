//! The wheel for musl: its library is loaded by musl's own loader, and called.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::install;
use crate::process::Run;
use crate::python::Venv;
use crate::workspace::Workspace;

/// A program that loads the given library, and calls a function that returns a version.
const PROGRAM: &str = r#"
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

int main(int count, char **arguments) {
    void *library = count > 1 ? dlopen(arguments[1], RTLD_NOW) : 0;
    if (!library) return puts(dlerror()), 1;
    uint32_t (*version)(void) = (uint32_t (*)(void))dlsym(library, "ffi_ubiqlite_ffi_uniffi_contract_version");
    if (!version) return puts(dlerror()), 2;
    printf("contract %u\n", version());
    return 0;
}
"#;

/// Checks that the library can be loaded and called where there is no glibc.
pub(super) fn loads(workspace: &Workspace, tools: &Venv, wheel: &Path) -> anyhow::Result<()> {
    let arch = std::env::consts::ARCH;
    let loader = format!("/lib/ld-musl-{arch}.so.1");
    if !Path::new(&loader).exists() {
        install::apt("musl", "^musl$", |known| {
            known.contains(&"musl".to_owned()).then(|| vec!["musl".to_owned()])
        })?;
    }
    let folder = workspace.target_for("python").join("musl");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    tools.python().args(["-m", "zipfile", "-e"]).arg(wheel).arg(&folder).run()?;
    let source = folder.join("load.c");
    fs::write(&source, PROGRAM).with_context(|| format!("cannot write {}", source.display()))?;
    let program = folder.join("load");
    let target = format!("{arch}-linux-musl");
    tools
        .python()
        .args(["-m", "ziglang", "cc", "-dynamic", "-target", &target, "-o"])
        .arg(&program)
        .arg(&source)
        .run()?;
    let library = folder.join("ubiqlite/_ffi/libubiqlite_ffi.so");
    let told = Run::new(loader).arg(&program).arg(&library).answer()?;
    if !told.starts_with("contract ") {
        bail!("the library was not called: {told}");
    }
    Ok(())
}
