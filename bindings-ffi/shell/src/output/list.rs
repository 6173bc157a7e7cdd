//! Rows as SQLite's shell has written them for programs since ever: values with a separator, and no
//! quotes.

use std::io::{self, Write};

use ubiqlite::{Row, ValueRef};

use super::text::{plain, visible};
use super::{Rows, Style, values};

pub(super) struct List {
    head: Option<Vec<String>>,
    separator: String,
    null: String,
    terminal: bool,
}

impl List {
    pub(super) fn new(style: &Style, columns: Vec<String>, terminal: bool) -> Self {
        Self {
            head: style.headers.unwrap_or(false).then_some(columns),
            separator: style.separator.clone().unwrap_or_else(|| "|".to_owned()),
            null: style.null.clone().unwrap_or_default(),
            terminal,
        }
    }

    fn head(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.head.take() {
            Some(columns) => writeln!(out, "{}", columns.join(&self.separator)),
            None => Ok(()),
        }
    }
}

impl Rows for List {
    fn row(&mut self, out: &mut dyn Write, row: &Row) -> io::Result<()> {
        self.head(out)?;
        for (index, value) in values(row).enumerate() {
            if index > 0 {
                out.write_all(self.separator.as_bytes())?;
            }
            match value {
                ValueRef::Null => out.write_all(self.null.as_bytes())?,
                // A program gets the bytes as they are.
                ValueRef::Text(bytes) if !self.terminal => out.write_all(bytes)?,
                value => out.write_all(visible(&plain(value), true).as_bytes())?,
            }
        }
        out.write_all(b"\n")
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.head(out)
    }
}
