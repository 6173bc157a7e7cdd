//! A SQLite VFS over files that somebody else keeps: OPFS in a browser,
//! `node:fs`, a disk of the tests' that crashes.
//!
//! Whoever keeps the files has each open once, for this process alone, so locks
//! and the shared memory of the write-ahead log are kept in this process, for
//! all connections to a file. A connection that asks whether somebody has a
//! reserved lock is told the truth: a journal that a dead process left is hot
//! then, and is rolled back. Temporary files live in memory.
//!
//! What is acknowledged is never held back here: a log's frames are gathered
//! until the commit's, and then written, at once and before SQLite is answered.

mod call;
mod files;
mod lock;
mod log;
mod methods;
mod node;
mod register;
mod shm;
mod temp;
#[cfg(test)]
mod tests;

pub use files::{FileError, Files};
pub use register::register;
