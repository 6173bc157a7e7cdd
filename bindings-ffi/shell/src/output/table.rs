//! Rows as a table that fits the terminal.
//!
//! The widths are those of the first rows, since a result may be endless: they are kept until there
//! are enough of them, and what is wider later is cut. A result with more columns than fit beside
//! each other is written a line for each value.

use std::io::{self, Write};

use ubiqlite::{Row, ValueRef};

use super::line::Lines;
use super::text::{fit, hex, plain, visible, width};
use super::{Mode, Rows, Screen, Style, values};

pub(super) const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
pub(super) const RESET: &str = "\x1b[0m";

/// The rows that are measured.
const FIRST: usize = 200;
/// The columns of the screen that a column keeps however many there are.
const NARROWEST: usize = 5;
/// Characters of a value that are looked at: more than a terminal is wide.
const MOST: usize = 2000;
/// Bytes of a blob that are shown.
const BLOB: usize = 16;

/// A value as it is shown.
pub(crate) struct Cell {
    text: String,
    kind: CellKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CellKind {
    Null,
    Number,
    Other,
}

impl Cell {
    /// `whole`: nothing is left out, and ends of lines stay.
    pub(crate) fn new(value: ValueRef<'_>, null: &str, whole: bool) -> Self {
        let (text, kind) = match value {
            ValueRef::Null => (null.to_owned(), CellKind::Null),
            ValueRef::Integer(_) | ValueRef::Real(_) => {
                (plain(value).into_owned(), CellKind::Number)
            }
            ValueRef::Text(bytes) => {
                let end = if whole { bytes.len() } else { bytes.len().min(MOST * 4) };
                let text = String::from_utf8_lossy(&bytes[..end]);
                let text = visible(&text, whole).into_owned();
                // What only looks like NULL is a text.
                let text = if text == null { format!("'{text}'") } else { text };
                (text, CellKind::Other)
            }
            ValueRef::Blob(bytes) if whole || bytes.len() <= BLOB => {
                (format!("x'{}'", hex(bytes)), CellKind::Other)
            }
            ValueRef::Blob(bytes) => {
                let text = format!("x'{}…' ({} bytes)", hex(&bytes[..BLOB]), bytes.len());
                (text, CellKind::Other)
            }
        };
        Self { text, kind }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_null(&self) -> bool {
        self.kind == CellKind::Null
    }
}

pub(super) struct Table {
    columns: Vec<String>,
    null: String,
    screen: Screen,
    widest: Option<usize>,
    markdown: bool,
    stage: Stage,
}

enum Stage {
    /// The rows so far, which are measured when there are enough.
    Measuring(Vec<Row>),
    Table(Vec<usize>),
    Lines(Lines),
}

impl Table {
    pub(super) fn new(style: &Style, screen: Screen, columns: Vec<String>) -> Self {
        let columns = columns.iter().map(|name| visible(name, false).into_owned()).collect();
        Self {
            columns,
            null: style.null.clone().unwrap_or_else(|| "NULL".to_owned()),
            screen,
            widest: style.widest,
            markdown: style.mode == Mode::Markdown,
            stage: Stage::Measuring(Vec::new()),
        }
    }

    fn cells(&self, row: &Row) -> Vec<Cell> {
        let mut cells: Vec<_> =
            values(row).map(|value| Cell::new(value, &self.null, false)).collect();
        if self.markdown {
            for cell in &mut cells {
                cell.text = cell.text.replace('|', "\\|");
            }
        }
        cells
    }

    /// Ends the measuring: writes the head and the rows that were kept.
    fn measured(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let Stage::Measuring(rows) = &mut self.stage else { return Ok(()) };
        let rows = std::mem::take(rows);
        let all: Vec<_> = rows.iter().map(|row| self.cells(row)).collect();
        let mut widths: Vec<_> = self.columns.iter().map(|name| width(name).max(1)).collect();
        for cells in &all {
            for (known, cell) in widths.iter_mut().zip(cells) {
                *known = width(&cell.text).max(*known);
            }
        }
        if self.markdown {
            widths.iter_mut().for_each(|width| *width = (*width).max(3));
        }
        let screen = if self.markdown { None } else { self.screen.width };
        let Some(widths) = fitted(widths, screen, self.widest) else {
            let (null, columns) = (Some(self.null.clone()), self.columns.clone());
            let mut lines = Lines::new(null, self.screen, columns);
            for row in &rows {
                lines.row(out, row)?;
            }
            self.stage = Stage::Lines(lines);
            return Ok(());
        };
        let heads =
            self.columns.iter().map(|name| Cell { text: name.clone(), kind: CellKind::Other });
        let heads: Vec<_> = heads.collect();
        if self.markdown {
            self.line(out, &heads, &widths, "")?;
            for width in &widths {
                write!(out, "|-{}-", "-".repeat(*width))?;
            }
            out.write_all(b"|\n")?;
        } else {
            rule(out, &widths, ["┌", "┬", "┐"])?;
            self.line(out, &heads, &widths, BOLD)?;
            rule(out, &widths, ["├", "┼", "┤"])?;
        }
        for cells in &all {
            self.line(out, cells, &widths, "")?;
        }
        self.stage = Stage::Table(widths);
        Ok(())
    }

