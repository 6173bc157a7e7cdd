//! Rows as comma-separated values, as RFC 4180 has them.

use std::io::{self, Write};

use ubiqlite::{Row, ValueRef};

use super::text::{plain, visible};
use super::{Rows, Style, values};

pub(super) struct Csv {
    /// The names, until they are written.
    head: Option<Vec<String>>,
    separator: String,
    null: String,
    /// A terminal reads it.
    terminal: bool,
}

impl Csv {
    pub(super) fn new(style: &Style, columns: Vec<String>, terminal: bool) -> Self {
        Self {
            head: style.headers.unwrap_or(true).then_some(columns),
            separator: style.separator.clone().unwrap_or_else(|| ",".to_owned()),
            null: style.null.clone().unwrap_or_default(),
            terminal,
        }
    }

    fn head(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let Some(columns) = self.head.take() else { return Ok(()) };
        for (index, column) in columns.iter().enumerate() {
            self.field(out, index, column)?;
        }
        out.write_all(b"\n")
    }

    fn field(&self, out: &mut dyn Write, index: usize, text: &str) -> io::Result<()> {
        if index > 0 {
            out.write_all(self.separator.as_bytes())?;
        }
        let text = if self.terminal { visible(text, true) } else { text.into() };
        // An empty text has quotes, which tell it from NULL, and so has one that is like NULL.
        let quoted = text.is_empty()
            || *text == self.null
            || text.contains(['"', '\n', '\r'])
            || text.contains(&self.separator)
            || text.starts_with([' ', '\t'])
            || text.ends_with([' ', '\t']);
        match quoted {
            true => write!(out, "\"{}\"", text.replace('"', "\"\"")),
            false => out.write_all(text.as_bytes()),
        }
    }
}

impl Rows for Csv {
    fn row(&mut self, out: &mut dyn Write, row: &Row) -> io::Result<()> {
        self.head(out)?;
        for (index, value) in values(row).enumerate() {
            match value {
                ValueRef::Null if index > 0 => write!(out, "{}{}", self.separator, self.null)?,
                ValueRef::Null => out.write_all(self.null.as_bytes())?,
                value => self.field(out, index, &plain(value))?,
            }
        }
        out.write_all(b"\n")
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.head(out)
    }
}
