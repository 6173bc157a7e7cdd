//! From a cell to a Rust value, without loss.

use crate::value::{Value, ValueRef};

/// A type that a column's value can be read as. A value that would be rounded,
/// cut or reinterpreted is refused.
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
                    .map_err(|_| format!("{integer} does not fit {}", stringify!($type)))
            }
        }
    )*};
}
from_integer!(i8, i16, i32, u8, u16, u32, u64, usize, isize);

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

/// Integers up to 2^53 are doubles without loss.
fn exact(value: i64) -> Result<f64, String> {
    if value.unsigned_abs() <= 1 << 53 {
        Ok(value as f64)
    } else {
        Err(format!("{value} can't be a double without being rounded"))
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

/// JSON kept as text: `row.get::<Json<Vec<u32>>>("watts")` reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<'a, T: serde::de::DeserializeOwned> FromValue<'a> for Json<T> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        let text = <&[u8]>::from_value(value)?;
        serde_json::from_slice(text)
            .map(Self)
            .map_err(|error| format!("not the JSON expected: {error}"))
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
    fn json_text_is_read_as_a_type() {
        let json = Json::<Vec<u32>>::from_value(ValueRef::Text(b"[1,2]")).unwrap();
        assert_eq!(json.0, [1, 2]);
    }
}
