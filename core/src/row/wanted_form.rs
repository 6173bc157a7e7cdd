//! What a field wants a column to be, where serde does not say so in advance.

use std::fmt;

use serde::de::{Expected, Unexpected};

use crate::error::Error;

/// Why a row can't be read as a type.
#[derive(Debug)]
pub(super) struct ReadRefusal {
    pub(super) error: Error,
    pub(super) wish: Option<WantedForm>,
}

/// What a field wanted when it got a column as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WantedForm {
    /// A boolean, but this integer came.
    Boolean(i64),
    /// The content of the text at this address, read as JSON.
    Json(*const [u8]),
}

impl From<Error> for ReadRefusal {
    fn from(error: Error) -> Self {
        Self { error, wish: None }
    }
}

impl fmt::Display for ReadRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for ReadRefusal {}

impl serde::de::Error for ReadRefusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error::custom(message).into()
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let wish = match found {
            Unexpected::Signed(number) if wanted.to_string() == "a boolean" => {
                Some(WantedForm::Boolean(number))
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

/// The wish to read a text that was not wanted as such as JSON, if it may be JSON.
fn wish_for(text: &str) -> Option<WantedForm> {
    text.starts_with(['[', '{']).then_some(WantedForm::Json(text.as_bytes()))
}

/// Which columns are given as they are wanted, instead of as they are stored.
#[derive(Debug, Default)]
pub(super) struct Given {
    columns: Vec<usize>,
    /// The other integers that may be booleans are replaced by numbers that identify
    /// their columns. The result of such a reading is thrown away.
    pub(super) numbered: bool,
}

/// The number of the first column. Neither 0 nor 1, and small, so that it fits
/// fields of few bits.
const FIRST: i64 = 2;

impl Given {
    /// Marks one more column to be given as it is wanted; false if it was already.
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

    /// The number that stands for a column's 0 or 1.
    pub(super) fn number(&self, column: usize) -> Option<i64> {
        self.numbered.then(|| i64::try_from(column).map_or(i64::MAX, |column| column + FIRST))
    }

    pub(super) fn column_of(&self, number: i64) -> Option<usize> {
        usize::try_from(number - FIRST).ok()
    }
}
