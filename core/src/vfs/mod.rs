//! This library's own VFS for SQLite, for files that are not the operating system's, such as a
//! browser's, or that are in memory (`memory.rs`).
//!
//! [`register`] gives such [`Files`] a name, and [`Options::vfs`](crate::Options::vfs) opens
//! databases on them. What SQLite needs beyond files is here:
//!
//! - **One process.** All connections to a file are in this process, so locks are a table in
//!   memory, and so is what they share about a write-ahead log. `Files` must ensure that nobody
//!   else has the file open in the meantime.
//! - **The truth about reserved locks.** A rollback journal is played back only if
//!   nobody holds such a lock; a VFS that always returns "somebody does" reopens a
//!   torn database after a crash.
//! - **Temporary files** live in memory.
//! - **Any thread.** A connection is used by one thread at a time; what several connections share
//!   is behind locks, and the log's index is made of atomics. Reads of a file in memory run side by
//!   side.
//! - **One write for many.** SQLite writes each frame of a log in two writes; they are gathered,
//!   and handed over before a commit is acknowledged (`log.rs`).

mod codes;
mod files;
#[cfg(not(target_family = "wasm"))]
mod guard;
mod io;
mod locks;
mod log;
mod memory;
mod moved;
mod node;
mod nodes;
mod register;
mod shm;
mod temporary;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod window;

pub use files::{FileError, FileNumber, Files};
#[cfg(not(target_family = "wasm"))]
pub use guard::{Guard, Kept, guard};
pub use register::register;

#[cfg(not(target_family = "wasm"))]
pub(crate) use guard::GuardChoice;
pub(crate) use memory::{ASKED as IN_MEMORY, MemoryFile, WindowFile, place, place_bytes};
pub(crate) use moved::{has_moved, is_astray};
pub(crate) use register::{LONGEST_NAME, is_registered};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex. Nothing panics between two halves of a change, so a poisoned one is as good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
