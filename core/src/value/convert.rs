//! Conversion into a value.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use super::{Value, ValueRef};
use crate::error::{Error, Result};
use crate::value::Json;

/// A type that can be stored as a value, or fails to be: every type that is
/// `Into<Value>` (implement that for your own types), and types of which only some
/// values fit, such as `u64`.
///
/// If a value does not fit, the call that it is for fails with `InvalidArgument`,
/// and nothing runs.
///
/// # Example
/// ```
/// use ubiqlite::{IntoValue, Value};
/// assert_eq!(7_u64.into_value()?, Value::Integer(7));
/// assert!(u64::MAX.into_value().is_err());
/// # Ok::<(), ubiqlite::Error>(())
/// ```
pub trait IntoValue {
    /// Makes the value.
    ///
    /// # Errors
    /// `InvalidArgument` if no value in SQLite is equal to it.
    fn into_value(self) -> Result<Value>;
}

impl<T: Into<Value>> IntoValue for T {
    #[inline]
    fn into_value(self) -> Result<Value> {
        Ok(self.into())
    }
}

/// Why the first refused value of a list can't be stored, kept until the call that
/// the list is for.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RefusedValue(Option<Box<str>>);

impl RefusedValue {
    /// Converts a value, and notes the reason if it does not fit.
    #[inline]
    pub(crate) fn convert(&mut self, value: impl IntoValue) -> Value {
        match value.into_value() {
            Ok(value) => value,
            Err(error) => self.note(&error),
        }
    }

    #[cold]
    fn note(&mut self, error: &Error) -> Value {
        self.0.get_or_insert_with(|| error.message().into());
        Value::Null
    }

    /// Takes over the reason for which another list was refused.
    pub(crate) fn join(&mut self, other: &Self) {
        if self.0.is_none() {
            self.0.clone_from(&other.0);
        }
    }

    /// # Errors
    /// `InvalidArgument` if a value was refused.
    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        match &self.0 {
            None => Ok(()),
            Some(message) => Err(Error::invalid(&**message)),
        }
    }
}

/// `IntoValue` for a type of which only some values fit, and for references to it
/// and options of it.
macro_rules! fallible {
    ([$($generics:tt)*] $type:ty, |$value:ident| $convert:expr) => {
        impl<$($generics)*> $crate::value::IntoValue for &$type {
            fn into_value(self) -> $crate::Result<$crate::Value> {
                let $value = self;
                $convert
            }
        }
        impl<$($generics)*> $crate::value::IntoValue for $type {
            fn into_value(self) -> $crate::Result<$crate::Value> {
                (&self).into_value()
            }
        }
        impl<$($generics)*> $crate::value::IntoValue for Option<$type> {
            fn into_value(self) -> $crate::Result<$crate::Value> {
                self.as_ref().into_value()
            }
        }
        impl<$($generics)*> $crate::value::IntoValue for &Option<$type> {
            fn into_value(self) -> $crate::Result<$crate::Value> {
                self.as_ref().into_value()
            }
        }
        impl<$($generics)*> $crate::value::IntoValue for Option<&$type> {
            fn into_value(self) -> $crate::Result<$crate::Value> {
                self.map_or(Ok($crate::Value::Null), $crate::value::IntoValue::into_value)
            }
        }
    };
}
#[allow(unused_imports, reason = "for the features' modules")]
pub(super) use fallible;

/// Converts an integer of any width, if it fits SQLite's.
pub(super) fn integer<I: Copy + std::fmt::Display + TryInto<i64>>(value: I) -> Result<Value> {
    value.try_into().map(Value::Integer).map_err(|_| {
        Error::invalid(format!(
            "the integer {value} does not fit in a signed 64-bit integer; store it as text"
        ))
    })
}

fallible!([] u64, |value| integer(*value));
fallible!([] usize, |value| integer(*value));
fallible!([] i128, |value| integer(*value));
fallible!([] u128, |value| integer(*value));
fallible!([T: serde::Serialize] Json<T>, |value| {
    crate::value::json_text(&value.0).map(Value::Text)
});

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

impl From<isize> for Value {
    fn from(value: isize) -> Self {
        // No target has pointers of more than 64 bits.
        Self::Integer(value as i64)
    }
}

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

impl From<char> for Value {
    fn from(value: char) -> Self {
        Self::Text(value.into())
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

impl From<Cow<'_, str>> for Value {
    fn from(value: Cow<'_, str>) -> Self {
        Self::Text(value.into_owned())
    }
}

impl From<Box<str>> for Value {
    fn from(value: Box<str>) -> Self {
        Self::Text(value.into())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl From<Box<[u8]>> for Value {
    fn from(value: Box<[u8]>) -> Self {
        Self::Blob(value.into())
    }
}

impl From<Cow<'_, [u8]>> for Value {
    fn from(value: Cow<'_, [u8]>) -> Self {
        Self::Blob(value.into_owned())
    }
}

macro_rules! from_shared {
    ($($pointer:ident),*) => {$(
        impl From<$pointer<str>> for Value {
            fn from(value: $pointer<str>) -> Self {
                Self::from(&*value)
            }
        }
        impl From<$pointer<[u8]>> for Value {
            fn from(value: $pointer<[u8]>) -> Self {
                Self::from(&*value)
            }
        }
    )*};
}
from_shared!(Arc, Rc);

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

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A reference to anything that can be stored.
impl<T: Clone + Into<Value>> From<&T> for Value {
    fn from(value: &T) -> Self {
        value.clone().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_beyond_64_bits_is_refused_and_not_wrapped() {
        assert_eq!(i64::MAX.unsigned_abs().into_value().unwrap(), Value::Integer(i64::MAX));
        assert_eq!(Some(&5_usize).into_value().unwrap(), Value::Integer(5));
        assert_eq!((&None::<u64>).into_value().unwrap(), Value::Null);
        for refused in
            [u64::MAX.into_value(), (1_i128 << 64).into_value(), Some(u128::MAX).into_value()]
        {
            assert_eq!(refused.unwrap_err().kind(), crate::error::ErrorKind::InvalidArgument);
        }
    }

    #[test]
    fn references_and_pointers_are_stored_as_what_they_point_to() {
        let (number, text, bytes) = (7_i64, String::from("a"), vec![1_u8, 2]);
        assert_eq!(Value::from(&number), Value::Integer(7));
        assert_eq!(Value::from(&&number), Value::Integer(7));
        assert_eq!(Value::from(&Some(number)), Value::Integer(7));
        assert_eq!(Value::from(Some(&text)), Value::from("a"));
        assert_eq!(Value::from(&bytes), Value::Blob(vec![1, 2]));
        assert_eq!(Value::from([1_u8, 2]), Value::Blob(vec![1, 2]));
        assert_eq!(Value::from(&[1_u8, 2]), Value::Blob(vec![1, 2]));
        assert_eq!(Value::from(Box::<str>::from("a")), Value::from("a"));
        assert_eq!(Value::from(Arc::<str>::from("a")), Value::from("a"));
        assert_eq!(Value::from(&Rc::<[u8]>::from(bytes)), Value::Blob(vec![1, 2]));
        assert_eq!(Value::from('ß'), Value::from("ß"));
        assert_eq!(Json([1, 2]).into_value().unwrap(), Value::from("[1,2]"));
    }
}
