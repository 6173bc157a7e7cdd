//! Databases in memory, with all that a file has: several connections, on several
//! threads, reads beside a writer.
//!
//! SQLite's own databases in memory belong to one connection, or, shared, have
//! locks but no log: there readers and the writer keep each other waiting. Here a
//! database in memory is a file of a VFS whose files are memory, and its log's index
//! is shared as that of any other: it is in WAL mode, and behaves so.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::nodes::Nodes;
use super::register;
use crate::error::Result;
use crate::options::{Options, Synchronous};

/// What a database in memory is opened by.
pub(crate) const ASKED: &str = ":memory:";

/// The VFS that has them.
const VFS: &str = "ubiqlite-memory";

/// Where a database is opened, and with which settings: one in memory has a name of
/// its own, and is gone with its last connection. One that can only be read stays
/// SQLite's own, which is empty for good.
///
/// # Errors
/// `InvalidArgument` where somebody else has registered a VFS of the same name.
pub(crate) fn place(path: &Path, options: Options) -> Result<(PathBuf, Options)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    if path.as_os_str() != ASKED || options.read_only {
        return Ok((path.to_owned(), options));
    }
    register_once()?;
    let name = format!("{ASKED}{}", NEXT.fetch_add(1, Ordering::Relaxed));
    // No power failure leaves anything of it.
    let options = options.vfs(VFS).create(true).synchronous(Synchronous::Off);
    Ok((name.into(), options))
}

/// Whether this is the name of a database in memory, or of a file beside it. The
/// others that SQLite asks for are those that a statement attaches, or copies into.
pub(super) fn is_ours(name: &[u8]) -> bool {
    name.strip_prefix(ASKED.as_bytes()).is_some_and(|rest| !rest.is_empty())
}

fn register_once() -> Result<()> {
    static REGISTERED: Mutex<bool> = Mutex::new(false);
    let mut registered: MutexGuard<'_, bool> =
        REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    if !*registered {
        register::register_nodes(VFS, Nodes::in_memory())?;
        *registered = true;
    }
    Ok(())
}
