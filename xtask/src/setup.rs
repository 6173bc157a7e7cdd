//! Installs what the parts need: `cargo xtask setup`.

use crate::process::Run;
use crate::wasm::{self, Toolchain};
use crate::{find, install, parts};

/// Sets up the parts that `args` name, or those of a full run.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    for (name, setup, _) in parts::choose(args)? {
        println!("=== {name}");
        setup()?;
        println!("{name} has what it needs");
    }
    Ok(())
}

/// Installs what the native crates need: clippy, rustfmt, another SQLite and a C compiler.
pub(crate) fn rust() -> anyhow::Result<()> {
    let missing: Vec<&str> = [("clippy", "clippy"), ("fmt", "rustfmt")]
        .into_iter()
        .filter(|(subcommand, _)| !Run::cargo().args([*subcommand, "--version"]).succeeds())
        .map(|(_, component)| component)
        .collect();
    if !missing.is_empty() {
        install::rustup_components(&missing)?;
    }
    another_sqlite()?;
    c_compiler()
}

/// Installs the system's SQLite, for the tests of two copies of SQLite in one process.
fn another_sqlite() -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") || find::library("libsqlite3.so.0") {
        return Ok(());
    }
    install::apt("SQLite as a library of the system", "^libsqlite3-0", |known| {
        known.iter().find(|name| name.starts_with("libsqlite3-0")).map(|name| vec![name.clone()])
    })
}

/// Installs a compiler for SQLite, which is C: any that the `cc` crate finds by itself.
pub(crate) fn c_compiler() -> anyhow::Result<()> {
    // On Windows the `cc` crate finds Visual Studio in the registry.
    let known = std::env::var_os("CC").is_some()
        || cfg!(windows)
        || ["cc", "gcc", "clang"].iter().any(|name| find::on_path(name).is_some());
    if known {
        return Ok(());
    }
    // The headers are only recommended by gcc, and recommendations are off.
    install::apt("a C compiler", "^gcc$", |known| {
        known.contains(&"gcc".to_owned()).then(|| ["gcc", "libc6-dev"].map(str::to_owned).to_vec())
    })
}

/// Installs what wasm32 needs: a Rust with its standard library, preferably its source, and a
/// clang.
pub(crate) fn wasm() -> anyhow::Result<()> {
    // Build scripts and macros are compiled for this machine.
    c_compiler()?;
    wasm::add_source();
    println!("for wasm32: {}", Toolchain::find_or_install()?);
    Ok(())
}
