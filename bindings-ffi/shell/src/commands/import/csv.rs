//! Comma-separated values, as RFC 4180 has them.

use std::io::BufRead;

use ubiqlite::Value;

use super::{Options, Target, at};
use crate::failure::{Failure, Result};

/// Reads records from a file.
struct Records<R> {
    from: R,
    separator: u8,
    /// The lines that were read.
    line: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Records<R> {
    fn new(from: R, separator: u8) -> Self {
        Self { from, separator, line: 0, bytes: Vec::new() }
    }

    /// Reads a line into `bytes`, after what is there. Returns whether there was one.
    fn read_line(&mut self) -> Result<bool> {
        let read = self.from.read_until(b'\n', &mut self.bytes);
        let any = read.map_err(|error| at(self.line + 1, error))? > 0;
        self.line += u64::from(any);
        if self.line == 1 && self.bytes.starts_with("\u{feff}".as_bytes()) {
            self.bytes.drain(..3);
        }
        Ok(any)
    }

    /// Returns the next record, and the line on which it begins. Empty lines are none.
    fn next(&mut self) -> Result<Option<(u64, Vec<String>)>> {
        loop {
            self.bytes.clear();
            if !self.read_line()? {
                return Ok(None);
            }
            if !self.bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                break;
            }
        }
        let line = self.line;
        let mut fields = Vec::new();
        let mut from = 0;
        loop {
            let (field, end) = match self.bytes.get(from) {
                Some(b'"') => self.quoted(line, from + 1)?,
                _ => self.bare(from),
            };
            fields.push(String::from_utf8(field).map_err(|_| at(line, "it is not UTF-8"))?);
            match self.bytes.get(end) {
                Some(byte) if *byte == self.separator => from = end + 1,
                _ => return Ok(Some((line, fields))),
            }
        }
    }

    /// Returns a field without quotes, and where it ends.
    fn bare(&self, from: usize) -> (Vec<u8>, usize) {
        let rest = &self.bytes[from..];
        let mut end = rest.len();
        if let Some(at) = rest.iter().position(|byte| *byte == self.separator) {
            end = at;
        } else {
            while end > 0 && matches!(rest[end - 1], b'\r' | b'\n') {
                end -= 1;
            }
        }
        (rest[..end].to_vec(), from + end)
    }

    /// Returns a field from behind its first quote, and where it ends. It may go over lines.
    fn quoted(&mut self, line: u64, mut at_byte: usize) -> Result<(Vec<u8>, usize)> {
        let mut field = Vec::new();
        loop {
            let Some(&byte) = self.bytes.get(at_byte) else {
                if self.read_line()? {
                    continue;
                }
                return Err(at(line, "a quote is never closed"));
            };
            at_byte += 1;
            if byte != b'"' {
                field.push(byte);
                continue;
            }
            match self.bytes.get(at_byte) {
                Some(b'"') => {
                    field.push(b'"');
                    at_byte += 1;
                }
                Some(byte) if *byte != self.separator && !matches!(byte, b'\r' | b'\n') => {
                    return Err(at(self.line, "something follows a closed quote"));
                }
                _ => return Ok((field, at_byte)),
            }
        }
    }
}

/// Sends the records of a file. The first has the names of the columns if it is all names of the
/// table, or if there is no table, which is made then.
pub(super) fn read(target: &mut Target<'_>, from: impl BufRead, options: &Options) -> Result<()> {
    let mut records = Records::new(from, options.separator);
    for _ in 0..options.skip {
        records.bytes.clear();
        if !records.read_line()? {
            return Ok(());
        }
    }
    let Some((line, first)) = records.next()? else {
        return Err(Failure::new("there is nothing in it"));
    };
    let (columns, mut row) = match target.columns()? {
        None => {
            target.create(&first).map_err(|failure| at(line, failure.words()))?;
            (first, None)
        }
        Some(columns) => {
            let is_column = |it: &String| columns.iter().any(|name| name.eq_ignore_ascii_case(it));
            match first.iter().all(is_column) {
                true => (first, None),
                false => (columns, Some((line, first))),
            }
        }
    };
    target.begin(&columns);
    loop {
        let Some((line, fields)) = (match row.take() {
            Some(row) => Some(row),
            None => records.next()?,
        }) else {
            return Ok(());
        };
        if fields.len() != columns.len() {
            let words =
                format!("it has {} values, and there are {} columns", fields.len(), columns.len());
            return Err(at(line, words));
        }
        let value = |text: String| match options.null.as_ref() == Some(&text) {
            true => Value::Null,
            false => Value::Text(text),
        };
        target.add(line, fields.into_iter().map(value).collect())?;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<(u64, Vec<String>)> {
        let mut records = Records::new(text.as_bytes(), b',');
        std::iter::from_fn(|| records.next().unwrap()).collect()
    }

    #[test]
    fn quotes_lines_in_quotes_and_blanks_are_kept_and_lines_are_counted() {
        let text = "\u{feff}a,b\r\n\"1,\"\"2\"\"\r\n3\", x \n\n,\n\"\"";
        let row = |fields: &[&str]| fields.iter().map(|it| (*it).to_owned()).collect();
        let wanted = [
            (1, row(&["a", "b"])),
            (2, row(&["1,\"2\"\r\n3", " x "])),
            (5, row(&["", ""])),
            (6, row(&[""])),
        ];
        assert_eq!(records(text), wanted);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told_with_the_line_where_it_begins() {
        let mut records = Records::new(&b"a\n\"b\nc\n"[..], b',');
        records.next().unwrap();
        assert_eq!(records.next().unwrap_err().words(), "line 2: a quote is never closed");
        let mut records = Records::new(&b"\"b\"c\n"[..], b',');
        assert!(records.next().unwrap_err().words().starts_with("line 1: something follows"));
    }
}
