//! The core for the npm package, browser and Node: compiled to wasm32 and called by the TypeScript
//! in `bindings-wasm/ts`. It converts and decides nothing: requests go to the core's `wire` server
//! as they come, files are whatever the host's JavaScript makes of them.

#![cfg(target_family = "wasm")]

mod files;
mod interrupts;
mod port;

use std::panic;

// SQLite itself: only to link it.
use sqlite_wasm_rs as _;
use wasm_bindgen::prelude::*;

pub use port::{Port, connect};
use ubiqlite::ext::wire::Server;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(message: &str);
}

/// Prepares the worker: the files that databases are kept in and, where there is a way to tell,
/// whether a call was cancelled. `poll(client, request)` is called every millisecond while SQLite
/// runs for a request, and `leave(client, request)` once before it begins, which it does only if
/// that returns true.
///
/// # Errors
/// A second call, or a SQLite that refuses to start.
#[wasm_bindgen]
pub fn install(
    files: Option<files::JsFiles>,
    poll: Option<js_sys::Function>,
    leave: Option<js_sys::Function>,
) -> Result<(), JsValue> {
    // A panic ends the instance; its message is for whoever fixes it.
    panic::set_hook(Box::new(|info| console_error(&info.to_string())));
    if let Some(poll) = poll {
        interrupts::ask(poll);
    }
    if let Some(leave) = leave {
        interrupts::ask_leave(leave);
    }
    if let Some(files) = files {
        files::register(files)?;
    }
    Ok(())
}

/// The client for whose request SQLite runs, 0 for none. Called when the module broke, so it
/// allocates nothing.
#[wasm_bindgen(js_name = runningClient)]
pub fn running_client() -> u32 {
    u32::try_from(Server::running() >> 32).unwrap_or(0)
}

/// The request for which SQLite runs: see [`running_client`].
#[wasm_bindgen(js_name = runningRequest)]
pub fn running_request() -> u32 {
    u32::try_from(Server::running() & 0xffff_ffff).unwrap_or(0)
}

/// Whether that request has begun to change something: see [`running_client`].
#[wasm_bindgen(js_name = runningChanges)]
pub fn running_changes() -> bool {
    Server::is_changing()
}
