//! From a cell to a Rust value, without loss.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::{Value, ValueRef};

/// A type that a column's value can be read as. A value that would be rounded,
/// truncated or reinterpreted is refused.
pub trait FromValue<'a>: Sized {
    /// Reads the value, or says in a few words why it does not fit.
    fn from_value(value: ValueRef<'a>) -> Result<Self, String>;
}

fn unfit<T>(value: ValueRef<'_>, wanted: &str) -> Result<T, String> {
    Err(format!("the value is {}, which is not {wanted}", value.type_name()))
}

impl<'a> FromValue<'a> for i64 {
    #[inline]
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        match value {
            ValueRef::Integer(value) => Ok(value),
            other => unfit(other, "an integer"),
        }
    }
}

macro_rules! from_integer {
    ($($type:ty),*) => {$(
        impl<'a> FromValue<'a> for $type {
            fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
                let integer = i64::from_value(value)?;
                Self::try_from(integer)
                    .map_err(|_| format!("{integer} does not fit in {}", stringify!($type)))
            }
        }
    )*};
}
from_integer!(i8, i16, i32, i128, u8, u16, u32, u64, u128, usize, isize);

impl<'a> FromValue<'a> for bool {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        match value {
            ValueRef::Integer(0) => Ok(false),
            ValueRef::Integer(1) => Ok(true),
            ValueRef::Integer(other) => Err(format!("{other} is neither 0 nor 1")),
            other => unfit(other, "a boolean (0 or 1)"),
        }
    }
}

impl<'a> FromValue<'a> for f64 {
    #[inline]
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        match value {
            ValueRef::Real(value) => Ok(value),
            ValueRef::Integer(value) => exact(value),
            other => unfit(other, "a number"),
        }
    }
}

impl<'a> FromValue<'a> for f32 {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        let double = f64::from_value(value)?;
        let single = double as Self;
        if f64::from(single) == double || double.is_nan() {
            Ok(single)
        } else {
            Err(format!("{double} can't be read as an f32 without rounding"))
        }
    }
}

impl<'a> FromValue<'a> for char {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        let mut characters = <&str>::from_value(value)?.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(character),
            _ => Err("the text is not one character".to_owned()),
        }
    }
}

/// Integers up to 2^53 are doubles without loss.
fn exact(value: i64) -> Result<f64, String> {
    if value.unsigned_abs() <= 1 << 53 {
        Ok(value as f64)
    } else {
        Err(format!("{value} can't be read as a double without rounding"))
    }
}

impl<'a> FromValue<'a> for &'a str {
    #[inline]
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        match value {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes)
                .map_err(|_| "the text is not UTF-8; read it as bytes".to_owned()),
            other => unfit(other, "text"),
        }
    }
}

impl<'a> FromValue<'a> for String {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        <&str>::from_value(value).map(ToOwned::to_owned)
    }
}

impl<'a> FromValue<'a> for &'a [u8] {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        match value {
            ValueRef::Blob(bytes) | ValueRef::Text(bytes) => Ok(bytes),
            other => unfit(other, "bytes"),
        }
    }
}

impl<'a> FromValue<'a> for Vec<u8> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        <&[u8]>::from_value(value).map(<[u8]>::to_vec)
    }
}

impl<'a, const N: usize> FromValue<'a> for [u8; N] {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        let bytes = <&[u8]>::from_value(value)?;
        bytes.try_into().map_err(|_| format!("found {} bytes, but expected {N}", bytes.len()))
    }
}

/// For types that are read by way of a borrowed type.
macro_rules! by_way_of {
    ($way:ty: $($type:ty),* $(,)?) => {$(
        impl<'a> FromValue<'a> for $type {
            fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
                <$way>::from_value(value).map(Into::into)
            }
        }
    )*};
}
by_way_of!(&'a str: Box<str>, Arc<str>, Rc<str>, Cow<'a, str>);
by_way_of!(&'a [u8]: Box<[u8]>, Arc<[u8]>, Rc<[u8]>, Cow<'a, [u8]>);

