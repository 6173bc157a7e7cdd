//! Conversion of a row into what the caller wants.

use serde::de::DeserializeOwned;

use super::{Row, de};
use crate::error::Result;

/// A type that a row can become: [`Row`] itself, or any type that serde can
/// deserialize (a struct or map by the columns' names, a tuple by their order,
/// a scalar from a row of one column).
pub trait FromRow: Sized {
    /// Converts the row.
    ///
    /// # Errors
    /// `DatatypeMismatch` if the type has no place for a value.
    fn from_row(row: Row) -> Result<Self>;
}

impl FromRow for Row {
    #[inline]
    fn from_row(row: Row) -> Result<Self> {
        Ok(row)
    }
}

impl<T: DeserializeOwned> FromRow for T {
    fn from_row(row: Row) -> Result<Self> {
        de::read(&row)
    }
}
