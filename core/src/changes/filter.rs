//! Which rows of a table can matter to a query, as far as it is known without running it.

use std::ops::RangeInclusive;

use crate::value::Value;

/// Conditions that each row must meet which a query reads from a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct RowFilter {
    /// The table, as spelled in the schema.
    pub(crate) table: Box<str>,
    /// All of them must hold.
    pub(crate) terms: Vec<Term>,
}

/// One condition on a stored column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term {
    /// The column, as spelled in the schema.
    pub(crate) column: Box<str>,
    /// What holds of its value.
    pub(crate) test: TermTest,
}

/// What holds of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TermTest {
    /// It equals one of these.
    In(Vec<Value>),
    /// If it is an integer, it is one of these. It is not `NULL`.
    Between(RangeInclusive<i64>),
    /// It is `NULL`.
    Null,
    /// It is not `NULL`.
    NotNull,
}

impl TermTest {
    /// Whether a stored value may pass, as SQLite compares: whatever is not certain may.
    pub(crate) fn may_pass(&self, stored: &Value) -> bool {
        match self {
            Self::Null => *stored == Value::Null,
            Self::NotNull => *stored != Value::Null,
            Self::Between(wanted) => match stored {
                Value::Integer(stored) => wanted.contains(stored),
                Value::Null => false,
                _ => true,
            },
            Self::In(wanted) => wanted.iter().any(|wanted| may_equal(stored, wanted)),
        }
    }
}

/// Whether SQLite may find the two equal, whatever the column's affinity and collation.
fn may_equal(stored: &Value, wanted: &Value) -> bool {
    match (stored, wanted) {
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Integer(stored), Value::Integer(wanted)) => stored == wanted,
        // A collation may ignore the case, and trailing spaces; one of the user's may do anything,
        // but the query's texts are compared by those that are built in unless the column names
        // another, and such a column has no filter.
        (Value::Text(stored), Value::Text(wanted)) => {
            stored.trim_end_matches(' ').eq_ignore_ascii_case(wanted.trim_end_matches(' '))
        }
        (Value::Blob(stored), Value::Blob(wanted)) => stored == wanted,
        // A value of another type may have been converted to the column's.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_sqlite_can_never_find_equal_is_excluded() {
        let text = |text: &str| Value::Text(text.into());
        for (stored, wanted, may) in [
            (Value::Integer(1), Value::Integer(1), true),
            (Value::Integer(1), Value::Integer(2), false),
            (Value::Integer(1), text("1"), true),
            (Value::Real(1.0), Value::Integer(1), true),
            (text("Lamp"), text("lamp"), true),
            (text("lamp  "), text("lamp"), true),
            (text("lamp"), text("sofa"), false),
            (Value::Null, Value::Null, false),
            (text("1"), Value::Blob(b"1".to_vec()), true),
        ] {
            let test = TermTest::In(vec![wanted.clone()]);
            assert_eq!(test.may_pass(&stored), may, "{stored:?} and {wanted:?}");
        }
    }
}
