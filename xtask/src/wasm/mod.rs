//! A toolchain for wasm32-unknown-unknown, and builds with it.

mod debian;
mod sqlite;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::process::Run;
use crate::workspace::Workspace;
use crate::{find, install};
use debian::DebianRust;

const TARGET: &str = "wasm32-unknown-unknown";

/// The C code that clang must compile to wasm: the smallest that needs both its own
/// headers and its code generator.
const PROBE: &str =
    "#include <stddef.h>\n#include <stdint.h>\nsize_t probe(uint8_t x) { return x; }\n";

/// The flags for SQLite: measured with `[profile.wasm]`, gzipped, -O3 627 KB, -O2 585,
/// -Os 454, -O2 with these 426; in speed -O2 with these is between -O3 and -Os. Cold
/// code is smaller still (`sqlite`).
const C_FLAGS: &str = "-mllvm -inline-threshold=0 -fno-unroll-loops";

/// Builds a standard library for the module: optimised for size like the rest, and without
/// the panic messages, which the installed one formats wherever it could panic.
const BUILD_STD: &str = "-Zbuild-std=std,panic_abort";

/// A panic stops the module in either case. With these it only reports where in the module
/// it was, which saves 4 % of what a page loads.
const SMALL_PANICS: &[&str] =
    &["-Zunstable-options", "-Cpanic=immediate-abort", "-Zlocation-detail=none"];

/// How long rustup may take to add the target. It usually takes a few seconds, but if it
/// cannot reach its server, it would retry for minutes.
const RUSTUP_LIMIT: Duration = Duration::from_secs(20);

/// The component with the sources of the standard library.
const SOURCE: &str = "rust-src";

/// A Rust and a C compiler that write wasm32 on this machine.
pub(crate) struct Toolchain {
    rust: Rust,
    clang: PathBuf,
    ar: PathBuf,
}

enum Rust {
    /// The rustc in use: its standard library for the target is installed.
    InUse,
    /// The rustc in use, which builds the standard library from rustup's rust-src.
    InUseFromSource,
    /// Debian's rustc, which builds the standard library from its source.
    Debian(DebianRust),
}

impl Toolchain {
    /// Returns the first toolchain that works. Installed ones come before those that must be
    /// fetched, those that build the standard library before those that do not, as their module
    /// is smaller, and the rustc in use before Debian's.
    pub(crate) fn find_or_install() -> anyhow::Result<Self> {
        let rust = match std::env::var("XTASK_WASM").as_deref() {
            Err(_) => from_source()
                .or_else(debian_found)
                .or_else(in_use)
                .map_or_else(install_either, Ok)?,
            Ok("rustc") => from_source().or_else(in_use).map_or_else(add_target, Ok)?,
            Ok("debian") => debian_found().map_or_else(install_debian, Ok)?,
            Ok(other) => bail!("XTASK_WASM is `{other}`: it may be `rustc` or `debian`"),
        };
        let (clang, ar) = c_tools().map_or_else(install_c_tools, Ok)?;
        Ok(Self { rust, clang, ar })
    }

    /// Builds one package of the workspace, and returns the folder of its module.
    pub(crate) fn build(
        &self,
        workspace: &Workspace,
        package: &str,
        profile: &str,
    ) -> anyhow::Result<PathBuf> {
        println!("with {self}");
        let target = workspace.target_for("wasm");
        let sqlite = sqlite_folder(workspace);
        sqlite::prepare(self.rust.cargo(), workspace.root(), &sqlite)?;
        self.rust
            .build()
            // A cargo other than the developer's must not rewrite the lock file.
            .args(["--locked", "--target", TARGET, "--package", package, "--profile", profile])
            .env("CARGO_TARGET_DIR", &target)
            .env("SQLITE_WASM_RS_SOURCE_DIR", &sqlite)
            .env("CC_wasm32_unknown_unknown", &self.clang)
            .env("CFLAGS_wasm32_unknown_unknown", C_FLAGS)
            .env("AR_wasm32_unknown_unknown", &self.ar)
            .dir(workspace.root())
            .run()?;
        Ok(target.join(TARGET).join(profile))
    }

    /// Returns what determines the size of a module apart from its sources: each compiler's
    /// version, and whether the standard library was compiled with it.
    pub(crate) fn kind(&self) -> anyhow::Result<String> {
        let rustc = version(self.rust.rustc())?;
        let clang = version(Run::new(&self.clang))?;
        let std = match self.rust {
            Rust::InUse => "std as installed",
            Rust::InUseFromSource | Rust::Debian(_) => "std rebuilt",
        };
        Ok(format!("rustc {rustc}, {std}, clang {clang}"))
    }
}

fn sqlite_folder(workspace: &Workspace) -> PathBuf {
    workspace.target_for("wasm").join("sqlite")
}

/// Returns where the last build has put SQLite's source.
pub(crate) fn sqlite_source(workspace: &Workspace) -> PathBuf {
    sqlite_folder(workspace).join("sqlite3.c")
}

/// Adds the sources of the standard library if rustup can: with them the module is about
/// 20 KB smaller. If it can't, the module is built without them.
pub(crate) fn add_source() {
    let wanted = std::env::var("XTASK_WASM").map_or(true, |way| way != "debian");
    if !wanted || from_source().is_some() || find::on_path("rustup").is_none() {
        return;
    }
    println!("installing {SOURCE} with rustup, for the toolchain in use");
    let added = Run::new("rustup").args(["component", "add", SOURCE]).run_within(RUSTUP_LIMIT);
    match added {
        Ok(()) if from_source().is_some() => println!("{SOURCE} is installed"),
        Ok(()) => println!("rustup added {SOURCE}, but the rustc in use is not rustup's"),
        Err(error) => println!("{error:#}: the module is built without, and larger"),
    }
}

