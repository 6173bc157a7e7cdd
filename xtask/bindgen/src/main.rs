//! `xtask-bindgen IN.wasm OUT_DIR`: writes the JavaScript glue of a compiled
//! module, its types, and the module without what only the generator reads. Names stay.

use std::path::PathBuf;

use anyhow::{Context, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [module, out] = args.as_slice() else {
        bail!("usage: xtask-bindgen IN.wasm OUT_DIR");
    };
    Bindgen::new()
        .input_path(module)
        .web(true)?
        .typescript(true)
        // The glue would otherwise hold a `new URL('…_bg.wasm', import.meta.url)`
        // of its own. Who starts a worker tells it where the module is; bundlers
        // must find the module there and at no second place.
        .omit_default_module_path(true)
        // The build sorts functions by their names, and removes those itself.
        .remove_name_section(false)
        .remove_producers_section(true)
        .generate(out)
        .with_context(|| format!("wasm-bindgen cannot read {}", module.display()))
}
