//! Stores and reads fields by [`IntoValue`] and [`FromValue`] instead of the type's
//! own serde implementation: `#[serde(with = "ubiqlite::stored")]`.
//!
//! For dates and times of `chrono`, `jiff` and `time`, whose text then sorts in the
//! order of time, and which are read from `CURRENT_TIMESTAMP`; for `Uuid`s kept as
//! blobs; and for a `bool` in an `#[serde(untagged)]` enum, which otherwise takes an
//! integer.
//!
//! # Example
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
//! use ubiqlite::{Database, Record};
//! #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
//! struct Item {
//!     id: i64,
//!     #[serde(with = "ubiqlite::stored")]
//!     key: [u8; 4],
//! }
//! let db = Database::open(":memory:").await?;
//! db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, key BLOB)").await?;
//! let item = Item { id: 1, key: [1, 2, 3, 255] };
//! db.table("items").insert(Record::from_serialize(&item)?).await?;
//! assert_eq!(db.query_value::<Vec<u8>>("SELECT key FROM items", ()).await?, [1, 2, 3, 255]);
//! assert_eq!(db.table("items").get(1).await?, Some(item));
//! # Ok(()) }
//! ```

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

use crate::value::FromValue;
use crate::value::{IntoValue, Value};

/// Serializes the value that the field is stored as.
///
/// # Errors
/// If [`IntoValue`] refuses it.
pub fn serialize<'a, T, S: Serializer>(value: &'a T, serializer: S) -> Result<S::Ok, S::Error>
where
    &'a T: IntoValue,
{
    value.into_value().map_err(S::Error::custom)?.serialize(serializer)
}

/// Reads the field from the value.
///
/// # Errors
/// If [`FromValue`] refuses it.
pub fn deserialize<'de, T, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error>
where
    T: for<'v> FromValue<'v>,
{
    let value = Value::deserialize(deserializer)?;
    T::from_value(value.as_ref()).map_err(D::Error::custom)
}
