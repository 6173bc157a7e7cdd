//! Finds the tests that the package `tower-sessions` brings.

use std::env;
use std::error::Error;
use std::path::Path;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    let cargo = Command::new(env::var("CARGO")?)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(env::var("CARGO_MANIFEST_DIR")?)
        .output()?;
    if !cargo.status.success() {
        return Err(String::from_utf8_lossy(&cargo.stderr).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&cargo.stdout)?;
    let packages = metadata["packages"].as_array().ok_or("cargo lists no packages")?;
    let found = packages.iter().find(|package| package["name"] == "tower-sessions");
    let manifest = found.and_then(|package| package["manifest_path"].as_str());
    let folder = Path::new(manifest.ok_or("tower-sessions is no dependency")?).parent();
    let tests = folder.ok_or("a manifest without a folder")?.join("tests/common/mod.rs");
    if !tests.is_file() {
        return Err(format!("there is no {}", tests.display()).into());
    }
    println!("cargo::rustc-env=TOWER_SESSIONS_TESTS={}", tests.display());
    Ok(())
}
