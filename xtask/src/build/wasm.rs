//! The wasm module of the npm package, and the JavaScript that calls it:
//! `bindings-wasm/dist/wasm`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::stamp::Stamp;
use super::{bindgen, order};
use crate::process::Run;
use crate::wasm::Toolchain;
use crate::workspace::Workspace;
use crate::{npm, setup};

const PACKAGE: &str = "ubiqlite-wasm";

/// The profile in the workspace's `Cargo.toml`.
const PROFILE: &str = "wasm";

/// How wasm-opt optimises. Inlining large functions that are called once, and eliminating
/// common subexpressions, only make gzip's work harder: 5 KB of what a page loads. Inlining
/// even less saves 6 KB more, but costs reads of many rows a tenth of their speed. The first
/// kilobyte of memory, where the stack ends, is unused.
const OPTIMISE: &[&str] = &[
    "-O3",
    "--low-memory-unused",
    "--one-caller-inline-max-function-size=200",
    "--skip-pass=local-cse",
];

/// How functions are put in order, by the numbers that are their names then (`order.rs`). Nothing
/// else of the code changes, and a page loads 29 KB less.
const ORDER: &[&str] = &["--reorder-functions-by-name", "--strip-debug"];

/// The features that the module may use: those that rustc's and clang's wasm32 use by
/// default, which Node 20 and every browser with OPFS sync access handles have.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Makes the machine able to build it.
pub(crate) fn setup() -> anyhow::Result<()> {
    setup::wasm()?;
    npm::install(&tools(&Workspace::find()?))
}

/// Builds the module, generates its glue and optimises it, unless they are up to date.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<()> {
    let version = bindgen::version(workspace)?;
    let built = Toolchain::find_or_install()?.build(workspace, PACKAGE, PROFILE)?;
    let sqlite = crate::wasm::sqlite_source(workspace);
    let module = built.join("ubiqlite_wasm.wasm");
    let out = workspace.root().join("bindings-wasm/dist/wasm");
    let [wasm, glue, types] =
        ["ubiqlite_wasm_bg.wasm", "ubiqlite_wasm.js", "ubiqlite_wasm.d.ts"].map(|it| out.join(it));

    let how = format!(
        "wasm-bindgen {version}, wasm-opt {} {} {}",
        wasm_opt_version(workspace)?,
        OPTIMISE.join(" "),
        ORDER.join(" ")
    );
    let stamp = Stamp::of(built.join("ubiqlite_wasm.stamp"), &module, &how)?;
    if stamp.holds_for(&[wasm.clone(), glue, types]) {
        println!("{} is fresh", out.display());
        return Ok(());
    }
    stamp.clear()?;
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    bindgen::run(workspace, &module, &out)?;
    let before = size(&wasm)?;
    optimise(workspace, &wasm, &sqlite)?;
    println!("{}: {} bytes, {before} before wasm-opt, with names", wasm.display(), size(&wasm)?);
    stamp.set()
}

/// Replaces the module with its optimised form.
fn optimise(workspace: &Workspace, module: &Path, sqlite: &Path) -> anyhow::Result<()> {
    // Otherwise it writes no names.
    wasm_opt(workspace, module, &[&["-g"], OPTIMISE].concat())?;
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let source = String::from_utf8_lossy(&read(sqlite)?).into_owned();
    let numbered = order::numbered(&read(module)?, &source)?;
    fs::write(module, numbered).with_context(|| format!("cannot write {}", module.display()))?;
    wasm_opt(workspace, module, ORDER)
}

fn wasm_opt(workspace: &Workspace, module: &Path, passes: &[&str]) -> anyhow::Result<()> {
    Run::new("node")
        .arg(tools(workspace).join("node_modules/binaryen/bin/wasm-opt"))
        .args(passes)
        .args(FEATURES)
        .arg(module)
        .arg("-o")
        .arg(module)
        .run()
}

/// Returns the version of npm's binaryen that is installed.
fn wasm_opt_version(workspace: &Workspace) -> anyhow::Result<String> {
    let path = tools(workspace).join("node_modules/binaryen/package.json");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}: run `cargo xtask setup wasm`", path.display()))?;
    let package: serde_json::Value = serde_json::from_str(&text)?;
    package["version"]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("{} names no version", path.display()))
}

fn tools(workspace: &Workspace) -> PathBuf {
    workspace.root().join("xtask/bindgen")
}

fn size(path: &Path) -> anyhow::Result<u64> {
    let data = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(data.len())
}
