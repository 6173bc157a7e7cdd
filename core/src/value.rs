//! One SQLite value, owned or borrowed, and what binds as one.

use std::borrow::Cow;

/// A value as SQLite stores it.
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

/// A [`Value`] borrowed from where it lies: a row's page, or a caller's value.
///
/// Text is bytes here, since a database may hold text that is not UTF-8;
/// [`ValueRef::as_str`] answers `None` for such.
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
    /// The integer, or `None` if this is no integer.
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

    /// The text, or `None` if this is no text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes of a blob, or `None` if this is no blob.
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

macro_rules! from_integer {
    ($($type:ty),*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Integer(i64::from(value))
            }
        }
    )*};
}
from_integer!(bool, i8, i16, i32, i64, u8, u16, u32);

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<f32> for Value {
    fn from(value: f32) -> Self {
        Self::Real(f64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(value: Cow<'_, str>) -> Self {
        Self::Text(value.into_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(value: &[u8; N]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

/// Lists and maps are stored as JSON text; a plain JSON string, number, boolean
/// or null as that value. An integer beyond 64 bits keeps its digits, as text.
impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::from(value),
            Json::Number(number) => match (number.as_i64(), number.is_f64()) {
                (Some(integer), _) => Self::Integer(integer),
                (None, true) => number.as_f64().map_or(Self::Null, Self::Real),
                (None, false) => Self::Text(number.to_string()),
            },
            Json::String(text) => Self::Text(text),
            list_or_map => Self::Text(list_or_map.to_string()),
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        value.to_value()
    }
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Self {
        value.clone()
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
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
