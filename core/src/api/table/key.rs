//! What identifies a row: the value, or values, of its primary key.

use std::fmt;
use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use crate::error::Result;
use crate::exec::item_feed::{Weigh, weight};
use crate::row::{Columns, Page, PageBuilder, fingerprint};
use crate::value::{IntoValue, RefusedValue, Value};

/// The primary key of a row: one value, or several for a composite key. For a
/// table without a declared key it is the rowid.
///
/// # Example
/// ```
/// use ubiqlite::{Key, params};
/// let one: Key = 7.into();
/// let named: Key = "alice".into();
/// let composite: Key = ("eu", 7).into();
/// assert_eq!(one.as_i64(), Some(7));
/// assert_eq!(composite.values().len(), 2);
/// assert_eq!(params![&named].len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Key(SmallVec<[Value; 1]>, RefusedValue);

impl Key {
    /// The values, in the order of the key's columns.
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    /// The integer, if the key is one integer.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0.as_slice() {
            [value] => value.as_i64(),
            _ => None,
        }
    }

    /// The text, if the key is one text.
    pub fn as_str(&self) -> Option<&str> {
        match self.0.as_slice() {
            [value] => value.as_str(),
            _ => None,
        }
    }

    /// The values as a row of unnamed columns.
    pub(crate) fn as_page(&self) -> Page {
        static ONE: OnceLock<Arc<Columns>> = OnceLock::new();
        let names = || Arc::new(Columns::new((0..self.0.len()).map(|index| index.to_string())));
        // Most keys have one value: sharing its column lets a client be sent it only once.
        let columns = if self.0.len() == 1 { Arc::clone(ONE.get_or_init(names)) } else { names() };
        let mut page = PageBuilder::new(columns);
        for value in &self.0 {
            // Never refused: a key value beyond 4 GiB could not have been stored.
            page.push(value.as_ref());
        }
        page.finish()
    }

    pub(crate) fn from_values(values: impl IntoIterator<Item = Value>) -> Self {
        Self(values.into_iter().collect(), RefusedValue::default())
    }

    /// Bytes that are equal for keys with the same values.
    pub(super) fn fingerprint(&self) -> Vec<u8> {
        fingerprint(self.0.iter().map(Value::as_ref))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            match value {
                Value::Null => f.write_str("NULL")?,
                Value::Integer(value) => write!(f, "{value}")?,
                Value::Real(value) => write!(f, "{value}")?,
                Value::Text(text) => write!(f, "{text:?}")?,
                Value::Blob(bytes) => write!(f, "a blob of {} bytes", bytes.len())?,
            }
        }
        Ok(())
    }
}

impl Key {
    fn of<const N: usize>(make: impl FnOnce(&mut RefusedValue) -> [Value; N]) -> Self {
        let mut refused = RefusedValue::default();
        let values = make(&mut refused).into_iter().collect();
        Self(values, refused)
    }

    /// # Errors
    /// `InvalidArgument` if a value of the key can't be stored.
    pub(super) fn check(&self) -> Result<()> {
        self.1.check()
    }

    /// Returns the key, to be refused for the same reason when it is used.
    pub(super) fn refused_with(mut self, refused: &RefusedValue) -> Self {
        self.1.join(refused);
        self
    }
}

macro_rules! from_value {
    ($([$($generics:tt)*] $type:ty),* $(,)?) => {$(
        impl<$($generics)*> From<$type> for Key {
            fn from(value: $type) -> Self {
                Self::of(|refused| [refused.convert(value)])
            }
        }
    )*};
}
from_value!(
    [] i8, [] i16, [] i32, [] i64, [] i128, [] isize,
    [] u8, [] u16, [] u32, [] u64, [] u128, [] usize, [] char,
    [] &str, [] String, [] Box<str>, [] std::sync::Arc<str>, ['a] std::borrow::Cow<'a, str>,
    [] &[u8], [] Vec<u8>, [const N: usize] [u8; N], [] Value,
);
#[cfg(feature = "uuid")]
from_value!([] uuid::Uuid);

/// A reference to anything that can be a key.
impl<T: Clone + Into<Key>> From<&T> for Key {
    fn from(value: &T) -> Self {
        value.clone().into()
    }
}

impl From<Vec<Value>> for Key {
    fn from(values: Vec<Value>) -> Self {
        Self(values.into(), RefusedValue::default())
    }
}

impl<A: IntoValue, B: IntoValue> From<(A, B)> for Key {
    fn from((a, b): (A, B)) -> Self {
        Self::of(|refused| [refused.convert(a), refused.convert(b)])
    }
}

impl<A: IntoValue, B: IntoValue, C: IntoValue> From<(A, B, C)> for Key {
    fn from((a, b, c): (A, B, C)) -> Self {
        Self::of(|refused| [refused.convert(a), refused.convert(b), refused.convert(c)])
    }
}

impl<A: IntoValue, B: IntoValue, C: IntoValue, D: IntoValue> From<(A, B, C, D)> for Key {
    fn from((a, b, c, d): (A, B, C, D)) -> Self {
        Self::of(|refused| {
            [refused.convert(a), refused.convert(b), refused.convert(c), refused.convert(d)]
        })
    }
}

/// A key of one value becomes that value. A composite one becomes a JSON list, which
/// is only for text that people read.
impl From<Key> for Value {
    fn from(mut key: Key) -> Self {
        match key.0.as_mut_slice() {
            [value] => std::mem::take(value),
            _ => Self::Text(format!("[{key}]")),
        }
    }
}

impl Weigh for Key {
    fn weight(&self) -> usize {
        weight(self.values().iter())
    }
}
