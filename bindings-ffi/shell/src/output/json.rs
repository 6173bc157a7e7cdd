//! Rows as an array of objects.

use std::io::{self, Write};

use ubiqlite::{Row, ValueRef};

use super::text::{hex, real};
use super::{Rows, values};

pub(super) struct Json {
    /// The names as JSON, each with its colon.
    columns: Vec<String>,
    any: bool,
}

impl Json {
    pub(super) fn new(columns: Vec<String>) -> Self {
        let columns = columns.iter().map(|name| format!("{}:", text(name))).collect();
        Self { columns, any: false }
    }
}

/// Returns a text as JSON.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Rows for Json {
    fn row(&mut self, out: &mut dyn Write, row: &Row) -> io::Result<()> {
        out.write_all(if self.any { b",\n{" } else { b"[{" })?;
        self.any = true;
        for (index, (column, value)) in self.columns.iter().zip(values(row)).enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            out.write_all(column.as_bytes())?;
            match value {
                ValueRef::Null => out.write_all(b"null")?,
                ValueRef::Integer(value) => write!(out, "{value}")?,
                // What is too large for a double is read as infinite.
                ValueRef::Real(value) if value.is_infinite() => {
                    out.write_all(if value > 0.0 { b"9e999" } else { b"-9e999" })?;
                }
                ValueRef::Real(value) => out.write_all(real(value).as_bytes())?,
                ValueRef::Text(bytes) => {
                    out.write_all(text(&String::from_utf8_lossy(bytes)).as_bytes())?;
                }
                ValueRef::Blob(bytes) => write!(out, "\"{}\"", hex(bytes))?,
            }
        }
        out.write_all(b"}")
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(if self.any { b"]\n" } else { b"[]\n" })
    }
}
