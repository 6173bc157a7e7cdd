//! What a query depends on.

/// What a query depends on: when none of it changes, neither does the result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// The tables that it reads.
    pub tables: Vec<TableRead>,
    /// It also reads what no table's name stands for, so that any change may concern it.
    pub anything: bool,
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
