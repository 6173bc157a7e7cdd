//! Decimals: text, since a real would round them.

use rust_decimal::Decimal;

use super::{Value, ValueRef};
use crate::value::FromValue;

impl From<Decimal> for Value {
    fn from(value: Decimal) -> Self {
        Self::Text(value.to_string())
    }
}

impl<'a> FromValue<'a> for Decimal {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        match value {
            ValueRef::Text(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|_| "not a decimal".to_owned())?;
                Self::from_str_exact(text).map_err(|error| format!("not a decimal: {error}"))
            }
            ValueRef::Integer(value) => Ok(value.into()),
            // What a column of a numeric type makes of the text. SQLite converts it only
            // if the shortest digits of the real are those of the text.
            ValueRef::Real(value) => Self::from_str_exact(&value.to_string())
                .map_err(|error| format!("the real {value} is not a decimal: {error}")),
            other => Err(format!("the value is {}, which is not a decimal", other.type_name())),
        }
    }
}
