//! ubiqlite for Python and Kotlin.
//!
//! One-time work goes through uniffi: opening, closing, options and errors ([`EngineHandle`]).
//! Frequent work does not, since a call of uniffi's costs more than a read: requests and replies
//! are bytes, passed through the C functions of [`raw`], in the [`Format`] that a client was made
//! for. Java also opens and closes through such functions ([`numbered`]), which `jni/` exposes to
//! its virtual machine.

#[cfg(feature = "arrow")]
pub mod arrow;
mod client;
pub mod dbapi;
mod engine;
pub mod marshal;
pub mod numbered;
mod pending;
pub mod raw;
mod registry;
#[cfg(feature = "shell")]
pub mod shell;
mod signal;

pub use client::Format;
pub use engine::{EngineHandle, OpenError};
pub use pending::{Pending, Polled, start_deserialize, start_open};

uniffi::setup_scaffolding!();
