//! What somebody wants to know of commits.

use std::collections::HashMap;
use std::sync::Arc;

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
    /// The tables whose rows are followed.
    pub followed: Followed,
    /// What was asked for, if a connection has added the tables that are followed.
    asked: Option<Arc<Interest>>,
}

/// The tables of the main database of which the key of each row that changes is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Followed {
    /// None.
    #[default]
    None,
    /// Those of these names, in any case, whether they exist or not.
    Tables(Vec<Box<str>>),
    /// All.
    All,
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
    /// A change of any other column counts as well.
    pub every_column: bool,
    /// Positions in `values`: the row's key, if the table is followed.
    pub key: Vec<usize>,
    /// The virtual table whose content is kept in this one.
    pub owner: Option<Box<str>>,
}

impl ColumnSet {
    /// All columns.
    pub const ALL: Self = Self(u64::MAX);

    /// All columns that are not told apart.
    pub const OTHERS: Self = Self(1 << MOST_COLUMNS);

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
        self.tables == other.tables
            && self.others == other.others
            && self.followed == other.followed
    }
}

impl Followed {
    /// Adds tables; `None` are all.
    pub fn add(&mut self, tables: Option<&[Box<str>]>) {
        match (&mut *self, tables) {
            (Self::All, _) => {}
            (_, None) => *self = Self::All,
            (Self::None, Some(tables)) => *self = Self::Tables(tables.to_vec()),
            (Self::Tables(known), Some(tables)) => known.extend_from_slice(tables),
        }
    }

    /// Whether these tables are among them; `None` are all.
    pub fn covers(&self, tables: Option<&[Box<str>]>) -> bool {
        match (self, tables) {
            (Self::All, _) => true,
            (_, None) | (Self::None, _) => false,
            (Self::Tables(known), Some(tables)) => tables.iter().all(|it| known.contains(it)),
        }
    }

    /// Whether it is a table that is followed, or one that such a virtual table may keep its
    /// content in. SQLite's own tables are not followed.
    pub(crate) fn has(&self, table: &str) -> bool {
        let named = |name: &str| {
            let (start, end) = table.split_at_checked(name.len()).unwrap_or_default();
            start.eq_ignore_ascii_case(name) && (end.is_empty() || end.starts_with('_'))
        };
        !table.starts_with("sqlite_")
            && match self {
                Self::None => false,
                Self::Tables(names) => names.iter().any(|name| named(name)),
                Self::All => true,
            }
    }
}

impl Interest {
    /// An interest in these tables. With `others`, changes of all other tables are reported too.
    pub fn new(tables: Vec<TableInterest>, others: bool) -> Self {
        let position = |(position, table): (usize, &TableInterest)| (table.name.clone(), position);
        let positions = tables.iter().enumerate().map(position).collect();
        Self { tables, positions, others, followed: Followed::None, asked: None }
    }

    /// The same with the tables that a connection follows, as it knows the schema. The first
    /// of `tables` are those of `asked`, with no less.
    pub(crate) fn following(asked: Arc<Self>, tables: Vec<TableInterest>) -> Self {
        let (others, followed) = (asked.others, asked.followed.clone());
        Self { followed, asked: Some(asked), ..Self::new(tables, others) }
    }

    /// Whether a commit that was recorded by `self` was recorded for what `asked` asks.
    pub(crate) fn stands_for(self: &Arc<Self>, asked: &Arc<Self>) -> bool {
        Arc::ptr_eq(self.asked.as_ref().unwrap_or(self), asked)
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
        self.tables.is_empty() && !self.others && self.followed == Followed::None
    }
}
