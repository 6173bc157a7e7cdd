//! Values as SQL, and rows as `INSERT` statements.

use std::io::{self, Write};

use ubiqlite::{Row, ValueRef};

use super::text::hex;
use super::{Rows, values};

/// The encoding of a database's texts, which matters for those that SQL can't say as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Encoding {
    #[default]
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl Encoding {
    /// Returns the encoding that `PRAGMA encoding` names.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "UTF-16le" => Self::Utf16Le,
            "UTF-16be" => Self::Utf16Be,
            _ => Self::Utf8,
        }
    }

    fn bytes(self, text: &[u8]) -> Vec<u8> {
        let units = |bytes: fn(u16) -> [u8; 2]| {
            String::from_utf8_lossy(text).encode_utf16().flat_map(bytes).collect()
        };
        match self {
            Self::Utf8 => text.to_vec(),
            Self::Utf16Le => units(u16::to_le_bytes),
            Self::Utf16Be => units(u16::to_be_bytes),
        }
    }
}

/// Writes a name in quotes.
pub(crate) fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Writes a value as SQL that evaluates to it.
pub(crate) fn write(
    out: &mut dyn Write,
    value: ValueRef<'_>,
    encoding: Encoding,
) -> io::Result<()> {
    match value {
        ValueRef::Null => out.write_all(b"NULL"),
        ValueRef::Integer(value) => write!(out, "{value}"),
        ValueRef::Real(value) if value == f64::INFINITY => out.write_all(b"9e999"),
        ValueRef::Real(value) if value == f64::NEG_INFINITY => out.write_all(b"-9e999"),
        ValueRef::Real(value) => write!(out, "{value:?}"),
        ValueRef::Blob(bytes) => write!(out, "X'{}'", hex(bytes)),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => {
                out.write_all(b"'")?;
                for (index, part) in text.split('\'').enumerate() {
                    if index > 0 {
                        out.write_all(b"''")?;
                    }
                    out.write_all(part.as_bytes())?;
                }
                out.write_all(b"'")
            }
            // For SQLite a zero ends the text of a statement.
            _ => write!(out, "CAST(X'{}' AS TEXT)", hex(&encoding.bytes(bytes))),
        },
    }
}

/// Writes rows as `INSERT` statements.
pub(super) struct Inserts {
    /// Up to the values.
    head: String,
}

impl Inserts {
    pub(super) fn new(table: &str, columns: &[String]) -> Self {
        let columns: Vec<_> = columns.iter().map(|column| name(column)).collect();
        Self { head: format!("INSERT INTO {}({}) VALUES(", name(table), columns.join(",")) }
    }
}

impl Rows for Inserts {
    fn row(&mut self, out: &mut dyn Write, row: &Row) -> io::Result<()> {
        out.write_all(self.head.as_bytes())?;
        for (index, value) in values(row).enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            write(out, value, Encoding::Utf8)?;
        }
        out.write_all(b");\n")
    }

    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
