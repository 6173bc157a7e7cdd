//! Rows, which travel as pages.

mod columns;
mod de;
mod from_row;
mod page;
pub mod stored;
mod wanted_form;

pub use columns::{ColumnIndex, Columns};
pub use from_row::FromRow;
pub(crate) use page::{CELL, tag};
pub use page::{Page, PageBuilder};

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::value::{FromValue, ValueRef};

/// One row of a result. Cheap to clone: it shares the page it came in.
///
/// # Example
/// ```
/// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
/// use ubiqlite::{Row, params};
/// let row: Row = db.query_one("SELECT id, name FROM items WHERE id = ?", params![1]).await?;
/// let id: i64 = row.get("id")?;
/// let name = row.get::<&str>(1)?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Row {
    page: Arc<Page>,
    // The row's first cell in the page.
    start: usize,
}

impl Row {
    /// The value of a column, by index from 0 or by name.
    ///
    /// # Errors
    /// `NoSuchColumn` if there is no such column, `DatatypeMismatch` if its
    /// value does not fit `T` without loss.
    #[inline]
    pub fn get<'a, T: FromValue<'a>>(&'a self, column: impl ColumnIndex) -> Result<T> {
        let index = column.index(self.columns())?;
        let value = self.page.cell(self.start + index);
        T::from_value(value).map_err(|reason| self.mismatch(index, &reason))
    }

    /// The raw value of a column, by index from 0 or by name.
    ///
    /// # Errors
    /// `NoSuchColumn` if there is no such column.
    pub fn value(&self, column: impl ColumnIndex) -> Result<ValueRef<'_>> {
        let index = column.index(self.columns())?;
        Ok(self.page.cell(self.start + index))
    }

    /// The names of the columns, made unique: see [`Columns`].
    pub fn columns(&self) -> &Columns {
        self.page.columns()
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.columns().len()
    }

    /// Whether the row has no column. A row that a statement yields always has one.
    pub fn is_empty(&self) -> bool {
        self.columns().is_empty()
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        self.columns()
            .iter()
            .enumerate()
            .map(|(index, name)| (name, self.page.cell(self.start + index)))
    }

    /// Converts the row into a struct, a tuple, a map, or any type that serde
    /// can deserialize. Text is read as JSON if a field takes a list, map or
    /// struct, and a blob can be read as a list of numbers.
    ///
    /// What [`Record::from_serialize`](crate::Record::from_serialize) stored is read
    /// back equal, even under `#[serde(flatten)]` and in enums with a tag, where
    /// serde does not say what type a field has (the row is then read again, which
    /// costs time for each boolean, list and struct in it). SQLite has fewer types
    /// than Rust, so these are exceptions:
    ///
    /// - NaN, which is stored as `NULL`; and `Some(None)` and `Some(())`, which are
    ///   read as `None`;
    /// - in a field that takes any type, such as `serde_json::Value`, anything but a
    ///   number, a text or null: wrap it in [`Json`](crate::Json);
    /// - a variant with a boolean or a list in an `#[serde(untagged)]` enum, which is
    ///   refused: see [`stored`].
    ///
    /// # Errors
    /// `DatatypeMismatch` if the type has no place for a value.
    pub fn to<T: FromRow>(&self) -> Result<T> {
        T::from_row(self.clone())
    }

    /// Bytes that are equal for rows with the same values.
    pub(crate) fn fingerprint(&self) -> Vec<u8> {
        fingerprint(self.iter().map(|(_, value)| value))
    }

    /// The row's page, and the range of the row's cells in it.
    pub(crate) fn place(&self) -> (&Page, std::ops::Range<usize>) {
        (&self.page, self.start..self.start + self.len())
    }

    #[cold]
    fn mismatch(&self, index: usize, reason: &str) -> crate::error::Error {
        let name = self.columns().name(index).unwrap_or_default();
        crate::error::Error::new(
            crate::error::ErrorKind::DatatypeMismatch,
            format!("column {name:?} (index {index}): {reason}"),
        )
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// The pages of one result, in order.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    pages: smallvec::SmallVec<[Arc<Page>; 1]>,
}

