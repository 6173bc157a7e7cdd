//! The Arrow type of a column.

use arrow_schema::DataType;

/// What the values of a column are, `NULL`s aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    /// There is no value.
    Null,
    Integer,
    Real,
    Text,
    Blob,
}

impl ColumnKind {
    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Null => DataType::Null,
            Self::Integer => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Blob => DataType::Binary,
        }
    }

    /// The kind that takes the values of both.
    pub(super) fn with(self, other: Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Null, kind) | (kind, Self::Null) => kind,
            (Self::Integer, Self::Real) | (Self::Real, Self::Integer) => Self::Real,
            (one, other) if one == other => one,
            _ => return None,
        })
    }

    /// The kind of a column without values, by its declared type: SQLite's affinity, if that names
    /// one kind (<https://sqlite.org/datatype3.html>). `NUMERIC`, which includes `DATE` and
    /// `BOOLEAN`, does not.
    pub(super) fn declared(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
        if has(&["INT"]) {
            Self::Integer
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            Self::Text
        } else if has(&["BLOB"]) {
            Self::Blob
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            Self::Real
        } else {
            Self::Null
        }
    }

    /// For messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Integer => "an integer",
            Self::Real => "a real",
            Self::Text => "a text",
            Self::Blob => "a blob",
        }
    }
}

/// The real that is equal to an integer, if there is one.
pub(super) fn exact(integer: i64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "it is looked at whether any is lost")]
    let real = integer as f64;
    #[allow(clippy::cast_possible_truncation, reason = "it is whole, and at most 2^63")]
    let back = real as i128;
    (back == i128::from(integer)).then_some(real)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_that_no_real_is_equal_to_are_told_at_both_ends_of_the_range() {
        assert_eq!(exact(1 << 53), Some(9_007_199_254_740_992.0));
        assert_eq!(exact((1 << 53) + 1), None);
        assert_eq!(exact(-(1 << 53) - 1), None);
        // Its real is 2^63, which a cast back to 64 bits would make equal.
        assert_eq!(exact(i64::MAX), None);
        assert_eq!(exact(i64::MIN), Some(-9_223_372_036_854_775_808.0));
    }

    #[test]
    fn a_declared_type_has_the_affinity_that_sqlite_gives_it() {
        let kinds = [
            ("bigint", ColumnKind::Integer),
            ("CHARINT", ColumnKind::Integer),
            ("VARCHAR(20)", ColumnKind::Text),
            ("blob", ColumnKind::Blob),
            ("DOUBLE PRECISION", ColumnKind::Real),
            ("DATE", ColumnKind::Null),
            ("BOOLEAN", ColumnKind::Null),
        ];
        for (declared, kind) in kinds {
            assert_eq!(ColumnKind::declared(declared), kind, "{declared}");
        }
    }
}
