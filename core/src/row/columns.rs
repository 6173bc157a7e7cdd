//! The names of a result's columns.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// The names of a result's columns, shared by all its rows.
///
/// Names are told apart: where a statement yields a name twice (`SELECT a.id,
/// b.id …`), the first keeps it and the later ones become `id:2`, `id:3`, so
/// that no value is lost when a row becomes a map. `AS` gives better ones.
#[derive(Debug, Clone)]
pub struct Columns {
    names: Vec<Box<str>>,
    serial: u64,
    json: OnceLock<Box<str>>,
}

/// So many lists were made.
static MADE: AtomicU64 = AtomicU64::new(0);

impl Default for Columns {
    fn default() -> Self {
        Self::new(std::iter::empty::<Box<str>>())
    }
}

impl PartialEq for Columns {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

impl Eq for Columns {}

impl Columns {
    /// Makes the list, telling duplicate names apart.
    pub fn new(names: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        let mut known: Vec<Box<str>> = Vec::new();
        // The number that a name was told apart by last: those below are taken.
        let mut numbers: Vec<(Box<str>, usize)> = Vec::new();
        for name in names {
            let name: Box<str> = name.into();
            let unique = if known.contains(&name) {
                let place = numbers.iter().position(|(of, _)| *of == name).unwrap_or_else(|| {
                    numbers.push((name.clone(), 1));
                    numbers.len() - 1
                });
                let last = &mut numbers[place].1;
                loop {
                    *last += 1;
                    let candidate = format!("{name}:{last}").into_boxed_str();
                    if !known.contains(&candidate) {
                        break candidate;
                    }
                }
            } else {
                name
            };
            known.push(unique);
        }
        let serial = MADE.fetch_add(1, Ordering::Relaxed);
        Self { names: known, serial, json: OnceLock::new() }
    }

    /// The names as a list in JSON.
    pub(crate) fn json(&self) -> &str {
        self.json.get_or_init(|| {
            serde_json::Value::from(self.iter().collect::<Vec<_>>()).to_string().into()
        })
    }

    /// A number that no other list made in this process has: who was told the
    /// names once knows them again by it.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// How many columns there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no column.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The name of a column.
    pub fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(|name| &**name)
    }

    /// The names in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// The place of a name; letters of another case match where no name matches
    /// exactly, as in SQL.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names
            .iter()
            .position(|known| **known == *name)
            .or_else(|| self.names.iter().position(|known| known.eq_ignore_ascii_case(name)))
    }
}

/// What can name a column: an index from 0, or a name.
pub trait ColumnIndex {
    /// The place among `columns`.
    ///
    /// # Errors
    /// `NoSuchColumn` if there is none.
    fn index(&self, columns: &Columns) -> Result<usize>;
}

impl ColumnIndex for usize {
    #[inline]
    fn index(&self, columns: &Columns) -> Result<usize> {
        if *self < columns.len() {
            return Ok(*self);
        }
        Err(Error::new(
            ErrorKind::NoSuchColumn,
            format!("no column at index {self}: the row has {} columns", columns.len()),
        ))
    }
}

impl ColumnIndex for &str {
    fn index(&self, columns: &Columns) -> Result<usize> {
        columns.position(self).ok_or_else(|| {
            let names: Vec<_> = columns.iter().collect();
            Error::new(
                ErrorKind::NoSuchColumn,
                format!("no column {self:?} in this row: it has {}", names.join(", ")),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_names_are_told_apart_even_when_the_new_name_is_taken() {
        let columns = Columns::new(["id", "id", "id:2", "id"]);
        let names: Vec<_> = columns.iter().collect();
        assert_eq!(names, ["id", "id:2", "id:2:2", "id:3"]);
        assert_eq!(columns.position("ID"), Some(0));
    }
}
