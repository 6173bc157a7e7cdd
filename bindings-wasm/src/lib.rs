//! The core for the npm package, browser and Node: compiled to wasm32 and
//! called by the TypeScript in `bindings-wasm/ts`. It converts and decides
//! nothing: requests go to the core's `wire` server as they come, files are what
//! the host's JavaScript makes of them.

#![cfg(target_family = "wasm")]

mod files;
mod interrupts;
mod port;

use std::panic;

// SQLite itself: only to have it linked.
use sqlite_wasm_rs as _;
use wasm_bindgen::prelude::*;

pub use port::{Port, connect};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(message: &str);
}

/// Prepares the worker: the files that databases are kept in, and, where there
/// is a way to tell, whether a running call was given up: `poll(client, request)`
/// is asked about every 10 µs while SQLite runs.
///
/// # Errors
/// A second call, or a SQLite that refuses to start.
#[wasm_bindgen]
pub fn install(
    files: Option<files::JsFiles>,
    poll: Option<js_sys::Function>,
) -> Result<(), JsValue> {
    // A panic ends the instance; what it says is for whoever mends it.
    panic::set_hook(Box::new(|info| console_error(&info.to_string())));
    if let Some(poll) = poll {
        interrupts::ask(poll);
    }
    if let Some(files) = files {
        files::register(files)?;
    }
    Ok(())
}
