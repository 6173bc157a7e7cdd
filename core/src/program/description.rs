//! What a statement yields.

use std::sync::Arc;

use crate::row::Columns;

/// What a statement yields, known even if it yields no row.
#[derive(Debug, Clone, Default)]
pub struct Description {
    pub(crate) columns: Arc<Columns>,
    pub(crate) declared: Vec<Option<Box<str>>>,
}

impl Description {
    /// The columns, each with its declared type.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let declared = self.declared.iter().map(Option::as_deref);
        self.columns.iter().zip(declared.chain(std::iter::repeat(None)))
    }
}