/// Returns the version in a compiler's output for `--version`.
fn version(compiler: Run) -> anyhow::Result<String> {
    let told = compiler.arg("--version").answer()?;
    number_in(&told).map(str::to_owned).with_context(|| format!("no version in: {}", told.trim()))
}

/// Returns the first word that is a version: 1.95.0 of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn number_in(told: &str) -> Option<&str> {
    told.split_whitespace()
        .find(|word| word.contains('.') && word.starts_with(|first: char| first.is_ascii_digit()))
}

impl Rust {
    fn cargo(&self) -> Run {
        match self {
            Self::InUse => Run::cargo(),
            // Building the standard library is an unstable option, and the compiler
            // in use is mostly a stable one.
            Self::InUseFromSource => Run::cargo().env("RUSTC_BOOTSTRAP", "1"),
            Self::Debian(rust) => rust.cargo(),
        }
    }

    /// Makes a run of `cargo build`, with the options for this kind of toolchain.
    fn build(&self) -> Run {
        let run = self.cargo().arg("build");
        match self {
            Self::InUse => run,
            Self::InUseFromSource | Self::Debian(_) => {
                let run = run.arg(BUILD_STD);
                if self.has_small_panics() {
                    run.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", SMALL_PANICS.join(" "))
                } else {
                    run
                }
            }
        }
    }

    fn rustc(&self) -> Run {
        match self {
            Self::InUse | Self::InUseFromSource => rustc_in_use(),
            Self::Debian(rust) => rust.rustc(),
        }
    }

    /// Returns whether the compiler knows the options; those before 1.92 do not.
    fn has_small_panics(&self) -> bool {
        self.rustc()
            .env("RUSTC_BOOTSTRAP", "1")
            .args(SMALL_PANICS)
            .args(["--print", "cfg", "--target", TARGET])
            .answer()
            .is_ok()
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rust {
            Rust::InUse => write!(f, "the rustc in use and its wasm32 target")?,
            Rust::InUseFromSource => write!(f, "the rustc in use, which builds std from source")?,
            Rust::Debian(rust) => write!(f, "{rust}")?,
        }
        write!(f, ", and {}", self.clang.display())
    }
}

fn in_use() -> Option<Rust> {
    let libdir =
        rustc_in_use().args(["--print", "target-libdir", "--target", TARGET]).answer().ok()?;
    Path::new(libdir.trim()).is_dir().then_some(Rust::InUse)
}

fn from_source() -> Option<Rust> {
    let sysroot = rustc_in_use().args(["--print", "sysroot"]).answer().ok()?;
    has_source(&sysroot).then_some(Rust::InUseFromSource)
}

/// Returns whether the sources of the standard library are in a sysroot, as printed by rustc.
fn has_source(sysroot: &str) -> bool {
    Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library").is_dir()
}

fn rustc_in_use() -> Run {
    Run::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

fn debian_found() -> Option<Rust> {
    DebianRust::find().map(Rust::Debian)
}

fn install_either() -> anyhow::Result<Rust> {
    add_target().or_else(|error| {
        println!("{error:#}: trying Debian's packages instead");
        install_debian()
    })
}

fn add_target() -> anyhow::Result<Rust> {
    if find::on_path("rustup").is_none() {
        bail!("the rustc in use has no {TARGET} target, and there is no rustup to add it");
    }
    println!("installing the {TARGET} target with rustup, for the toolchain in use");
    Run::new("rustup").args(["target", "add", TARGET]).run_within(RUSTUP_LIMIT)?;
    in_use().with_context(|| format!("rustup added {TARGET}, but rustc does not have it"))
}

fn install_debian() -> anyhow::Result<Rust> {
    debian::install()?;
    debian_found().context(
        "Debian's Rust is installed, but its rustc, cargo or sources are not where they should be",
    )
}

/// Returns a clang that can write wasm, and the archiver of its LLVM.
fn c_tools() -> Option<(PathBuf, PathBuf)> {
    let clang = find::versions_on_path("clang").into_iter().find(|clang| writes_wasm(clang))?;
    // The archiver of any LLVM can read the objects; its own is just the likeliest to exist.
    let ar = find::sibling(&clang, "llvm-ar")
        .or_else(|| find::versions_on_path("llvm-ar").into_iter().next())?;
    Some((clang, ar))
}

/// Returns whether a clang can write wasm. Apple's and some distributions' know the target but
/// cannot write it, or lack the headers, so it must be tried.
fn writes_wasm(clang: &Path) -> bool {
    let target = format!("--target={TARGET}");
    Run::new(clang)
        .args([target.as_str(), "-x", "c", "-S", "-o", "-", "-"])
        .answer_to(PROBE)
        .is_ok()
}

fn install_c_tools() -> anyhow::Result<(PathBuf, PathBuf)> {
    const PROGRAMS: &[&str] = &["clang", "lld", "llvm"];
    install::apt("a clang that writes wasm", "^(clang|lld|llvm)-[0-9]+$", |known| {
        install::newest_llvm(known, PROGRAMS)
    })?;
    c_tools().context("clang is installed, but cannot write wasm or has no llvm-ar")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compilers_version_is_found_in_what_it_says() {
        for (told, version) in [
            ("rustc 1.95.0 (59807616e 2026-04-14)\n", Some("1.95.0")),
            ("Debian clang version 22.1.5 (++2026)\nTarget: x86_64\n", Some("22.1.5")),
            ("clang\n", None),
        ] {
            assert_eq!(number_in(told), version, "{told}");
        }
    }
}
