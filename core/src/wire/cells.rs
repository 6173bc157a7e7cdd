//! Replies that are neither a statement's rows nor a few numbers.

use std::sync::{Arc, OnceLock};

use crate::row::{Columns, Page, PageBuilder, Rows};
use crate::value::ValueRef;

/// Values one after another, as rows of one column.
pub(super) struct Cells {
    page: PageBuilder,
    full: Vec<Page>,
}

impl Default for Cells {
    fn default() -> Self {
        static ONE: OnceLock<Arc<Columns>> = OnceLock::new();
        let columns = ONE.get_or_init(|| Arc::new(Columns::new(["value"])));
        Self { page: PageBuilder::new(Arc::clone(columns)), full: Vec::new() }
    }
}

impl Cells {
    pub(super) fn push(&mut self, value: ValueRef<'_>) {
        if !self.page.push(value) {
            // The page can hold no more bytes; an empty one holds any value.
            self.full.push(self.page.take());
            self.page.push(value);
        }
    }

    pub(super) fn count(&mut self, count: usize) {
        self.push(ValueRef::Integer(count.try_into().unwrap_or(i64::MAX)));
    }

    pub(super) fn finish(self) -> Rows {
        let mut rows = Rows::default();
        self.full.into_iter().for_each(|page| rows.push(page));
        rows.push(self.page.finish());
        rows
    }
}
