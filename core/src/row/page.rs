//! A page: the cells of many rows in two allocations.

use std::sync::Arc;

use super::Columns;
use crate::value::ValueRef;

/// A cell: a number in place, or where its bytes lie in the page's heap.
#[derive(Debug, Clone, Copy)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text { start: u32, len: u32 },
    Blob { start: u32, len: u32 },
}

/// The cells of some rows of a result: filled once by the thread that runs
/// SQLite, then read in place.
#[derive(Debug, Clone)]
pub struct Page {
    columns: Arc<Columns>,
    cells: Vec<Cell>,
    heap: Vec<u8>,
}

impl Page {
    /// The columns.
    #[inline]
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.cells.len().checked_div(self.columns.len()).unwrap_or(0)
    }

    /// How many cells there are: rows times columns.
    #[inline]
    pub(crate) fn cells(&self) -> usize {
        self.cells.len()
    }

    /// The cell at `index`, counted row by row.
    #[inline]
    pub(crate) fn cell(&self, index: usize) -> ValueRef<'_> {
        match self.cells[index] {
            Cell::Null => ValueRef::Null,
            Cell::Integer(value) => ValueRef::Integer(value),
            Cell::Real(value) => ValueRef::Real(value),
            Cell::Text { start, len } => ValueRef::Text(self.bytes(start, len)),
            Cell::Blob { start, len } => ValueRef::Blob(self.bytes(start, len)),
        }
    }

    #[inline]
    fn bytes(&self, start: u32, len: u32) -> &[u8] {
        &self.heap[start as usize..start as usize + len as usize]
    }
}

/// Fills a [`Page`] cell by cell, row by row.
#[derive(Debug, Clone)]
pub struct PageBuilder {
    page: Page,
}

/// A page never grows beyond this, so that offsets fit 32 bits. One row may
/// have 2,000 columns of 1 GB each; that one is refused.
const MAX_HEAP: usize = u32::MAX as usize;

impl PageBuilder {
    /// An empty page for these columns.
    pub fn new(columns: Arc<Columns>) -> Self {
        Self { page: Page { columns, cells: Vec::new(), heap: Vec::new() } }
    }

    /// Makes room for `rows` rows of about `bytes` bytes of text and blobs in all.
    #[inline]
    pub fn reserve(&mut self, rows: usize, bytes: usize) {
        self.page.cells.reserve_exact(rows * self.page.columns.len());
        self.page.heap.reserve_exact(bytes);
    }

    /// Adds the next cell. Answers false, and adds nothing, when the page can't
    /// hold its bytes.
    #[inline]
    pub fn push(&mut self, value: ValueRef<'_>) -> bool {
        let cell = match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(value) => Cell::Integer(value),
            ValueRef::Real(value) => Cell::Real(value),
            ValueRef::Text(bytes) => match self.append(bytes) {
                Some((start, len)) => Cell::Text { start, len },
                None => return false,
            },
            ValueRef::Blob(bytes) => match self.append(bytes) {
                Some((start, len)) => Cell::Blob { start, len },
                None => return false,
            },
        };
        self.page.cells.push(cell);
        true
    }

    #[inline]
    fn append(&mut self, bytes: &[u8]) -> Option<(u32, u32)> {
        let start = self.page.heap.len();
        if bytes.len() > MAX_HEAP - start {
            return None;
        }
        self.page.heap.extend_from_slice(bytes);
        #[allow(clippy::cast_possible_truncation, reason = "both are at most MAX_HEAP")]
        Some((start as u32, bytes.len() as u32))
    }

    /// About how many bytes the page takes.
    #[inline]
    pub fn weight(&self) -> usize {
        self.page.cells.len() * size_of::<Cell>() + self.page.heap.len()
    }

    /// A cell that was pushed.
    #[inline]
    pub(crate) fn cell(&self, index: usize) -> ValueRef<'_> {
        self.page.cell(index)
    }

    /// The bytes of text and blobs.
    #[inline]
    pub(crate) fn heap(&self) -> usize {
        self.page.heap.len()
    }

    /// Whether there is no cell yet.
    pub fn is_empty(&self) -> bool {
        self.page.cells.is_empty()
    }

    /// The same empty page, on the memory of one that is over.
    pub(crate) fn on(self, mut spare: Page) -> Self {
        spare.cells.clear();
        spare.heap.clear();
        Self { page: Page { columns: self.page.columns, cells: spare.cells, heap: spare.heap } }
    }

    /// Ends the page and begins the next one.
    pub fn take(&mut self) -> Page {
        let next = Page {
            columns: Arc::clone(&self.page.columns),
            cells: Vec::with_capacity(self.page.cells.len()),
            heap: Vec::with_capacity(self.page.heap.len()),
        };
        std::mem::replace(&mut self.page, next)
    }

    /// The page.
    #[inline]
    pub fn finish(self) -> Page {
        self.page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gives_back_each_value_as_it_came() {
        let mut builder = PageBuilder::new(Arc::new(Columns::new(["a", "b"])));
        let values = [
            ValueRef::Integer(i64::MIN),
            ValueRef::Real(-0.0),
            ValueRef::Text(b"a\0b"),
            ValueRef::Blob(b""),
        ];
        for value in values {
            assert!(builder.push(value));
        }
        let page = builder.finish();
        assert_eq!(page.rows(), 2);
        for (index, value) in values.into_iter().enumerate() {
            assert_eq!(page.cell(index), value);
        }
        assert!(matches!(page.cell(1), ValueRef::Real(zero) if zero.is_sign_negative()));
    }
}
