//! What a query depends on.

use std::sync::Arc;

use super::{PageSet, RowFilter};

/// What a query was seen to read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadSet {
    /// The tables, if they were to be found out.
    pub tables: Option<Reads>,
    /// The pages of the main database without its first one, if they are known.
    pub pages: Option<PageSet>,
}

/// What a query depends on: when none of it changes, neither does the result.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reads {
    /// The tables that it reads.
    pub tables: Vec<TableRead>,
    /// It also reads what no table's name stands for, so that any change may concern it.
    pub anything: bool,
    /// It reads a virtual table or a table-valued function, which may keep what it has read of the
    /// database's pages, or read something else.
    pub is_virtual: bool,
    /// Queries of what a virtual table is known to keep in memory between statements: their pages
    /// are this query's too.
    pub beside: Vec<Box<str>>,
    /// The rows of its tables that it can read, where they are not all.
    pub(crate) filters: Box<[Arc<RowFilter>]>,
}

/// What a query reads of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRead {
    /// The table, as spelled in the schema.
    pub name: Box<str>,
    /// The columns whose values it reads. `None`: any change of a row concerns it. With an empty
    /// list, only which rows there are.
    pub columns: Option<Vec<Box<str>>>,
}

impl Reads {
    /// Gives back the room for more: it is kept for as long as the query is watched.
    pub(crate) fn shrink(&mut self) {
        for table in &mut self.tables {
            table.columns.iter_mut().for_each(Vec::shrink_to_fit);
        }
        self.tables.shrink_to_fit();
        self.beside.shrink_to_fit();
    }

    /// Whether the result stays the same while the pages that the query read do.
    pub(crate) fn are_in_pages(&self) -> bool {
        !self.is_virtual
    }
}