    fn line(
        &self,
        out: &mut dyn Write,
        cells: &[Cell],
        widths: &[usize],
        style: &str,
    ) -> io::Result<()> {
        let bar = if self.markdown { '|' } else { '│' };
        for (cell, width) in cells.iter().zip(widths) {
            let (text, taken) = fit(&cell.text, *width);
            let style = match style {
                _ if !self.screen.color || self.markdown => "",
                "" if cell.is_null() => DIM,
                style => style,
            };
            let reset = if style.is_empty() { "" } else { RESET };
            let pad = width.saturating_sub(taken);
            match cell.kind {
                CellKind::Number => write!(out, "{bar} {:pad$}{style}{text}{reset} ", "")?,
                _ => write!(out, "{bar} {style}{text}{reset}{:pad$} ", "")?,
            }
        }
        writeln!(out, "{bar}")
    }
}

impl Rows for Table {
    fn row(&mut self, out: &mut dyn Write, row: &Row) -> io::Result<()> {
        if let Stage::Measuring(rows) = &mut self.stage {
            rows.push(row.clone());
            return if rows.len() < FIRST { Ok(()) } else { self.measured(out) };
        }
        if let Stage::Lines(lines) = &mut self.stage {
            return lines.row(out, row);
        }
        let cells = self.cells(row);
        match &self.stage {
            Stage::Table(widths) => self.line(out, &cells, widths, ""),
            _ => Ok(()),
        }
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.measured(out)?;
        match &self.stage {
            Stage::Table(widths) if !self.markdown => rule(out, widths, ["└", "┴", "┘"]),
            _ => Ok(()),
        }
    }
}

fn rule(out: &mut dyn Write, widths: &[usize], corners: [&str; 3]) -> io::Result<()> {
    for (index, width) in widths.iter().enumerate() {
        let corner = if index == 0 { corners[0] } else { corners[1] };
        write!(out, "{corner}{}", "─".repeat(width + 2))?;
    }
    writeln!(out, "{}", corners[2])
}

/// Returns the widths with which the table fits the screen: the widest columns give way first.
/// `None` if there are too many columns.
fn fitted(
    mut widths: Vec<usize>,
    screen: Option<usize>,
    widest: Option<usize>,
) -> Option<Vec<usize>> {
    if let Some(widest) = widest {
        widths.iter_mut().for_each(|width| *width = (*width).min(widest.max(1)));
    }
    let Some(screen) = screen else { return Some(widths) };
    // A bar and two blanks for each column, and a bar at the end.
    let room = screen.checked_sub(widths.len() * 3 + 1)?;
    let total = |most: usize| widths.iter().map(|width| *width.min(&most)).sum::<usize>();
    let mut most = widths.iter().copied().max().unwrap_or(0).min(screen);
    while total(most) > room {
        most -= 1;
        if most < NARROWEST {
            return None;
        }
    }
    // What is left goes to those that were cut, one column of the screen each.
    let mut left = room - total(most);
    for width in &mut widths {
        if *width > most {
            *width = most + usize::from(left > 0);
            left = left.saturating_sub(1);
        }
    }
    Some(widths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_give_way_and_no_room_is_left_unused() {
        assert_eq!(fitted(vec![2, 50, 60], Some(80), None), Some(vec![2, 34, 34]));
        assert_eq!(fitted(vec![2, 10, 500], Some(80), None), Some(vec![2, 10, 58]));
        assert_eq!(fitted(vec![2, 3], Some(80), None), Some(vec![2, 3]));
        assert_eq!(fitted(vec![2, 300], None, None), Some(vec![2, 300]));
        assert_eq!(fitted(vec![2, 300], None, Some(10)), Some(vec![2, 10]));
    }

    #[test]
    fn too_many_columns_are_no_table() {
        assert_eq!(fitted(vec![8; 200], Some(80), None), None);
        assert_eq!(fitted(vec![8; 11], Some(80), None), None);
        assert!(fitted(vec![8; 8], Some(80), None).is_some());
    }

    #[test]
    fn a_text_that_looks_like_null_is_told_from_it() {
        assert_eq!(Cell::new(ValueRef::Null, "NULL", false).text(), "NULL");
        assert_eq!(Cell::new(ValueRef::Text(b"NULL"), "NULL", false).text(), "'NULL'");
        let long = Cell::new(ValueRef::Blob(&[0xab; 100]), "NULL", false);
        assert!(long.text().ends_with("…' (100 bytes)"), "{}", long.text());
    }
}
