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

#![cfg_attr(
    target_family = "wasm",
    allow(dead_code, unused_imports, reason = "what only the native backend uses")
)]
#![cfg_attr(
    not(any(target_family = "wasm", test, feature = "local")),
    allow(dead_code, unused_imports, reason = "what only the backend without threads uses")
)]

pub mod backend;
#[cfg(not(target_family = "wasm"))]
pub mod bare;
mod coop;
mod database;
mod engine;
mod error;
mod feeding;
mod ffi;
mod gate;
mod held;
mod many;
mod nested;
mod one;
mod options;
mod platform;
mod row;
mod run_result;
mod script;
mod session;
mod snapshot;
mod sql;
mod statements;
mod stream;
mod table;
mod target;
mod transaction;
mod value;
pub mod vfs;
pub mod wire;

pub use backend::{Begin, Capabilities};
pub use database::Database;
pub use error::{Error, ErrorKind, Result};
pub use feeding::ManyFuture;
pub use options::{AutoVacuum, JournalMode, Options, Synchronous, TempStore};
pub use platform::{BoxFuture, MaybeSend, MaybeSync};
pub use row::stored;
pub use row::{ColumnIndex, Columns, FromRow, FromValue, Json, Page, PageBuilder, Row, Rows};
pub use run_result::{Column, RunResult};
pub use script::Batch;
pub use session::Session;
pub use snapshot::Snapshot;
pub use sql::{Params, Record};
pub use stream::RowStream;
pub use table::{Compare, Key, Select, Table, Transfer};
pub use target::Executed;
pub use transaction::{Savepoint, Transaction};
pub use value::{IntoValue, Value, ValueRef};
