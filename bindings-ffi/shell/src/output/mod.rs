//! The forms in which rows are written.

mod csv;
mod json;
mod line;
mod list;
pub(crate) mod literal;
mod plan;
pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, Write};

use ubiqlite::{Row, ValueRef};

pub(crate) use plan::write_plan;

/// The form of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A table with lines, as wide as the terminal at most.
    Table,
    Markdown,
    Csv,
    Json,
    /// A line for each value.
    Line,
    List,
    /// `INSERT` statements for a table of this name.
    Insert(String),
}

impl Mode {
    pub(crate) const NAMES: &[&str] =
        &["table", "box", "markdown", "csv", "json", "line", "list", "tabs", "insert"];

    /// Returns the mode of this name. That of `insert` gets its table later.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "table" | "box" => Self::Table,
            "markdown" => Self::Markdown,
            "csv" => Self::Csv,
            "json" => Self::Json,
            "line" => Self::Line,
            "list" => Self::List,
            _ => return None,
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Markdown => "markdown",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Line => "line",
            Self::List => "list",
            Self::Insert(_) => "insert",
        }
    }
}

/// How rows are written.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    pub(crate) mode: Mode,
    /// Whether csv and list begin with names. Default: csv does.
    pub(crate) headers: Option<bool>,
    /// `None`: as the mode has it.
    pub(crate) null: Option<String>,
    /// `None`: as the mode has it.
    pub(crate) separator: Option<String>,
    /// The most columns of the screen that one column of a table gets.
    pub(crate) widest: Option<usize>,
}

/// Where rows are written to, as far as their form depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// The columns of the terminal; `None` where there is none.
    pub(crate) width: Option<usize>,
    pub(crate) color: bool,
}

/// Writes the rows of one result.
pub(crate) trait Rows {
    /// Writes a row, or keeps it for a while.
    fn row(&mut self, out: &mut dyn Write, row: &Row) -> io::Result<()>;

    /// Writes what remains.
    fn end(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// Begins to write rows with these columns.
pub(crate) fn rows(style: &Style, screen: Screen, columns: Vec<String>) -> Box<dyn Rows> {
    let terminal = screen.width.is_some();
    match &style.mode {
        Mode::Table | Mode::Markdown => Box::new(table::Table::new(style, screen, columns)),
        Mode::Csv => Box::new(csv::Csv::new(style, columns, terminal)),
        Mode::Json => Box::new(json::Json::new(columns)),
        Mode::Line => Box::new(line::Lines::new(style.null.clone(), screen, columns)),
        Mode::List => Box::new(list::List::new(style, columns, terminal)),
        Mode::Insert(table) => Box::new(literal::Inserts::new(table, &columns)),
    }
}

/// Returns the values of a row.
pub(crate) fn values(row: &Row) -> impl Iterator<Item = ValueRef<'_>> {
    row.iter().map(|(_, value)| value)
}
