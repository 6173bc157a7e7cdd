//! What is generated, before it is written in a language.

/// What a column's or a parameter's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Real,
    Text,
    Blob,
    /// 0 or 1.
    Boolean,
    /// Any value that SQLite has, NULL too.
    Any,
}

impl Kind {
    /// Returns what a declared type stands for: SQLite's affinity, except that `BOOL` is a boolean
    /// and that only `NUMERIC` and `DECIMAL` are numbers among the types of numeric affinity. The
    /// others (`DATE`, `JSON`) hold texts as often.
    pub(crate) fn declared(words: Option<&str>) -> Self {
        let Some(words) = words else { return Self::Any };
        let words = words.to_ascii_uppercase();
        let has = |part: &str| words.contains(part);
        match () {
            () if has("INT") => Self::Integer,
            () if has("CHAR") || has("CLOB") || has("TEXT") => Self::Text,
            () if has("BLOB") => Self::Blob,
            () if has("REAL") || has("FLOA") || has("DOUB") => Self::Real,
            () if has("BOOL") => Self::Boolean,
            () if has("NUMERIC") || has("DECIMAL") => Self::Real,
            () => Self::Any,
        }
    }
}

/// A kind, and whether NULL is among the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Type {
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
}

impl Type {
    pub(crate) const ANY: Self = Self { kind: Kind::Any, nullable: true };

    pub(crate) fn new(kind: Kind, nullable: bool) -> Self {
        // Any value may be NULL: there is no type for all the others.
        Self { kind, nullable: nullable || kind == Kind::Any }
    }
}

/// A column of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// The name that the row has it by.
    pub(crate) name: String,
    pub(crate) of: Type,
}

/// A table or view.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// It is no view and not virtual: SQLite keeps to `NOT NULL`.
    pub(crate) enforced: bool,
    /// The columns that `SELECT *` has.
    pub(crate) fields: Vec<Field>,
    /// An `INSERT` without names leaves some of them out.
    pub(crate) computed: bool,
    /// The statement of a view.
    pub(crate) view: Option<String>,
}

/// What a query's function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    One,
    Many,
    Exec,
    ExecRows,
    ExecLastId,
}

impl Command {
    pub(crate) const NAMES: [(&'static str, Self); 5] = [
        (":one", Self::One),
        (":many", Self::Many),
        (":exec", Self::Exec),
        (":execrows", Self::ExecRows),
        (":execlastid", Self::ExecLastId),
    ];

    pub(crate) fn has_rows(self) -> bool {
        matches!(self, Self::One | Self::Many)
    }
}

/// The class of a query's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowClass {
    /// That of the table at this index.
    Table(usize),
    /// Its own.
    Own,
}

/// A query, and what SQLite says of it.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) name: String,
    pub(crate) command: Command,
    pub(crate) sql: String,
    pub(crate) reads_only: bool,
    pub(crate) fields: Vec<Field>,
    pub(crate) row: RowClass,
    /// The parameters in order, with unique names that may be no identifiers.
    pub(crate) params: Vec<Field>,
}

impl Query {
    /// Whether it can run where nothing is written, such as in a snapshot.
    pub(crate) fn is_read(&self) -> bool {
        self.reads_only && self.command.has_rows()
    }
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) tables: Vec<Table>,
    pub(crate) queries: Vec<Query>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_type_is_what_sqlite_makes_of_it_and_unknown_where_texts_are_as_likely() {
        for (declared, kind) in [
            ("integer", Kind::Integer),
            ("UNSIGNED BIG INT", Kind::Integer),
            ("VARCHAR(20)", Kind::Text),
            ("BLOB", Kind::Blob),
            ("double precision", Kind::Real),
            ("DECIMAL(10, 2)", Kind::Real),
            ("BOOLEAN", Kind::Boolean),
            ("DATETIME", Kind::Any),
            ("JSON", Kind::Any),
            ("ANY", Kind::Any),
        ] {
            assert_eq!(Kind::declared(Some(declared)), kind, "{declared}");
        }
        assert_eq!(Kind::declared(None), Kind::Any);
    }
}
