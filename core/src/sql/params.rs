//! Parameters of a statement, by position or by name.

use smallvec::SmallVec;

use super::Record;
use super::fields::fields;
use crate::error::Result;
use crate::value::{IntoValue, RefusedValue, Value};

/// The values of a statement's parameters, by position or by name.
///
/// Positional values fill `?`, `?NNN` in order; named ones fill `:name`,
/// `@name` and `$name` and are given without that sign (or with it). Every
/// parameter of the statement must get a value, and every value a parameter.
///
/// # Example
/// ```
/// use ubiqlite::{Params, named, params};
/// let by_position: Params = params![7, "lamp", None::<f64>];
/// let by_name: Params = named! { "id" => 7, "name" => "lamp" };
/// let from_a_tuple: Params = (7, "lamp").into();
/// assert_eq!(by_position.len(), 3);
/// assert_eq!(by_name.len(), from_a_tuple.len());
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params {
    pub(crate) values: SmallVec<[Value; 4]>,
    // Empty, or one name per value.
    pub(crate) names: Vec<String>,
    refused: RefusedValue,
}

impl Params {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values in order.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The names in the order of the values; empty for positional parameters.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Makes parameters from a struct or a map, by name, or from a tuple or a list,
    /// by position, as serde serializes it. Each value is stored as
    /// [`Record::from_serialize`] describes.
    ///
    /// # Errors
    /// As [`Record::from_serialize`].
    ///
    /// # Example
    /// ```
    /// use ubiqlite::{Params, named};
    /// #[derive(serde::Serialize)]
    /// struct Change { id: u64, name: Option<String> }
    /// let change = Change { id: 7, name: None };
    /// assert_eq!(Params::from_serialize(&change)?, named! { "id" => 7, "name" => None::<&str> });
    /// # Ok::<(), ubiqlite::Error>(())
    /// ```
    pub fn from_serialize<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self> {
        let mut params = Self::new();
        for (name, value) in fields(value)? {
            match name {
                Some(name) => params.push_named(name, value),
                None => params.push(value),
            }
        }
        Ok(params)
    }

    /// Adds a positional value. If it can't be stored, the call that these
    /// parameters are for fails with `InvalidArgument`.
    #[inline]
    pub fn push(&mut self, value: impl IntoValue) {
        let value = self.refused.convert(value);
        self.values.push(value);
    }

    /// Adds a value by name. Parameters are positional or named, never both: a
    /// call with both returns `InvalidArgument`.
    pub fn push_named(&mut self, name: impl Into<String>, value: impl IntoValue) {
        self.names.push(name.into());
        self.push(value);
    }

    /// Returns the parameters if all values can be stored.
    ///
    /// # Errors
    /// `InvalidArgument` otherwise.
    #[inline]
    pub(crate) fn checked(self) -> Result<Self> {
        self.check()?;
        Ok(self)
    }

    /// # Errors
    /// `InvalidArgument` if a value can't be stored.
    #[inline]
    pub(crate) fn check(&self) -> Result<()> {
        self.refused.check()
    }
}

/// By name.
impl From<Record> for Params {
    fn from(record: Record) -> Self {
        let (fields, refused) = record.into_parts();
        let mut params = Self { refused, ..Self::default() };
        for (name, value) in fields {
            params.push_named(name, value);
        }
        params
    }
}

impl From<()> for Params {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl<T: IntoValue> From<Vec<T>> for Params {
    fn from(values: Vec<T>) -> Self {
        values.into_iter().collect()
    }
}

impl<T: IntoValue, const N: usize> From<[T; N]> for Params {
    fn from(values: [T; N]) -> Self {
        values.into_iter().collect()
    }
}

impl<T: IntoValue + Clone> From<&[T]> for Params {
    fn from(values: &[T]) -> Self {
        values.iter().cloned().collect()
    }
}

impl<T: IntoValue> FromIterator<T> for Params {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut refused = RefusedValue::default();
        let values = values.into_iter().map(|value| refused.convert(value)).collect();
        Self { values, names: Vec::new(), refused }
    }
}

macro_rules! from_tuple {
    ($($name:ident),+) => {
        impl<$($name: IntoValue),+> From<($($name,)+)> for Params {
            fn from(values: ($($name,)+)) -> Self {
                #[allow(non_snake_case, reason = "the type's name serves as the value's")]
                let ($($name,)+) = values;
                let mut refused = RefusedValue::default();
                let values = smallvec::smallvec![$(refused.convert($name)),+];
                Self { values, names: Vec::new(), refused }
            }
        }
    };
}
from_tuple!(A);
from_tuple!(A, B);
from_tuple!(A, B, C);
from_tuple!(A, B, C, D);
from_tuple!(A, B, C, D, E);
from_tuple!(A, B, C, D, E, F);
from_tuple!(A, B, C, D, E, F, G);
from_tuple!(A, B, C, D, E, F, G, H);
from_tuple!(A, B, C, D, E, F, G, H, I);
from_tuple!(A, B, C, D, E, F, G, H, I, J);
from_tuple!(A, B, C, D, E, F, G, H, I, J, K);
from_tuple!(A, B, C, D, E, F, G, H, I, J, K, L);
from_tuple!(A, B, C, D, E, F, G, H, I, J, K, L, M);
from_tuple!(A, B, C, D, E, F, G, H, I, J, K, L, M, N);
from_tuple!(A, B, C, D, E, F, G, H, I, J, K, L, M, N, O);
from_tuple!(A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P);

/// Positional parameters: `params![7, "lamp"]`, each of any type that is
/// [`IntoValue`](crate::IntoValue).
#[macro_export]
macro_rules! params {
    () => { $crate::Params::new() };
    ($($value:expr),+ $(,)?) => {{
        let mut params = $crate::Params::new();
        $(params.push($value);)+
        params
    }};
}

/// Named parameters: `named! { "id" => 7, "name" => "lamp" }`.
#[macro_export]
macro_rules! named {
    ($($name:expr => $value:expr),* $(,)?) => {{
        #[allow(unused_mut, reason = "no parameters is a case too")]
        let mut params = $crate::Params::new();
        $(params.push_named($name, $value);)*
        params
    }};
}
