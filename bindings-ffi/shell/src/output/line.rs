//! A line for each value.

use std::io::{self, Write};

use ubiqlite::Row;

use super::table::{Cell, DIM, RESET};
use super::text::{visible, width};
use super::{Rows, Screen, values};

pub(super) struct Lines {
    columns: Vec<String>,
    widest: usize,
    null: String,
    screen: Screen,
    any: bool,
}

impl Lines {
    pub(super) fn new(null: Option<String>, screen: Screen, columns: Vec<String>) -> Self {
        let columns: Vec<_> =
            columns.iter().map(|name| visible(name, false).into_owned()).collect();
        let widest = columns.iter().map(|name| width(name)).max().unwrap_or(0);
        let null = null.unwrap_or_else(|| "NULL".to_owned());
        Self { columns, widest, null, screen, any: false }
    }
}

impl Rows for Lines {
    fn row(&mut self, out: &mut dyn Write, row: &Row) -> io::Result<()> {
        if std::mem::replace(&mut self.any, true) {
            out.write_all(b"\n")?;
        }
        for (name, value) in self.columns.iter().zip(values(row)) {
            let pad = self.widest - width(name);
            let cell = Cell::new(value, &self.null, true);
            let (before, after) =
                if cell.is_null() && self.screen.color { (DIM, RESET) } else { ("", "") };
            writeln!(out, "{:pad$}{name} = {before}{}{after}", "", cell.text())?;
        }
        Ok(())
    }

    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
