//! Column names with values: what a table operation stores.

use super::fields::fields;
use crate::error::{Error, Result};
use crate::value::{IntoValue, RefusedValue, Value};

/// Column names with their values, for [`Table`](crate::Table)'s operations.
///
/// # Example
/// ```
/// use ubiqlite::{Record, record};
/// let lamp = record! { "name" => "lamp", "status" => "new" };
/// assert_eq!(lamp.len(), 2);
///
/// #[derive(serde::Serialize)]
/// struct Item { name: String, watts: Vec<u32> }
/// let from_a_type = Record::from_serialize(&Item { name: "lamp".into(), watts: vec![40] })?;
/// assert_eq!(from_a_type.get("watts").and_then(|value| value.as_str()), Some("[40]"));
/// # Ok::<(), ubiqlite::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    fields: Vec<(String, Value)>,
    refused: RefusedValue,
}

impl Record {
    /// A record without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field, replacing one of the same name. If the value can't be stored,
    /// the call that the record is for fails with `InvalidArgument`.
    pub fn set(&mut self, name: impl Into<String>, value: impl IntoValue) -> &mut Self {
        let (name, value) = (name.into(), self.refused.convert(value));
        match self.fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, slot)) => *slot = value,
            None => self.fields.push((name, value)),
        }
        self
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The fields in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Makes a record from a struct, or a map with text keys, as serde serializes it.
    ///
    /// Each field is stored as itself: integers and booleans (0 and 1), reals
    /// (infinite ones too; NaN as `NULL`, which SQLite makes of it), text,
    /// bytes (`serialize_bytes`, as `serde_bytes` uses it) as a blob, `None` and
    /// `()` as `NULL`, a variant without data as its name. Anything with parts
    /// (lists, tuples, maps, structs, variants with data, `Vec<u8>` without
    /// `serde_bytes`) is stored as JSON text. [`Row::to`](crate::Row::to) reads
    /// what was stored back equal, and lists the exceptions.
    ///
    /// # Errors
    /// `InvalidArgument` for anything but a struct or a map, for an integer that
    /// does not fit 64 bits with a sign, for infinite numbers, NaN and bytes
    /// inside JSON text, which has no such values, and for an enum with data
    /// that has no `#[serde(tag = "…")]`.
    pub fn from_serialize<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self> {
        let mut record = Self::new();
        for (name, value) in fields(value)? {
            let Some(name) = name else {
                return Err(Error::invalid("a record must be a struct or a map with text keys"));
            };
            record.set(name, value);
        }
        Ok(record)
    }

    /// # Errors
    /// `InvalidArgument` if a value that was set can't be stored.
    pub(crate) fn check(&self) -> Result<()> {
        self.refused.check()
    }

    pub(super) fn into_parts(self) -> (Vec<(String, Value)>, RefusedValue) {
        (self.fields, self.refused)
    }
}

impl<N: Into<String>, V: IntoValue> FromIterator<(N, V)> for Record {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut record = Self::new();
        for (name, value) in fields {
            record.set(name, value);
        }
        record
    }
}

/// Column names with values: `record! { "name" => "lamp", "value" => 7 }`.
#[macro_export]
macro_rules! record {
    ($($name:expr => $value:expr),* $(,)?) => {{
        #[allow(unused_mut, reason = "a record without fields is a case too")]
        let mut record = $crate::Record::new();
        $(record.set($name, $value);)*
        record
    }};
}
