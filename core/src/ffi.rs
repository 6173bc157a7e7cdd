//! SQLite's C interface: the one place that names the crate it comes from.

pub(crate) use rusqlite::ffi::*;
