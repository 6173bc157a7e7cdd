//! Live queries: queries that run again when, and only when, a commit may have changed what they
//! return.
//!
//! A [`Hub`] keeps the watched queries of one database, each once however many watch it. Commits
//! mark the queries that they may concern; a query runs again only when a watcher of it asks, so
//! a watcher that does not ask costs nothing and gets the newest result when it does. All queries
//! that run at one moment run in one read. Feeds deliver the commits themselves.

mod affected;
mod delta;
mod diff;
mod event;
mod feed;
mod hub;
mod poll;
mod queries;
#[cfg(all(test, not(target_family = "wasm")))]
mod tests;
mod waiting;
mod written;

pub(crate) use delta::Delta;
pub use diff::Diff;
pub use event::{ChangedRow, ChangedTable, CommitEvent};
pub(crate) use hub::{Hub, WatchId};
pub(crate) use poll::Delivery;
pub(crate) use queries::Watched;
