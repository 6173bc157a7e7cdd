//! One SQLite value, owned or borrowed, and what binds as one.

mod convert;
mod from_value;
mod json;
mod serde;

#[cfg(feature = "chrono")]
mod chrono;
#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
mod clock;
#[cfg(feature = "rust_decimal")]
mod decimal;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "time")]
mod time;
#[cfg(feature = "uuid")]
mod uuid;

pub use convert::IntoValue;
pub(crate) use convert::RefusedValue;
pub(crate) use from_value::JSON;
pub use from_value::{FromValue, Json};
pub(crate) use json::json_text;

/// A value as SQLite stores it.
///
/// Rust's types become one by [`IntoValue`] and are read by
/// [`FromValue`](crate::FromValue). With the Cargo features of these names, so are
/// the types of other crates:
///
/// | feature | types | stored as |
/// |---|---|---|
/// | `chrono` | `DateTime<Tz>` | text in UTC, `2024-05-01T09:30:00.000000000Z` |
/// | | `NaiveDateTime`, `NaiveDate`, `NaiveTime` | the same without `Z`, and its parts |
/// | `jiff` | `Timestamp`; `civil::DateTime`, `civil::Date`, `civil::Time` | the same |
/// | `time` | `OffsetDateTime`; `PrimitiveDateTime`, `Date`, `Time` | the same |
/// | `uuid` | `Uuid` | text with hyphens; read from a blob of 16 bytes too |
/// | `rust_decimal` | `Decimal` | text (in a column declared `TEXT`: a numeric one makes it a real) |
///
/// Times have a fixed width, nine digits of a second and the years 0000 to 9999, so
/// that the texts sort in the order of time. The results of SQLite's own functions,
/// `CURRENT_TIMESTAMP` and `datetime('now')`, are read too, as UTC. But their text is
/// different, so store only one kind in a column. A default that writes a moment as
/// these types do:
///
/// ```sql
/// CREATE TABLE visits (at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000000Z', 'now')))
/// ```
///
/// The texts of decimals do not sort in numeric order.
///
/// # Example
/// ```
/// use ubiqlite::Value;
/// assert_eq!(Value::from(true), Value::Integer(1));
/// assert_eq!(Value::from(None::<i64>), Value::Null);
/// assert_eq!(Value::from("lamp").as_str(), Some("lamp"));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// SQL `NULL`.
    #[default]
    Null,
    /// A 64-bit signed integer. Booleans bind as 0 and 1.
    Integer(i64),
    /// An IEEE 754 double. `NaN` binds as `NULL`, as SQLite itself does.
    Real(f64),
    /// Text, in UTF-8. May hold NUL characters.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// A [`Value`] borrowed from where it is stored: a row's page, or a caller's value.
///
/// Text is bytes here, since a database may hold text that is not UTF-8;
/// [`ValueRef::as_str`] returns `None` for such text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    /// SQL `NULL`.
    Null,
    /// A 64-bit signed integer.
    Integer(i64),
    /// An IEEE 754 double.
    Real(f64),
    /// Text as SQLite holds it.
    Text(&'a [u8]),
    /// Bytes.
    Blob(&'a [u8]),
}

impl Value {
    /// The integer, or `None` if this is not an integer.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The number as a double, from an integer or a real, or `None`.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, or `None` if this is not text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes of a blob, or `None` if this is not a blob.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Blob(value) => Some(value),
            _ => None,
        }
    }

    /// Whether this is `NULL`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Borrows the value.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }
    }
}

impl<'a> ValueRef<'a> {
    /// The text, if this is text and valid UTF-8.
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Self::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// Whether another value is the same bit for bit: not so 0.0 and -0.0, which are equal.
    #[inline]
    pub(crate) fn is_same(self, other: ValueRef<'_>) -> bool {
        match (self, other) {
            (Self::Real(value), ValueRef::Real(other)) => value.to_bits() == other.to_bits(),
            (value, other) => value == other,
        }
    }

    /// Copies the value. Text that is not UTF-8 keeps its bytes, as a blob, so
    /// that nothing is lost.
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(value) => Value::Integer(value),
            Self::Real(value) => Value::Real(value),
            Self::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Value::Text(text.to_owned()),
                Err(_) => Value::Blob(bytes.to_vec()),
            },
            Self::Blob(bytes) => Value::Blob(bytes.to_vec()),
        }
    }

    /// SQLite's name of the storage class, for messages.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Integer(_) => "INTEGER",
            Self::Real(_) => "REAL",
            Self::Text(_) => "TEXT",
            Self::Blob(_) => "BLOB",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_utf8_keeps_its_bytes() {
        let bad = ValueRef::Text(&[0xff, 0xfe]);
        assert_eq!(bad.as_str(), None);
        assert_eq!(bad.to_value(), Value::Blob(vec![0xff, 0xfe]));
    }

    #[test]
    fn json_lists_and_maps_bind_as_text_and_scalars_as_themselves() {
        let json: serde_json::Value = serde_json::from_str(r#"{"watt":40}"#).unwrap();
        assert_eq!(Value::from(json), Value::from(r#"{"watt":40}"#));
        assert_eq!(Value::from(serde_json::json!(7)), Value::Integer(7));
        assert_eq!(Value::from(serde_json::json!(u64::MAX)), Value::from("18446744073709551615"));
    }
}
