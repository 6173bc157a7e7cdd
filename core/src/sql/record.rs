//! Column names with values: what a table operation stores.

use crate::error::{Error, Result};
use crate::value::Value;

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
}

impl Record {
    /// A record without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field; one of the same name is replaced.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) -> &mut Self {
        let (name, value) = (name.into(), value.into());
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

    /// A record from a struct or map: nested lists and maps become JSON text,
    /// booleans 0 and 1.
    ///
    /// # Errors
    /// `InvalidArgument` for what is neither a struct nor a map, and for an
    /// integer that does not fit 64 bits with a sign.
    pub fn from_serialize<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self> {
        let json = serde_json::to_value(value)
            .map_err(|error| Error::invalid(format!("the record can't be stored: {error}")))?;
        let serde_json::Value::Object(fields) = json else {
            return Err(Error::invalid("a record is a struct or a map with text keys"));
        };
        let mut record = Self::new();
        for (name, value) in fields {
            if value.as_u64().is_some_and(|number| i64::try_from(number).is_err()) {
                return Err(Error::invalid(format!(
                    "the integer of field {name:?} does not fit 64 bits with a sign; store it as text"
                )));
            }
            record.set(name, value);
        }
        Ok(record)
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Record {
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
