//! The parameters of many runs of one statement.

use std::sync::Arc;

use crate::row::{Columns, PageBuilder};
use crate::sql::Params;
use crate::value::{Value, ValueRef};

/// The parameters of many runs of one statement, all with the same number and
/// names, in one piece of memory: values allocated on one thread and freed on
/// another, one by one, would cost more than the inserts they are for.
#[derive(Debug, Clone, Default)]
pub struct ParamRows {
    names: Vec<String>,
    width: usize,
    rows: usize,
    cells: Option<PageBuilder>,
    /// The first run whose values together are larger than a page can be.
    too_big: Option<usize>,
}

impl ParamRows {
    /// No rows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the parameters of a run. Returns false, and adds nothing, if their
    /// number or names differ from those before.
    pub fn push(&mut self, params: &Params) -> bool {
        self.push_values(params.names(), params.values().iter().map(Value::as_ref))
    }

    /// As [`push`](Self::push), with values that are stored elsewhere.
    pub fn push_values<'v>(
        &mut self,
        names: &[String],
        values: impl ExactSizeIterator<Item = ValueRef<'v>>,
    ) -> bool {
        if self.rows == 0 {
            self.names = names.to_vec();
            self.width = values.len();
        } else if self.width != values.len() || self.names != names {
            return false;
        }
        self.rows += 1;
        if self.width == 0 {
            return true;
        }
        let width = self.width;
        let cells = self.cells.get_or_insert_with(|| {
            let columns = Columns::new((0..width).map(|index| index.to_string()));
            PageBuilder::new(Arc::new(columns))
        });
        for value in values {
            if !cells.push(value) {
                // NULL keeps the others in place; the run will be refused.
                cells.push(ValueRef::Null);
                self.too_big.get_or_insert(self.rows - 1);
            }
        }
        true
    }

    /// Whether the values of this run could not be held because they exceed 4 GiB.
    #[inline]
    pub fn is_too_big(&self, row: usize) -> bool {
        self.too_big == Some(row)
    }

    /// How many runs there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no run.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// About how many bytes the values take.
    pub(crate) fn weight(&self) -> usize {
        self.cells.as_ref().map_or(0, PageBuilder::weight)
    }

    /// The names of the parameters; none if they are given by position.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The values of a run, in order.
    #[inline]
    pub fn values(&self, row: usize) -> impl ExactSizeIterator<Item = ValueRef<'_>> {
        let start = row * self.width;
        (start..start + self.width).map(|index| match &self.cells {
            Some(cells) => cells.cell(index),
            None => ValueRef::Null,
        })
    }

    /// The parameters of a run, copied.
    pub fn row(&self, row: usize) -> Params {
        let mut params = Params::new();
        for (index, value) in self.values(row).enumerate() {
            match self.names.get(index) {
                Some(name) => params.push_named(name, value),
                None => params.push(value),
            }
        }
        params
    }
}
