//! The names of columns that Python was told.

use std::collections::{HashMap, HashSet};

/// So many lists of names are remembered. Python has the same rule for those it was
/// told.
const REMEMBERED: usize = 512;

/// Lists of names by their serial number.
#[derive(Debug, Default)]
pub(super) struct Names {
    read: HashMap<u32, Vec<String>>,
    told: HashSet<u32>,
    /// That of the answer before, which most are like.
    last: Option<u32>,
}

/// When a reply that has rows tells their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    /// If they were not told yet: the caller makes its rows at once.
    Once,
    /// The caller may have forgotten by the time that it makes its rows.
    Always,
}

impl Names {
    /// The list of this number, which is read from its JSON once.
    pub(super) fn of(&mut self, serial: u32, json: &[u8]) -> Option<&[String]> {
        if !self.read.contains_key(&serial) {
            let names: Vec<String> = serde_json::from_slice(json).ok()?;
            if self.read.len() >= REMEMBERED {
                self.read.clear();
            }
            self.read.insert(serial, names);
        }
        self.read.get(&serial).map(Vec::as_slice)
    }

    /// Whether the names of this number are to be told now.
    pub(super) fn tells(&mut self, serial: u32, tell: Tell) -> bool {
        if tell == Tell::Always {
            return true;
        }
        if self.last == Some(serial) {
            return false;
        }
        self.last = Some(serial);
        if self.told.contains(&serial) {
            return false;
        }
        if self.told.len() >= REMEMBERED {
            self.told.clear();
        }
        self.told.insert(serial)
    }
}
