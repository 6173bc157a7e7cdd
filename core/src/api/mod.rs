//! The API that programs call.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod commits;
pub(crate) mod database;
pub(crate) mod outbox;
#[cfg(all(feature = "recover", not(target_family = "wasm")))]
pub(crate) mod recover;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod replicate;
pub(crate) mod session;
pub(crate) mod snapshot;
pub(crate) mod statements;
pub(crate) mod stats;
pub(crate) mod table;
pub(crate) mod transaction;
pub(crate) mod watch;
