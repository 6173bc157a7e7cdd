//! The project's own commands, run as `cargo xtask <command>`.
//!
//! This crate imports no product crate: it must build and explain itself while
//! the product does not compile.

mod bench;
mod browsers;
mod build;
mod docs;
mod evidence;
mod find;
mod fuzz;
mod generate;
mod install;
mod marks;
mod maven;
mod npm;
mod parts;
mod process;
mod python;
mod report;
mod setup;
mod test;
mod wasm;
mod workspace;

use std::process::ExitCode;

use anyhow::bail;

use crate::workspace::Workspace;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the command that `args` name.
///
/// A test run that fails has already printed why and ended with its counts, which must
/// stay the last line, so it returns a code and not an error.
fn dispatch(args: &[String]) -> anyhow::Result<ExitCode> {
    let Some((command, rest)) = args.split_first() else {
        print!("{}", help());
        return Ok(ExitCode::SUCCESS);
    };
    match command.as_str() {
        "test" => return test::run(&Workspace::find()?, rest),
        "setup" => setup::run(rest)?,
        "build" => build::run(rest)?,
        "docs" => docs::run(rest)?,
        "bench" => bench::run(rest)?,
        "fuzz" => fuzz::run(rest)?,
        "generate" => generate::run(rest)?,
        "help" | "--help" | "-h" => print!("{}", help()),
        unknown => bail!("unknown command `{unknown}`; `cargo xtask help` lists them"),
    }
    Ok(ExitCode::SUCCESS)
}

fn help() -> String {
    let mut text = String::from(
        "\
usage: cargo xtask <command>

  test [PART]...      run every part that is ready, or only those named
  setup [PART]...     install what the parts need and this machine lacks
  build NAME          build the wasm module (wasm), the npm package (npm), the wheel
                      (python) or the Kotlin library (kotlin)
  docs                build the documentation site, and check its links
  bench NAME [ARGS]   run a benchmark
  fuzz NAME [ARGS]    run a long fuzz, of which `test` has a short one
  generate            write what other languages have of core's numbers and kinds of errors
  help                this text

parts:
",
    );
    for part in parts::ALL {
        text.push_str(&format!("  {:<12} {}{}\n", part.name, part.about, part.note()));
    }
    text.push_str(
        "
environment:
  XTASK_WASM=rustc|debian   build for wasm32 in this way and try no other
  XTASK_PYTHON=PATH         build and test the Python package with this Python
  CARGO_TARGET_DIR          where cargo builds, as for cargo itself
",
    );
    text
}
