//! What somebody wants to know of commits.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// How many columns of a table are told apart; the last bit stands for all others.
const MOST_COLUMNS: usize = 63;

/// Some of the columns that are read of a table: a bit for each of [`TableInterest::columns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColumnSet(pub u64);

/// What somebody wants to know of commits.
#[derive(Debug, Default)]
pub struct Interest {
    tables: Vec<TableInterest>,
    positions: HashMap<Box<str>, usize, RandomState>,
    /// Changes of other tables are reported too, without details.
    pub others: bool,
}

/// What somebody wants to know of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableInterest {
    /// The table, as spelled in the schema.
    pub name: Box<str>,
    /// The columns that somebody reads, as spelled in the schema.
    pub columns: Vec<Box<str>>,
    /// Positions in `columns`: of each row that changes, these values are wanted.
    pub values: Vec<usize>,
}

impl ColumnSet {
    /// All columns.
    pub const ALL: Self = Self(u64::MAX);

    /// Returns the set of the column at this position.
    #[inline]
    pub fn one(position: usize) -> Self {
        Self(1 << position.min(MOST_COLUMNS))
    }

    /// Whether no column is in both sets.
    #[inline]
    pub fn is_disjoint(self, other: Self) -> bool {
        self.0 & other.0 == 0
    }

    /// Adds the columns of another set.
    #[inline]
    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether there is no column.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl PartialEq for Interest {
    fn eq(&self, other: &Self) -> bool {
        self.tables == other.tables && self.others == other.others
    }
}

impl Interest {
    /// An interest in these tables. With `others`, changes of all other tables are reported too.
    pub fn new(tables: Vec<TableInterest>, others: bool) -> Self {
        let position = |(position, table): (usize, &TableInterest)| (table.name.clone(), position);
        let positions = tables.iter().enumerate().map(position).collect();
        Self { tables, positions, others }
    }

    /// The tables.
    pub fn tables(&self) -> &[TableInterest] {
        &self.tables
    }

    /// Returns the position of a table.
    #[inline]
    pub fn position(&self, table: &str) -> Option<usize> {
        self.positions.get(table).copied()
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && !self.others
    }
}