impl Rows {
    /// Adds a page at the end.
    pub fn push(&mut self, page: Page) {
        self.pages.push(Arc::new(page));
    }

    pub(crate) fn push_shared(&mut self, page: Arc<Page>) {
        self.pages.push(page);
    }

    /// Adds the pages of another part of the same result.
    pub(crate) fn extend(&mut self, more: Self) {
        self.pages.extend(more.pages);
    }

    pub(crate) fn pages(&self) -> &[Arc<Page>] {
        &self.pages
    }

    pub(crate) fn into_pages(self) -> impl Iterator<Item = Arc<Page>> {
        self.pages.into_iter()
    }

    /// Whether another result has the same columns and, bit for bit, the same values in the same
    /// order.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.pages.len() == other.pages.len()
            && self.pages.iter().zip(&other.pages).all(|(page, other)| page.is_same(other))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.pages.iter().map(|page| page.rows()).sum()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first row.
    #[inline]
    pub fn into_first(self) -> Option<Row> {
        self.pages.into_iter().find(|page| page.rows() > 0).map(|page| Row { page, start: 0 })
    }

    /// The first row's first value, for checks.
    pub(crate) fn first_value(&self) -> Option<ValueRef<'_>> {
        self.pages.iter().find(|page| page.rows() > 0).map(|page| page.cell(0))
    }

    /// A cell by row and column, for references to earlier outputs.
    pub fn cell(&self, mut row: usize, column: usize) -> Option<ValueRef<'_>> {
        for page in &self.pages {
            if row < page.rows() {
                return (column < page.columns().len())
                    .then(|| page.cell(row * page.columns().len() + column));
            }
            row -= page.rows();
        }
        None
    }
}

impl IntoIterator for Rows {
    type Item = Row;
    type IntoIter = IntoRows;

    fn into_iter(self) -> IntoRows {
        IntoRows { pages: self.pages.into_iter(), current: None, start: 0 }
    }
}

/// The rows of [`Rows`], one by one.
#[derive(Debug)]
pub struct IntoRows {
    pages: smallvec::IntoIter<[Arc<Page>; 1]>,
    current: Option<Arc<Page>>,
    start: usize,
}

impl IntoRows {
    /// The rows of `page`, one by one.
    pub(crate) fn of_page(page: Page) -> Self {
        Self {
            pages: smallvec::SmallVec::new().into_iter(),
            current: Some(Arc::new(page)),
            start: 0,
        }
    }

    /// The pages from which no row has been taken yet.
    pub(crate) fn into_rows(self) -> Rows {
        Rows { pages: self.pages.collect() }
    }

    /// The page of the last rows, if none of them is still held.
    pub(crate) fn into_spare(self) -> Option<Page> {
        self.current.and_then(Arc::into_inner)
    }
}

impl Iterator for IntoRows {
    type Item = Row;

    #[inline]
    fn next(&mut self) -> Option<Row> {
        loop {
            if let Some(page) = &self.current
                && self.start < page.cells()
            {
                let row = Row { page: Arc::clone(page), start: self.start };
                self.start += page.columns().len();
                return Some(row);
            }
            self.current = Some(self.pages.next()?);
            self.start = 0;
        }
    }
}

/// Bytes that are equal for the same values.
pub(crate) fn fingerprint<'v>(values: impl Iterator<Item = ValueRef<'v>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        let (tag, content): (u8, &[u8]) = match value {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(value) => (1, &value.to_ne_bytes()),
            ValueRef::Real(value) => (2, &value.to_ne_bytes()),
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(blob) => (4, blob),
        };
        bytes.push(tag);
        bytes.extend_from_slice(&content.len().to_ne_bytes());
        bytes.extend_from_slice(content);
    }
    bytes
}
