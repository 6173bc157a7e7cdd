//! **SQLite everywhere**: one async storage engine on SQLite.
//!
//! Open a [`Database`]; every operation is a call on it: statements, tables, transactions,
//! snapshots, streams. Reads run concurrently, on connections of their own. Writes that wait
//! together share a commit. Dropped futures and handles leave nothing behind.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
//! use ubiqlite::{Database, Row, params, record};
//!
//! let db = Database::open(":memory:").await?;
//! db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, status TEXT);").await?;
//!
//! let items = db.table("items");
//! let id = items.insert(record! { "name" => "lamp", "status" => "new" }).await?;
//! items.update(&id, record! { "status" => "done" }).await?;
//!
//! let mut rows = db.stream("SELECT * FROM items WHERE status = ?", params!["done"]);
//! while let Some(row) = rows.try_next().await? {
//!     println!("{} is {}", row.get::<&str>("name")?, row.get::<&str>("status")?);
//! }
//! # Ok(()) }
//! ```
//!
//! # Overview
//!
//! - [`Database`] runs statements. It is cheap to clone, and all tasks can share it.
//!   [`Options`] opens one with other settings.
//! - [`Table`] reads and writes rows by their keys; [`Select`] reads them with filters and
//!   an order; [`Transfer`] moves an amount from one row to another.
//! - [`Transaction`] combines several statements into one, and [`Savepoint`] a part of them.
//! - [`Snapshot`] runs concurrent reads of one moment; [`Session`] is a dedicated connection.
//! - [`Backup`] copies the database into a file while it is in use, and [`BackupStream`] as bytes;
//!   [`Database::restore`] replaces it by such a copy.
//! - [`RowStream`] yields the rows of a running query one by one.
//! - [`Migrations`] bring the schema up to date when a database is opened.
//! - [`Params`] holds a statement's parameters ([`params!`]) and [`Record`] a row to write
//!   ([`record!`]). Both can be made from any type that serde can serialize. A [`Row`] converts
//!   to any type that serde can deserialize ([`FromRow`]), and a cell to a [`Value`].
//!
//! # Concurrency
//!
//! A statement that reads runs on one of several connections, concurrently with other reads
//! and with the one write that runs at a time. Writes run in the order in which they were
//! requested (a statement that is new and does not begin with `INSERT`, `UPDATE`, `DELETE` or
//! `REPLACE` is compiled first), and those that wait together share a commit. A short read runs inside the call,
//! on the caller's thread, for at most about 0.3 ms. The futures work on any executor.
//!
//! # Cancellation
//!
//! Dropping a future cancels its call. A waiting call never runs and a query stops. A running
//! write happens entirely or not at all, and which of the two is not reported. Giving up a
//! statement inside a transaction leaves the transaction fit only for rollback. Each method
//! documents its own behavior.
//!
//! # Errors
//!
//! There is one [`Error`] type, whose [`ErrorKind`] comes from a closed list: the same in every
//! language that has a binding. An error carries SQLite's extended code, the table and columns
//! of a constraint, the position in the SQL and the index of the failed item, where they exist.
//! [`ErrorKind::OutcomeUnknown`] means that neither "done" nor "not done" is known.
//!
//! # Features
//!
//! | feature | what it does |
//! |---|---|
//! | `bundled` (default) | bundles SQLite; without it the system's SQLite is linked |
//! | `macros` (default) | [`migrations!`] embeds a folder of migrations |
//! | `tracing` | a span for each statement, with the time that it waited and that it ran, and `Options::slow_statement` |
//! | `chrono`, `jiff`, `time`, `uuid`, `rust_decimal` | types of these crates are values: see [`Value`] |
//!
//! Storage backends and bindings for other languages are built with [`ext`].

#![cfg_attr(
    target_family = "wasm",
    allow(dead_code, unused_imports, reason = "what only the threaded backend uses")
)]
#![cfg_attr(
    not(any(target_family = "wasm", test, feature = "single-thread")),
    allow(dead_code, unused_imports, reason = "what only the backend without threads uses")
)]

mod api;
mod backend;
mod changes;
#[cfg(not(target_family = "wasm"))]
mod dbapi;
mod engine;
mod error;
mod exec;
pub mod ext;
mod ffi;
mod live;
mod migrate;
mod migrations;
mod options;
mod platform;
mod program;
#[cfg(not(target_family = "wasm"))]
mod replicate;
mod row;
mod sql;
#[cfg_attr(not(sqlite_session), allow(dead_code, reason = "what only applying uses"))]
mod sync;
mod value;
mod vfs;
mod wire;

pub use api::backup::{Backup, BackupProgress, BackupStream};
pub use api::check::{Damage, DamageKind};
pub use api::commits::Commits;
pub use api::database::Database;
pub use api::outbox::{Outbox, OutboxBatch};
#[cfg(all(feature = "recover", not(target_family = "wasm")))]
pub use api::recover::{Recovered, recover};
#[cfg(not(target_family = "wasm"))]
pub use api::replicate::{Replica, Replicate, restore_replica, restore_replica_from};
pub use api::session::Session;
pub use api::snapshot::Snapshot;
pub use api::table::{Compare, Key, Select, Table, Transfer};
pub use api::transaction::{Savepoint, Transaction};
pub use api::watch::{Update, Watch, WatchAll};
#[cfg(not(target_family = "wasm"))]
pub use backend::replica::{ReplicaState, SnapshotReason};
#[cfg(not(target_family = "wasm"))]
pub use backend::replica_files::ReplicaMoment;
pub use backend::{Capabilities, Spent, Stats};
pub use changes::RowChangeKind;
pub use error::{Error, ErrorKind, Result};
pub use exec::item_feed::ManyFuture;
pub use exec::run_result::{Column, RunResult};
#[cfg(not(target_family = "wasm"))]
pub use exec::run_result::{Described, DescribedColumn};
pub use exec::script::Batch;
pub use exec::stream::RowStream;
pub use exec::target::Executed;
pub use live::{ChangedRow, ChangedTable, CommitEvent, Diff};
pub use migrate::{AppliedMigration, Drift, DriftKind, MigrationAction, MigrationStep, Migrator};
pub use migrations::Migrations;
pub use options::{AutoVacuum, JournalMode, Options, Synchronous, TempStore};
pub use program::Begin;
#[cfg(not(target_family = "wasm"))]
pub use replicate::{ReplicaFolder, ReplicaStorage};
pub use row::stored;
pub use row::{ColumnIndex, Columns, FromRow, Row};
pub use sql::{Params, Record};
pub use sync::{Applied, Apply, Conflict, ConflictKind, Decision, Policy, RowChanged};
#[cfg(feature = "macros")]
#[doc(hidden)]
pub use ubiqlite_macros::embed as __embed;
pub use value::{FromValue, IntoValue, Json, Value, ValueRef};
