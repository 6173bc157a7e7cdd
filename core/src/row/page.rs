//! A page: the cells of many rows in two allocations.

use std::sync::Arc;

use super::Columns;
use crate::value::ValueRef;

/// A cell as it is laid out in memory and passed to other languages: a number in
/// place, or the location of its bytes in the page's heap.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Cell {
    tag: u32,
    /// The size of a text or blob in bytes.
    len: u32,
    /// An integer, the bits of a real, or the offset in the heap.
    bits: u64,
}

/// What a cell holds; other languages read these numbers too.
pub(crate) mod tag {
    /// `NULL`.
    pub const NULL: u32 = 0;
    /// An integer.
    pub const INTEGER: u32 = 1;
    /// A real.
    pub const REAL: u32 = 2;
    /// A text.
    pub const TEXT: u32 = 3;
    /// A blob.
    pub const BLOB: u32 = 4;
}

/// The size of a cell in bytes.
pub(crate) const CELL: usize = size_of::<Cell>();

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
    pub fn cells(&self) -> usize {
        self.cells.len()
    }

    /// The cell at `index`, counted row by row.
    ///
    /// # Panics
    /// If `index` is out of range.
    #[inline]
    pub fn cell(&self, index: usize) -> ValueRef<'_> {
        let cell = self.cells[index];
        match cell.tag {
            tag::INTEGER => ValueRef::Integer(cell.bits.cast_signed()),
            tag::REAL => ValueRef::Real(f64::from_bits(cell.bits)),
            tag::TEXT => ValueRef::Text(self.bytes(cell)),
            tag::BLOB => ValueRef::Blob(self.bytes(cell)),
            _ => ValueRef::Null,
        }
    }

    #[inline]
    fn bytes(&self, cell: Cell) -> &[u8] {
        #[allow(clippy::cast_possible_truncation, reason = "it is at most MAX_HEAP")]
        let start = cell.bits as usize;
        &self.heap[start..start + cell.len as usize]
    }

    /// Whether another page has the same columns and, bit for bit, the same cells.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let all = |page: &Self| 0..page.cells.len();
        *self.columns == *other.columns && self.raw(all(self)) == other.raw(all(other))
    }

    /// The cells of a range as laid out in memory, and all bytes of texts and blobs.
    pub(crate) fn raw(&self, cells: std::ops::Range<usize>) -> (&[u8], &[u8]) {
        let cells = &self.cells[cells];
        // SAFETY: a cell is 16 bytes in C's layout without padding, each of which
        // is initialized, and bytes need no alignment.
        let bytes =
            unsafe { std::slice::from_raw_parts(cells.as_ptr().cast::<u8>(), size_of_val(cells)) };
        (bytes, &self.heap)
    }
}

/// Fills a [`Page`] cell by cell, row by row.
#[derive(Debug, Clone)]
pub struct PageBuilder {
    page: Page,
}

/// A page never grows beyond this, so that offsets fit 32 bits. One row may
/// have 2,000 columns of 1 GB each; such a row is refused.
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

    /// Adds the next cell. Returns false, and adds nothing, when the page can't
    /// hold its bytes.
    #[inline]
    pub fn push(&mut self, value: ValueRef<'_>) -> bool {
        let cell = match value {
            ValueRef::Null => Cell { tag: tag::NULL, len: 0, bits: 0 },
            ValueRef::Integer(value) => {
                Cell { tag: tag::INTEGER, len: 0, bits: value.cast_unsigned() }
            }
            ValueRef::Real(value) => Cell { tag: tag::REAL, len: 0, bits: value.to_bits() },
            ValueRef::Text(bytes) => match self.append(tag::TEXT, bytes) {
                Some(cell) => cell,
                None => return false,
            },
            ValueRef::Blob(bytes) => match self.append(tag::BLOB, bytes) {
                Some(cell) => cell,
                None => return false,
            },
        };
        self.page.cells.push(cell);
        true
    }

    #[inline]
    fn append(&mut self, tag: u32, bytes: &[u8]) -> Option<Cell> {
        let start = self.page.heap.len();
        if bytes.len() > MAX_HEAP - start {
            return None;
        }
        self.page.heap.extend_from_slice(bytes);
        #[allow(clippy::cast_possible_truncation, reason = "it is at most MAX_HEAP")]
        Some(Cell { tag, len: bytes.len() as u32, bits: start as u64 })
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

    /// The total size of texts and blobs in bytes.
    #[inline]
    pub(crate) fn heap(&self) -> usize {
        self.page.heap.len()
    }

    /// Whether there is no cell yet.
    pub fn is_empty(&self) -> bool {
        self.page.cells.is_empty()
    }

    /// Returns the same empty page, in the memory of one that is no longer needed.
    pub(crate) fn on(self, mut spare: Page) -> Self {
        spare.cells.clear();
        spare.heap.clear();
        Self { page: Page { columns: self.page.columns, cells: spare.cells, heap: spare.heap } }
    }

    /// The rows so far.
    pub(crate) fn so_far(&self) -> &Page {
        &self.page
    }

    /// Starts again in the same memory.
    pub(crate) fn clear(&mut self) {
        self.page.cells.clear();
        self.page.heap.clear();
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
