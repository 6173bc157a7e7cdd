//! A result in Arrow's form, and how it is gathered.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use ubiqlite::ext::backend::Description;
use ubiqlite::ext::backend::Page;
use ubiqlite::{Columns, Error, ErrorKind, Result, ValueRef};

use super::column::ArrowColumn;

/// How many rows make a batch.
const BATCH_ROWS: usize = 1 << 16;

/// How many bytes of texts and blobs a batch has at most, unless a single row has more: the offsets
/// of a column have 31 bits, and any one value of SQLite's fits.
const BATCH_BYTES: usize = 1 << 26;

/// All rows of a result.
#[derive(Debug, Clone)]
pub(super) struct ArrowTable {
    pub(super) schema: SchemaRef,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) rows: usize,
}

/// The rows so far.
#[derive(Debug, Default)]
pub(super) struct Gather {
    columns: Vec<ArrowColumn>,
    rows: usize,
    /// In the batch that grows.
    batch_rows: usize,
    batch_bytes: usize,
    failed: Option<Error>,
}

impl Gather {
    /// Whether it has no row yet.
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0 && self.failed.is_none()
    }

    /// Adds the rows of a page. [`finish`](Self::finish) reports what is wrong with one.
    pub(super) fn take(&mut self, page: &Page) {
        if self.failed.is_some() {
            return;
        }
        if let Err(error) = self.try_take(page) {
            *self = Self { failed: Some(error), ..Self::default() };
        }
    }

    fn try_take(&mut self, page: &Page) -> Result<()> {
        if self.columns.is_empty() {
            self.begin(page.columns());
        }
        if self.columns.len() != page.columns().len() {
            return Err(defect("a page has other columns"));
        }
        let rows = page.rows();
        let whole = bytes(page, 0..rows);
        let fits = self.batch_bytes + whole <= BATCH_BYTES;
        let mut at = 0;
        while at < rows {
            let (count, bytes) = if fits {
                (rows.min(at + BATCH_ROWS - self.batch_rows) - at, whole)
            } else {
                (1, bytes(page, at..at + 1))
            };
            if !fits && self.batch_bytes + bytes > BATCH_BYTES && self.batch_rows > 0 {
                self.close()?;
            }
            self.extend(page, at..at + count)?;
            at += count;
            // What is counted twice makes a batch a little shorter.
            self.batch_bytes += bytes;
            if self.batch_rows >= BATCH_ROWS {
                self.close()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, columns: &Columns) {
        self.columns = columns.iter().map(ArrowColumn::new).collect();
    }

    fn extend(&mut self, page: &Page, rows: std::ops::Range<usize>) -> Result<()> {
        let width = self.columns.len();
        for (index, column) in self.columns.iter_mut().enumerate() {
            for row in rows.clone() {
                column.push(page.cell(row * width + index))?;
            }
        }
        self.rows += rows.len();
        self.batch_rows += rows.len();
        Ok(())
    }

    /// Ends the batch that grows.
    fn close(&mut self) -> Result<()> {
        self.batch_rows = 0;
        self.batch_bytes = 0;
        self.columns.iter_mut().try_for_each(ArrowColumn::close)
    }

    /// Returns the whole result. Its columns always have the names in the description.
    ///
    /// # Errors
    /// `DatatypeMismatch`, which names column and row.
    pub(super) fn finish(mut self, description: &Description) -> Result<ArrowTable> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.batch_rows > 0 {
            self.close()?;
        }
        let described: Vec<_> = description.columns().collect();
        if self.columns.is_empty() {
            self.columns = described.iter().map(|(name, _)| ArrowColumn::new(name)).collect();
        }
        let declared = described.iter().map(|(_, declared)| *declared);
        let declared = declared.chain(std::iter::repeat(None));
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (column, declared) in self.columns.into_iter().zip(declared) {
            let name = column.name().to_owned();
            let (kind, parts) = column.finish(declared)?;
            fields.push(Field::new(name, kind.data_type(), true));
            arrays.push(parts);
        }
        let schema = Arc::new(Schema::new(fields));
        let count = arrays.first().map_or(0, Vec::len);
        let batch = |index: usize| {
            let columns: Vec<ArrayRef> =
                arrays.iter().map(|parts| Arc::clone(&parts[index])).collect();
            RecordBatch::try_new(Arc::clone(&schema), columns)
        };
        let batches: Vec<_> = (0..count)
            .map(batch)
            .collect::<std::result::Result<_, ArrowError>>()
            .map_err(|error| defect(&error.to_string()))?;
        Ok(ArrowTable { schema, batches, rows: self.rows })
    }
}

/// How many bytes of texts and blobs these rows have.
pub(super) fn bytes(page: &Page, rows: std::ops::Range<usize>) -> usize {
    let width = page.columns().len();
    let size = |index| match page.cell(index) {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        _ => 0,
    };
    (rows.start * width..rows.end * width).map(size).sum()
}

fn defect(what: &str) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("the rows can't be made into an Arrow table ({what}): this is a defect"),
    )
}
