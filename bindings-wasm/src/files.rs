//! The host's files.

use wasm_bindgen::prelude::*;

/// The name of the VFS.
pub(crate) const VFS: &str = "ubiqlite";

#[wasm_bindgen]
extern "C" {
    /// The host's files, an object of JavaScript.
    pub type JsFiles;
}

pub(crate) fn register(_files: JsFiles) -> Result<(), JsValue> {
    Ok(())
}
