//! What is asked of a backend that copies its database, or replaces it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use super::chunks::ChunkSink;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::platform;
use crate::vfs::IN_MEMORY;

/// A copy of the database, of one moment that is not before the request.
#[derive(Debug)]
pub struct CopyOrder {
    /// Where the copy goes.
    pub to: CopyTo,
    /// Without unused space: larger reads and no changes of the copy while it is made.
    pub compact: bool,
    /// Where the backend says how far it is.
    pub progress: Arc<CopyProgress>,
}

/// Where a copy goes.
#[derive(Debug)]
pub enum CopyTo {
    /// Into a file, which is there only when it is whole, and survives a power failure then.
    File {
        /// Its path.
        path: PathBuf,
        /// It replaces the file that is there.
        overwrite: bool,
    },
    /// The bytes of the file, in order.
    Chunks(ChunkSink),
}

/// Where the new content of a database comes from.
#[derive(Debug, Clone)]
pub enum RestoreFrom {
    /// From a database file.
    File(PathBuf),
    /// From the bytes of one.
    Bytes(Arc<[u8]>),
}

/// Returns the file of a database that was opened with these options, if it is one of the operating
/// system's.
pub(crate) fn database_file<'a>(options: &Options, path: &'a Path) -> Option<&'a Path> {
    let on_disk = options.vfs.is_none() && path.as_os_str() != IN_MEMORY;
    (platform::HAS_FILES && on_disk).then_some(path)
}

/// Refuses to restore a database from its own file.
///
/// # Errors
/// `InvalidArgument`.
pub(crate) fn check_source(own: Option<&Path>, path: &Path) -> Result<()> {
    #[cfg(not(target_family = "wasm"))]
    if own.is_some_and(|own| platform::disk::is_same_file(own, path)) {
        let message = "a database can't be restored from itself";
        return Err(Error::invalid(message).with_path(path));
    }
    let _ = (own, path);
    Ok(())
}

/// How far a copy is. Whoever wants it waits for the next news.
#[derive(Debug, Default)]
pub struct CopyProgress {
    /// The pages that are copied, and in the upper half all pages.
    pages: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl CopyProgress {
    /// Says that `done` of `total` pages are copied.
    pub fn set(&self, done: u32, total: u32) {
        self.pages.store(u64::from(total) << 32 | u64::from(done), Ordering::Release);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Returns how many pages are copied, and of how many.
    pub fn get(&self) -> (u32, u32) {
        let pages = self.pages.load(Ordering::Acquire);
        (pages as u32, (pages >> 32) as u32)
    }

    /// Wakes `waker` with the next news.
    pub(crate) fn wake(&self, waker: &Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
    }
}
