//! `cargo xtask build NAME`: builds that need more than cargo.

pub(crate) mod bindgen;
pub(crate) mod kotlin;
pub(crate) mod node;
pub(crate) mod npm;
mod order;
pub(crate) mod python;
mod stamp;
pub(crate) mod uniffi;
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
        [name] if name == "npm" => {
            npm::setup()?;
            npm::build(&Workspace::find()?)
        }
        [name] if name == "python" => {
            python::setup()?;
            python::in_place(&Workspace::find()?).map(drop)
        }
        [name] if name == "kotlin" => {
            kotlin::setup()?;
            kotlin::build(&Workspace::find()?)
        }
        [unknown] => bail!("cannot build `{unknown}`; there are wasm, npm, python and kotlin"),
        _ => bail!("name one thing to build: wasm, npm, python or kotlin"),
    }
}
