//! **SQLite everywhere**: one async storage engine on SQLite.
//!
//! Open a [`Database`], and every operation is a call on it: statements, tables,
//! transactions, snapshots, streams. Reads run side by side, on readers of their
//! own; writes that wait together share a commit; whatever is dropped leaves
//! nothing behind.
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
//! # What there is
//!
//! - [`Database`] runs statements. It is cheap to clone, and shared by all tasks.
//!   [`Options`] opens one with other settings.
//! - [`Table`] reads and writes rows by their keys; [`Select`] reads them with filters and
//!   an order; [`Transfer`] moves an amount from one row to another.
//! - [`Transaction`] makes several statements one, and [`Savepoint`] a part of them.
//! - [`Snapshot`] reads one moment, side by side; [`Session`] is a connection of one's own.
//! - [`RowStream`] has the rows of a running query, one after another.
//! - [`Params`] are a statement's parameters ([`params!`]), [`Record`] a row to be written
//!   ([`record!`]), or any type that serde can serialize. A [`Row`] becomes any type that
//!   serde can deserialize ([`FromRow`]), and a cell a [`Value`].
//!
//! # Concurrency
//!
//! A statement that reads runs on one of several connections, beside all others and beside
//! the one write that runs at a time. Writes take place in the order of asking, and those
//! that wait together share a commit. A short read runs within the call, on the caller's
//! thread, for about 0.3 ms at most. The futures need no particular executor.
//!
//! # Cancellation
//!
//! Dropping a future gives its call up. What waits never runs; a query stops; a write that
//! runs happens whole or not at all, and which of them is not told. Inside a transaction the
//! statement that was given up leaves the transaction to be rolled back. Each method says
//! what holds for it.
//!
//! # Errors
//!
//! There is one [`Error`], whose [`ErrorKind`] is one of a closed list: the same in every
//! language that this engine speaks to. It has SQLite's extended code, the table and columns
//! of a constraint, the place in the SQL and the index of the item that failed, where there
//! is one. [`ErrorKind::OutcomeUnknown`] is told where neither "done" nor "not done" is known.
//!
//! # Features
//!
//! | feature | what it does |
//! |---|---|
//! | `bundled` (default) | brings SQLite; without it that of the system is linked |
//! | `chrono`, `jiff`, `time`, `uuid`, `rust_decimal` | types of these crates are values: see [`Value`] |
//!
//! Storage backends and bindings for other languages are written with what is in [`ext`].

#![cfg_attr(
    target_family = "wasm",
    allow(dead_code, unused_imports, reason = "what only the native backend uses")
)]
#![cfg_attr(
    not(any(target_family = "wasm", test, feature = "local")),
    allow(dead_code, unused_imports, reason = "what only the backend without threads uses")
)]

mod api;
mod backend;
#[cfg(not(target_family = "wasm"))]
mod bare;
mod engine;
mod error;
mod exec;
pub mod ext;
mod ffi;
mod options;
mod platform;
mod program;
mod row;
mod sql;
mod value;
mod vfs;
mod wire;

pub use api::database::Database;
pub use api::session::Session;
pub use api::snapshot::Snapshot;
pub use api::table::{Compare, Key, Select, Table, Transfer};
pub use api::transaction::{Savepoint, Transaction};
pub use backend::Capabilities;
pub use error::{Error, ErrorKind, Result};
pub use exec::feeding::ManyFuture;
pub use exec::run_result::{Column, RunResult};
pub use exec::script::Batch;
pub use exec::stream::RowStream;
pub use exec::target::Executed;
pub use options::{AutoVacuum, JournalMode, Options, Synchronous, TempStore};
pub use program::Begin;
pub use row::stored;
pub use row::{ColumnIndex, Columns, FromRow, Row};
pub use sql::{Params, Record};
pub use value::{FromValue, IntoValue, Json, Value, ValueRef};
