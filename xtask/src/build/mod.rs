//! `cargo xtask build NAME`: what others than cargo build.

pub(crate) mod bindgen;
mod stamp;
pub(crate) mod wasm;

use anyhow::bail;

use crate::workspace::Workspace;

/// Builds what the first argument names.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    match args {
        [name] if name == "wasm" => {
            wasm::setup()?;
            wasm::build(&Workspace::find()?)
        }
        [unknown] => bail!("cannot build `{unknown}`; there is: wasm"),
        _ => bail!("name one thing to build: wasm"),
    }
}
