//! The names of a result's columns.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::error::{Error, ErrorKind, Result};

/// The names of a result's columns, shared by all its rows.
///
/// Names are made unique: if a statement yields a name twice (`SELECT a.id,
/// b.id …`), the first keeps it and the later ones become `id:2`, `id:3`, so
/// that no value is lost when a row becomes a map. `AS` gives better names.
#[derive(Debug, Clone)]
pub struct Columns {
    names: Vec<Box<str>>,
    serial: u64,
    json: OnceLock<Box<str>>,
}

/// Up to this many names are compared one by one.
const FEW: usize = 16;

/// The number of lists made so far.
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
    /// Makes the list, with duplicate names made unique.
    pub fn new(names: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        let mut known: Vec<Box<str>> = Vec::new();
        // Most rows have few names, which are faster to scan than to hash.
        let mut taken: HashMap<Box<str>, usize, FixedState> = HashMap::default();
        for name in names {
            let name: Box<str> = name.into();
            if known.len() == FEW {
                taken.extend(known.iter().map(|name| (name.clone(), 2)));
            }
            let many = known.len() >= FEW;
            let is_taken = |candidate: &str, taken: &HashMap<Box<str>, usize, FixedState>| {
                if many {
                    taken.contains_key(candidate)
                } else {
                    known.iter().any(|name| **name == *candidate)
                }
            };
            let mut unique = name.clone();
            if is_taken(&name, &taken) {
                let mut number = taken.get(&name).copied().unwrap_or(2);
                loop {
                    unique = format!("{name}:{number}").into_boxed_str();
                    number += 1;
                    if !is_taken(&unique, &taken) {
                        break;
                    }
                }
                if let Some(next) = taken.get_mut(&name) {
                    *next = number;
                }
            }
            if many {
                taken.insert(unique.clone(), 2);
            }
            known.push(unique);
        }
        let serial = MADE.fetch_add(1, Ordering::Relaxed);
        Self { names: known, serial, json: OnceLock::new() }
    }

    /// The names as a JSON list.
    pub(crate) fn json(&self) -> &str {
        self.json.get_or_init(|| {
            serde_json::Value::from(self.iter().collect::<Vec<_>>()).to_string().into()
        })
    }

    /// A number that no other list made in this process has: a client that was sent
    /// the names once recognizes them by it.
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

    /// The index of a name. If no name matches exactly, the case of ASCII letters is
    /// ignored, as in SQL.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names
            .iter()
            .position(|known| **known == *name)
            .or_else(|| self.names.iter().position(|known| known.eq_ignore_ascii_case(name)))
    }
}

/// What can identify a column: an index from 0, or a name.
pub trait ColumnIndex {
    /// Returns the index among `columns`.
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
