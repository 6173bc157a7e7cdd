//! Node's native engine: the library for this machine, in npm's package for such machines.
//!
//! Of the optional packages that `ubiqlite` names, npm installs the one that fits. Each
//! contains a library and nothing else. `bindings-ffi/node/README.md` says how they are
//! published.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use serde_json::json;

use super::kotlin::strip;
use super::npm;
use crate::process::Run;
use crate::setup;
use crate::workspace::Workspace;

/// A kind of machine, as npm distinguishes them.
#[derive(Debug, PartialEq)]
struct Platform {
    /// The end of the package's name.
    name: &'static str,
    os: &'static str,
    cpu: &'static str,
    libc: Option<&'static str>,
    /// Rust's name for it.
    target: &'static str,
}

const fn platform(
    name: &'static str,
    [os, cpu]: [&'static str; 2],
    libc: Option<&'static str>,
    target: &'static str,
) -> Platform {
    Platform { name, os, cpu, libc, target }
}

const GLIBC: Option<&str> = Some("glibc");
const MUSL: Option<&str> = Some("musl");

/// All platforms with a package. `bindings-wasm/ts/node/native/binary.ts` makes the same names.
const PLATFORMS: &[Platform] = &[
    platform("linux-x64-gnu", ["linux", "x64"], GLIBC, "x86_64-unknown-linux-gnu"),
    platform("linux-x64-musl", ["linux", "x64"], MUSL, "x86_64-unknown-linux-musl"),
    platform("linux-arm64-gnu", ["linux", "arm64"], GLIBC, "aarch64-unknown-linux-gnu"),
    platform("linux-arm64-musl", ["linux", "arm64"], MUSL, "aarch64-unknown-linux-musl"),
    platform("darwin-x64", ["darwin", "x64"], None, "x86_64-apple-darwin"),
    platform("darwin-arm64", ["darwin", "arm64"], None, "aarch64-apple-darwin"),
    platform("win32-x64-msvc", ["win32", "x64"], None, "x86_64-pc-windows-msvc"),
    platform("win32-arm64-msvc", ["win32", "arm64"], None, "aarch64-pc-windows-msvc"),
];

/// Makes the machine able to build it.
pub(crate) fn setup() -> anyhow::Result<()> {
    setup::c_compiler()
}

/// Builds the library, its package in `bindings-ffi/node/npm`, and a copy next to the npm
/// package's scripts, where a checkout finds it.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    // With the same settings as the Kotlin library, so SQLite and the core are compiled once.
    Run::cargo()
        .args(["build", "--locked", "--release", "--package", "ubiqlite-node"])
        .dir(workspace.root())
        .run()?;
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = workspace.target_for("release").join(format!("{prefix}ubiqlite_node{suffix}"));
    let here = here()?;
    let package = workspace.root().join("bindings-ffi/node/npm").join(here.name);
    fs::create_dir_all(&package).with_context(|| format!("cannot make {}", package.display()))?;
    let file = format!("ubiqlite.{}.node", here.name);
    strip(&library, &replaced(package.join(&file))?)?;
    let manifest = format!("{:#}\n", manifest(here, &file, &version(workspace)?));
    fs::write(package.join("package.json"), manifest)
        .with_context(|| format!("cannot write to {}", package.display()))?;
    let beside = replaced(npm::folder(workspace).join("dist").join(&file))?;
    fs::copy(package.join(&file), &beside)
        .map(drop)
        .with_context(|| format!("cannot copy to {}", beside.display()))
}

/// Removes the old file, which a running Node may have mapped into memory.
fn replaced(path: PathBuf) -> anyhow::Result<PathBuf> {
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(path),
    }
}

/// Returns the platform of this machine.
fn here() -> anyhow::Result<&'static Platform> {
    let (os, cpu) = (std::env::consts::OS, std::env::consts::ARCH);
    let os = match os {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let cpu = match cpu {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let musl = cfg!(target_env = "musl");
    let fits = |it: &&Platform| it.os == os && it.cpu == cpu && (it.libc == MUSL) == musl;
    match PLATFORMS.iter().find(fits) {
        Some(platform) => Ok(platform),
        None => bail!("there is no package of the native engine for {os} on {cpu}"),
    }
}

/// Returns the package's `package.json`.
fn manifest(platform: &Platform, file: &str, version: &str) -> serde_json::Value {
    let Platform { name, os, cpu, libc, target } = platform;
    let mut manifest = json!({
        "name": format!("@ubiqlite/{name}"),
        "version": version,
        "description": format!("The native engine of ubiqlite for {target}"),
        "license": "MIT OR Apache-2.0",
        "repository": {
            "type": "git",
            "url": "https://github.com/ubiqlite/ubiqlite.git",
            "directory": "bindings-ffi/node",
        },
        "engines": { "node": ">=20" },
        "main": file,
        "files": [file],
        "os": [os],
        "cpu": [cpu],
    });
    if let Some(libc) = libc {
        manifest["libc"] = json!([libc]);
    }
    manifest
}

/// Returns the version of the npm package, which must be that of the library.
fn version(workspace: &Workspace) -> anyhow::Result<String> {
    let path = npm::folder(workspace).join("package.json");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let package: serde_json::Value = serde_json::from_str(&text)?;
    let version =
        package["version"].as_str().context("bindings-wasm/package.json has no version")?;
    let own = env!("CARGO_PKG_VERSION");
    if version != own {
        bail!("the npm package is of version {version}, and Cargo.toml's is {own}: set both alike");
    }
    Ok(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_says_for_which_machines_it_is() {
        let linux = &PLATFORMS[0];
        let made = manifest(linux, "ubiqlite.linux-x64-gnu.node", "1.2.3");
        assert_eq!(made["name"], "@ubiqlite/linux-x64-gnu");
        assert_eq!((&made["os"][0], &made["cpu"][0]), (&json!("linux"), &json!("x64")));
        assert_eq!(made["libc"][0], "glibc");
        assert!(manifest(&PLATFORMS[4], "a", "1.2.3").get("libc").is_none());
    }
}
