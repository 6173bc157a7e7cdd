//! The only home of `cfg(target_…)`: what differs between a machine with
//! threads and a browser's single one.

#[cfg(not(target_family = "wasm"))]
#[path = "native.rs"]
mod imp;
#[cfg(target_family = "wasm")]
#[path = "wasm.rs"]
mod imp;

#[cfg(not(target_family = "wasm"))]
pub(crate) mod timer;

use std::future::Future;
use std::pin::Pin;

#[cfg(not(target_family = "wasm"))]
pub(crate) use imp::release_memory;
pub use imp::{MaybeSend, MaybeSync};
pub(crate) use imp::{Sleep, block_for, later, now, parallelism, sleep};

/// A future behind a pointer; `Send` where there are threads.
#[cfg(not(target_family = "wasm"))]
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// A future behind a pointer; `Send` where there are threads.
#[cfg(target_family = "wasm")]
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
