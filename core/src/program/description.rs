//! What a statement yields.

use std::sync::Arc;

use crate::row::Columns;

/// What a statement yields, known even if it yields no row.
#[derive(Debug, Clone, Default)]
pub struct Description {
    pub(crate) columns: Arc<Columns>,
    pub(crate) declared: Vec<Option<Box<str>>>,
    #[cfg(not(target_family = "wasm"))]
    pub(crate) compiled: Option<Box<Compiled>>,
}

/// What else is known of a statement that was compiled to be described.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug, Clone, Default)]
pub(crate) struct Compiled {
    /// Of each column the table and its column, where it is one.
    pub(crate) origins: Vec<Option<(Box<str>, Box<str>)>>,
    /// The parameters' names with their signs, where they have one.
    pub(crate) parameters: Vec<Option<Box<str>>>,
    pub(crate) readonly: bool,
}

impl Description {
    /// The columns, each with its declared type.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let declared = self.declared.iter().map(Option::as_deref);
        self.columns.iter().zip(declared.chain(std::iter::repeat(None)))
    }
}
