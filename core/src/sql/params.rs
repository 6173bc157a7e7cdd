//! Parameters of a statement, by position or by name.

use smallvec::SmallVec;

use crate::value::Value;

/// The values of a statement's parameters, by position or by name.
///
/// Positional values fill `?`, `?NNN` in order; named ones fill `:name`,
/// `@name` and `$name` and are given without that sign (or with it). Every
/// parameter of the statement must get a value, and every value must have one.
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
    // Empty, or one name a value.
    pub(crate) names: Vec<String>,
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

    /// Adds a positional value.
    pub fn push(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
    }

    /// Adds a value by name. Parameters are positional or named, never both: a
    /// call with both answers `InvalidArgument`.
    pub fn push_named(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.names.push(name.into());
        self.values.push(value.into());
    }
}

impl From<()> for Params {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl<T: Into<Value>> From<Vec<T>> for Params {
    fn from(values: Vec<T>) -> Self {
        values.into_iter().collect()
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Params {
    fn from(values: [T; N]) -> Self {
        values.into_iter().collect()
    }
}

impl<T: Into<Value> + Clone> From<&[T]> for Params {
    fn from(values: &[T]) -> Self {
        values.iter().cloned().collect()
    }
}

impl<T: Into<Value>> FromIterator<T> for Params {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self { values: values.into_iter().map(Into::into).collect(), names: Vec::new() }
    }
}

macro_rules! from_tuple {
    ($($name:ident),+) => {
        impl<$($name: Into<Value>),+> From<($($name,)+)> for Params {
            fn from(values: ($($name,)+)) -> Self {
                #[allow(non_snake_case, reason = "the type's name serves as the value's")]
                let ($($name,)+) = values;
                Self { values: smallvec::smallvec![$($name.into()),+], names: Vec::new() }
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

/// Positional parameters: `params![7, "lamp"]`, each anything that is
/// `Into<Value>`.
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
