//! One column of a result, as it grows.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BinaryArray, Float64Array, Int64Array, NullArray, StringArray};
use arrow_buffer::{Buffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use ubiqlite::{Error, ErrorKind, Result, ValueRef};

use super::kind::{ColumnKind, exact};

/// The complete parts, and the one that grows. All parts of a column have one type in the end;
/// until then each has that of its values.
#[derive(Debug)]
pub(super) struct ArrowColumn {
    name: String,
    parts: Vec<ArrayRef>,
    /// The kind of the complete parts.
    kind: ColumnKind,
    /// Where in the result the growing part begins.
    first: usize,
    values: Values,
    valid: NullBufferBuilder,
}

#[derive(Debug)]
enum Values {
    Null,
    Integer(Vec<i64>),
    Real(Vec<f64>),
    Bytes {
        is_text: bool,
        /// Where each value ends, after a 0.
        ends: Vec<i32>,
        bytes: Vec<u8>,
    },
}

impl ArrowColumn {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            parts: Vec::new(),
            kind: ColumnKind::Null,
            first: 0,
            values: Values::Null,
            valid: NullBufferBuilder::new(0),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Adds a value to the growing part, whose texts and blobs are no more than 2 GiB.
    ///
    /// # Errors
    /// `DatatypeMismatch`: one column can't have both it and what is there.
    #[inline]
    pub(super) fn push(&mut self, value: ValueRef<'_>) -> Result<()> {
        match (&mut self.values, value) {
            (Values::Integer(all), ValueRef::Integer(value)) => all.push(value),
            (Values::Real(all), ValueRef::Real(value)) => all.push(value),
            (Values::Bytes { is_text: true, ends, bytes }, ValueRef::Text(value))
            | (Values::Bytes { is_text: false, ends, bytes }, ValueRef::Blob(value)) => {
                bytes.extend_from_slice(value);
                ends.push(end(bytes));
            }
            (_, ValueRef::Null) => {
                self.push_null();
                return Ok(());
            }
            _ => return self.push_other(value),
        }
        self.valid.append_non_null();
        Ok(())
    }

    fn push_null(&mut self) {
        match &mut self.values {
            Values::Null => {}
            Values::Integer(all) => all.push(0),
            Values::Real(all) => all.push(0.0),
            Values::Bytes { ends, bytes, .. } => ends.push(end(bytes)),
        }
        self.valid.append_null();
    }

    /// Adds a value of another kind than those before it.
    #[cold]
    fn push_other(&mut self, value: ValueRef<'_>) -> Result<()> {
        let kind = kind_of(value);
        let row = self.first + self.valid.len();
        self.values = match (std::mem::replace(&mut self.values, Values::Null), value) {
            (Values::Null, _) => self.begin(kind),
            (Values::Integer(all), ValueRef::Real(_)) => {
                Values::Real(self.reals(&all, self.first)?)
            }
            (Values::Real(mut all), ValueRef::Integer(value)) => {
                all.push(exact(value).ok_or_else(|| self.inexact(row, value))?);
                self.values = Values::Real(all);
                self.valid.append_non_null();
                return Ok(());
            }
            (values, _) => return Err(self.mixed(row, kind, values.kind())),
        };
        self.push(value)
    }

    /// Gives the growing part its kind, after the `NULL`s that it has.
    fn begin(&self, kind: ColumnKind) -> Values {
        let nulls = self.valid.len();
        // Most parts need as much as the one before them.
        let room = self.parts.last().map_or(nulls, |part| part.len()).max(nulls);
        match kind {
            ColumnKind::Integer => Values::Integer(filled(0, nulls, room)),
            ColumnKind::Real => Values::Real(filled(0.0, nulls, room)),
            _ => {
                let last = self.parts.last().map_or(0, |part| part.get_buffer_memory_size());
                let bytes = Vec::with_capacity(last.saturating_sub(room * size_of::<i32>()));
                Values::Bytes {
                    is_text: kind == ColumnKind::Text,
                    ends: filled(0, nulls + 1, room + 1),
                    bytes,
                }
            }
        }
    }

    /// Completes the growing part, and begins the next one.
    ///
    /// # Errors
    /// `DatatypeMismatch`: it is of another kind than those before it, or a text is not UTF-8.
    pub(super) fn close(&mut self) -> Result<()> {
        let kind = self.values.kind();
        let rows = self.valid.len();
        let valid = self.valid.finish();
        let Some(joined) = self.kind.with(kind) else {
            let null = |row: &usize| valid.as_ref().is_none_or(|valid| valid.is_valid(*row));
            let row = (0..rows).find(null).unwrap_or(0);
            return Err(self.mixed(self.first + row, kind, self.kind));
        };
        let part: ArrayRef = match std::mem::replace(&mut self.values, Values::Null) {
            Values::Null => Arc::new(NullArray::new(rows)),
            Values::Integer(all) => Arc::new(Int64Array::new(scalars(all), valid)),
            Values::Real(all) => Arc::new(Float64Array::new(scalars(all), valid)),
            Values::Bytes { is_text, ends, mut bytes } => {
                bytes.shrink_to_fit();
                let (ends, bytes) = (OffsetBuffer::new(scalars(ends)), Buffer::from_vec(bytes));
                if is_text {
                    let text = StringArray::try_new(ends.clone(), bytes.clone(), valid);
                    Arc::new(text.map_err(|_| self.no_text(&ends, &bytes))?)
                } else {
                    Arc::new(BinaryArray::new(ends, bytes, valid))
                }
            }
        };
        self.kind = joined;
        self.parts.push(part);
        self.first += rows;
        Ok(())
    }

    /// Returns the parts and the kind that they all have in the end: that of the values, or of the
    /// declared type if there are none.
    ///
    /// # Errors
    /// `DatatypeMismatch` for an integer among reals to which no real is equal.
    pub(super) fn finish(mut self, declared: Option<&str>) -> Result<(ColumnKind, Vec<ArrayRef>)> {
        if self.kind == ColumnKind::Null {
            self.kind = declared.map_or(ColumnKind::Null, ColumnKind::declared);
        }
        let data_type = self.kind.data_type();
        let mut first = 0;
        let mut parts = std::mem::take(&mut self.parts);
        for part in &mut parts {
            let rows = part.len();
            if part.data_type() == &data_type {
            } else if let Some(integers) = part.as_primitive_opt::<Int64Type>() {
                let reals = self.reals(integers.values(), first)?;
                *part = Arc::new(Float64Array::new(scalars(reals), integers.nulls().cloned()));
            } else {
                *part = nulls(self.kind, rows);
            }
            first += rows;
        }
        Ok((self.kind, parts))
    }

    fn reals(&self, integers: &[i64], first: usize) -> Result<Vec<f64>> {
        let real = |(row, integer): (usize, &i64)| {
            exact(*integer).ok_or_else(|| self.inexact(first + row, *integer))
        };
        integers.iter().enumerate().map(real).collect()
    }

    fn mixed(&self, row: usize, found: ColumnKind, before: ColumnKind) -> Error {
        self.refused(
            row,
            &format!(
                "has {} where earlier rows have {}, but an Arrow column has one type",
                found.name(),
                before.name()
            ),
            "to the type it should have",
        )
    }

    fn inexact(&self, row: usize, integer: i64) -> Error {
        let what = format!("has {integer} in a column with reals, and no real equals it");
        self.refused(row, &what, "AS REAL, or AS TEXT")
    }

    fn no_text(&self, ends: &OffsetBuffer<i32>, bytes: &Buffer) -> Error {
        let text = |range: &[i32]| {
            let range = usize::try_from(range[0]).ok()?..usize::try_from(range[1]).ok()?;
            std::str::from_utf8(bytes.get(range)?).ok()
        };
        let row = ends.windows(2).position(|range| text(range).is_none()).unwrap_or(0);
        self.refused(self.first + row, "has a text that is not valid UTF-8", "AS BLOB")
    }

    fn refused(&self, row: usize, what: &str, how: &str) -> Error {
        let name = &self.name;
        let message = format!(
            "row {row} of column {name:?} {what} (rows are counted from 0); CAST the column {how} in the query"
        );
        Error::new(ErrorKind::DatatypeMismatch, message).with_index(row)
    }
}

impl Values {
    fn kind(&self) -> ColumnKind {
        match self {
            Self::Null => ColumnKind::Null,
            Self::Integer(_) => ColumnKind::Integer,
            Self::Real(_) => ColumnKind::Real,
            Self::Bytes { is_text: true, .. } => ColumnKind::Text,
            Self::Bytes { is_text: false, .. } => ColumnKind::Blob,
        }
    }
}

fn kind_of(value: ValueRef<'_>) -> ColumnKind {
    match value {
        ValueRef::Null => ColumnKind::Null,
        ValueRef::Integer(_) => ColumnKind::Integer,
        ValueRef::Real(_) => ColumnKind::Real,
        ValueRef::Text(_) => ColumnKind::Text,
        ValueRef::Blob(_) => ColumnKind::Blob,
    }
}

#[inline]
fn end(bytes: &[u8]) -> i32 {
    #[allow(clippy::cast_possible_truncation, reason = "a part has no more: see `push`")]
    #[allow(clippy::cast_possible_wrap, reason = "as above")]
    let end = bytes.len() as i32;
    end
}

/// Makes a part without values. Not by `new_null_array`, which pulls in the code of all types: half
/// a megabyte.
fn nulls(kind: ColumnKind, rows: usize) -> ArrayRef {
    match kind {
        ColumnKind::Null => Arc::new(NullArray::new(rows)),
        ColumnKind::Integer => Arc::new(Int64Array::new_null(rows)),
        ColumnKind::Real => Arc::new(Float64Array::new_null(rows)),
        ColumnKind::Text => Arc::new(StringArray::new_null(rows)),
        ColumnKind::Blob => Arc::new(BinaryArray::new_null(rows)),
    }
}

fn filled<T: Clone>(value: T, count: usize, room: usize) -> Vec<T> {
    let mut all = Vec::with_capacity(room.max(count));
    all.resize(count, value);
    all
}

/// The values, in the memory where they already are.
fn scalars<T: arrow_buffer::ArrowNativeType>(mut all: Vec<T>) -> ScalarBuffer<T> {
    all.shrink_to_fit();
    ScalarBuffer::from(all)
}
