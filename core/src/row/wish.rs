//! As what a field wants a column, where serde does not say so in advance.

use std::fmt;

use serde::de::{Expected, Unexpected};

use crate::error::Error;

/// Why a row is no such type.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: Error,
    pub(super) wish: Option<Wish>,
}

/// What a field wanted that got a column as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// A boolean, where this integer came.
    Boolean(i64),
    /// What is inside of the text at this place, read as JSON.
    Json(*const [u8]),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, wish: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Refusal {}

impl serde::de::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error::custom(message).into()
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let wish = match found {
            Unexpected::Signed(number) if wanted.to_string() == "a boolean" => {
                Some(Wish::Boolean(number))
            }
            Unexpected::Str(text) => wish_for(text),
            _ => None,
        };
        Self { error: Error::invalid_type(found, wanted), wish }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self { error: Error::unknown_variant(variant, expected), wish: wish_for(variant) }
    }
}

/// That the text, which was not wanted as such, is read as JSON, if it may be.
fn wish_for(text: &str) -> Option<Wish> {
    text.starts_with(['[', '{']).then_some(Wish::Json(text.as_bytes()))
}

/// Which columns are given as they are wanted, and not as they are stored.
#[derive(Debug, Default)]
pub(super) struct Given {
    columns: Vec<usize>,
    /// The other integers that may be booleans are numbers that tell which column
    /// they are. What comes of such a reading is thrown away.
    pub(super) numbered: bool,
}

/// The number of the first column. Neither 0 nor 1, and small, so that it fits
/// fields of few bits.
const FIRST: i64 = 2;

impl Given {
    /// Gives one more column as it is wanted; false if it was already.
    pub(super) fn add(&mut self, column: usize) -> bool {
        let new = !self.wanted(column);
        if new {
            self.columns.push(column);
        }
        new
    }

    pub(super) fn wanted(&self, column: usize) -> bool {
        self.columns.contains(&column)
    }

    /// What stands for a column's 0 or 1.
    pub(super) fn number(&self, column: usize) -> Option<i64> {
        self.numbered.then(|| i64::try_from(column).map_or(i64::MAX, |column| column + FIRST))
    }

    pub(super) fn column_of(&self, number: i64) -> Option<usize> {
        usize::try_from(number - FIRST).ok()
    }
}
