//! ubiqlite for Node: the core in Node's own process.
//!
//! Bytes in, bytes out, and one wake-up for all that is ready: JavaScript gives a batch of
//! requests to `submit` (`hot`) and has the replies that are there at once; for the
//! others the function that it opened with is called, and it takes them. What is behind the
//! numbers and bytes is `ubiqlite::ext::wire`; the TypeScript is `bindings-wasm/ts/node/native`.
//!
//! Nothing of Node is touched by another thread than the one that made an engine, but for
//! the wake-up. An engine ends with its object, which Node lets go with its environment: a
//! worker that is terminated leaves nothing open.

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

pub use engine::{Engine, version};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
