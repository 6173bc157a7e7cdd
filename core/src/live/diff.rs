//! Which rows of a result are new, gone or different.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::delta::{Delta, Positions};
use crate::row::{Rows, fingerprint};

/// What differs between two results of a query, row by row, as told apart by their keys.
///
/// Positions count from 0: those of removed rows in the earlier result, those of added and updated
/// rows in the later one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// The rows that are new.
    pub added: Vec<usize>,
    /// The rows that are gone.
    pub removed: Vec<usize>,
    /// The rows with other values.
    pub updated: Vec<usize>,
}

impl Diff {
    /// Compares two results whose difference is known. `key` has the indexes of the columns that
    /// tell a row from the others; without any, all of them do.
    pub(crate) fn of(delta: &Delta, before: &Rows, now: &Rows, key: &[usize]) -> Self {
        let (old, new) = (Positions::of(before), Positions::of(now));
        let mut diff = Self::default();
        let mut kept = vec![false; old.len()];
        let mut position = 0;
        for run in &delta.runs {
            match run.from {
                Some(from) => kept[from..from + run.count].fill(true),
                None => diff.added.extend(position..position + run.count),
            }
            position += run.count;
        }
        diff.removed = (0..old.len()).filter(|position| !kept[*position]).collect();
        if key.is_empty() || diff.added.is_empty() || diff.removed.is_empty() {
            return diff;
        }
        let key_of = |rows: &Positions<'_>, position| {
            let values: Vec<_> = rows.row(position).collect();
            fingerprint(key.iter().filter_map(|index| values.get(*index).copied()))
        };
        let mut gone = HashMap::<Vec<u8>, Vec<usize>, RandomState>::default();
        for &position in diff.removed.iter().rev() {
            gone.entry(key_of(&old, position)).or_default().push(position);
        }
        let mut updated = Vec::new();
        let mut changed = vec![false; old.len()];
        diff.added.retain(|position| {
            let was = gone.get_mut(&key_of(&new, *position)).and_then(Vec::pop);
            if let Some(was) = was {
                changed[was] = true;
                updated.push(*position);
            }
            was.is_none()
        });
        diff.removed.retain(|position| !changed[*position]);
        diff.updated = updated;
        diff
    }

    /// Whether no row is new, gone or different.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.updated.is_empty()
    }
}
