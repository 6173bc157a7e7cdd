//! ubiqlite for Node: the core in Node's own process.
//!
//! Bytes in, bytes out, and one wake-up for all that is ready. JavaScript passes a batch of
//! requests to `submit` (`hot`) and gets the replies that are ready at once; for the others the
//! function that it opened with is called, and it takes them. The numbers and bytes are those of
//! `ubiqlite::ext::wire`; the TypeScript is `bindings-wasm/ts/node/native`.
//!
//! Except for the wake-up, only the thread that made an engine touches anything of Node's. An
//! engine ends with its object, which Node releases with its environment: a worker that is
//! terminated leaves nothing open.

mod attached;
mod beside;
mod client;
#[cfg_attr(test, allow(dead_code, reason = "in tests nothing is exported"))]
mod engine;
#[cfg_attr(test, allow(dead_code, reason = "in tests nothing is exported"))]
mod hot;
mod presence;
mod progress;
mod wakeup;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use engine::{Engine, shell, version};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
