//! UUIDs: text with hyphens.

use uuid::Uuid;

use super::{Value, ValueRef};
use crate::value::FromValue;

impl From<Uuid> for Value {
    fn from(value: Uuid) -> Self {
        Self::Text(value.hyphenated().to_string())
    }
}

impl<'a> FromValue<'a> for Uuid {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        match value {
            ValueRef::Text(bytes) => {
                Self::try_parse_ascii(bytes).map_err(|error| format!("not a UUID: {error}"))
            }
            ValueRef::Blob(bytes) => Self::from_slice(bytes)
                .map_err(|_| format!("a UUID has 16 bytes, but the blob has {}", bytes.len())),
            other => Err(format!("the value is {}, which is not a UUID", other.type_name())),
        }
    }
}