impl<'a> FromValue<'a> for Value {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        Ok(value.to_value())
    }
}

impl<'a> FromValue<'a> for ValueRef<'a> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        Ok(value)
    }
}

impl<'a, T: FromValue<'a>> FromValue<'a> for Option<T> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        match value {
            ValueRef::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

/// A value stored as JSON text, whatever it is: `row.get::<Json<Vec<u32>>>("watts")`
/// reads it, `params![Json(&watts)]` stores it.
///
/// As a struct's field it is JSON text for every type, even for one like
/// `serde_json::Value`, whose texts and numbers would otherwise be stored as such.
/// In other formats it is its content.
///
/// # Example
/// ```
/// use ubiqlite::{Json, Record};
/// #[derive(serde::Serialize)]
/// struct Item { notes: Json<serde_json::Value> }
/// let item = Item { notes: Json(serde_json::json!("[1]")) };
/// let notes = Record::from_serialize(&item)?.get("notes").cloned();
/// assert_eq!(notes, Some(r#""[1]""#.into()));
/// # Ok::<(), ubiqlite::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Json<T>(pub T);

/// The name by which our own serializers recognize a [`Json`].
pub(crate) const JSON: &str = "ubiqlite::Json";

impl<'a, T: DeserializeOwned> FromValue<'a> for Json<T> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        let text = <&[u8]>::from_value(value)?;
        serde_json::from_slice(text).map(Self).map_err(|error| format!("unexpected JSON: {error}"))
    }
}

impl<T: Serialize> Serialize for Json<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(JSON, &self.0)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ElementOf<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for ElementOf<T> {
            type Value = Json<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON text")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Json<T>, D::Error> {
                T::deserialize(deserializer).map(Json)
            }
        }

        deserializer.deserialize_newtype_struct(JSON, ElementOf(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_rounded_or_cut() {
        assert!(f64::from_value(ValueRef::Integer((1 << 53) + 1)).is_err());
        assert_eq!(f64::from_value(ValueRef::Integer(1 << 53)), Ok(9_007_199_254_740_992.0));
        assert!(i64::from_value(ValueRef::Real(1.0)).is_err());
        assert!(u8::from_value(ValueRef::Integer(256)).is_err());
        assert!(bool::from_value(ValueRef::Integer(2)).is_err());
        assert!(<&str>::from_value(ValueRef::Text(&[0xff])).is_err());
        assert_eq!(Option::<i64>::from_value(ValueRef::Null), Ok(None));
    }

    #[test]
    fn pointers_characters_and_arrays_are_read() {
        let text = ValueRef::Text("ß".as_bytes());
        assert_eq!(char::from_value(text), Ok('ß'));
        assert!(char::from_value(ValueRef::Text(b"ab")).is_err());
        assert_eq!(Box::<str>::from_value(text).as_deref(), Ok("ß"));
        assert_eq!(Arc::<str>::from_value(text).as_deref(), Ok("ß"));
        assert_eq!(<[u8; 2]>::from_value(ValueRef::Blob(&[1, 2])), Ok([1, 2]));
        assert!(<[u8; 3]>::from_value(ValueRef::Blob(&[1, 2])).is_err());
        assert_eq!(f32::from_value(ValueRef::Real(0.5)), Ok(0.5));
        assert!(f32::from_value(ValueRef::Real(0.1)).is_err());
        assert_eq!(u128::from_value(ValueRef::Integer(5)), Ok(5));
        assert!(u64::from_value(ValueRef::Integer(-5)).is_err());
    }

    #[test]
    fn json_text_is_read_as_a_type() {
        let json = Json::<Vec<u32>>::from_value(ValueRef::Text(b"[1,2]")).unwrap();
        assert_eq!(json.0, [1, 2]);
    }
}
