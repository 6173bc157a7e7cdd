//! The only home of `cfg(target_…)`: what differs between a machine with
//! threads and a browser's single one.

#[cfg(not(target_family = "wasm"))]
#[path = "native.rs"]
mod imp;
#[cfg(target_family = "wasm")]
#[path = "wasm.rs"]
mod imp;

pub(crate) mod coop;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod disk;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod file_watch;
#[cfg(all(unix, not(target_family = "wasm")))]
mod fork_lock;
#[cfg_attr(target_family = "wasm", path = "page_reads_off.rs")]
pub(crate) mod page_reads;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod timer;

#[cfg(not(all(unix, not(target_family = "wasm"))))]
#[path = "elsewhere.rs"]
pub(crate) mod files;
#[cfg(all(unix, not(target_family = "wasm")))]
#[path = "unix/mod.rs"]
pub(crate) mod files;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

#[cfg(not(target_family = "wasm"))]
pub(crate) use imp::release_memory;
pub(crate) use imp::{
    HAS_FILES, Sendable, Sleep, THREADS, block_for, later, now, parallelism, sleep,
};
pub use imp::{MaybeSend, MaybeSync};

/// A future behind a pointer; `Send` where there are threads.
#[cfg(not(target_family = "wasm"))]
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// A future behind a pointer; `Send` where there are threads.
#[cfg(target_family = "wasm")]
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Returns a time in nanoseconds; one of more than five centuries is as long as those.
#[inline]
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns a time in milliseconds.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the name by which SQLite opens a file: any bytes on Unix, UTF-8 elsewhere. `None` if it
/// is neither.
pub(crate) fn file_name(path: &Path) -> Option<&[u8]> {
    if cfg!(unix) {
        Some(path.as_os_str().as_encoded_bytes())
    } else {
        path.to_str().map(str::as_bytes)
    }
}
