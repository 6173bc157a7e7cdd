//! ubiqlite for Python and Kotlin.
//!
//! What is done once goes through uniffi: opening, closing, options and errors
//! ([`Engine`]). What is done often does not, since a call of uniffi's costs more
//! than a read: requests and replies are bytes, given and taken by the C functions
//! of [`raw`], in the [`Format`] that a client was made for. Java opens and closes by
//! such functions too ([`numbered`]), which `jni/` has for its virtual machine.

#[cfg(feature = "arrow")]
pub mod arrow;
pub mod bare;
mod client;
mod engine;
pub mod marshal;
pub mod numbered;
mod pending;
pub mod raw;
mod registry;
mod signal;

pub use client::Format;
pub use engine::{Engine, OpenError};
pub use pending::{Pending, Polled, start_open};

uniffi::setup_scaffolding!();
