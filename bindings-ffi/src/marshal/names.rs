//! The names of columns that Python was sent.

use std::collections::{HashMap, HashSet};

/// How many lists of names are remembered. Python has the same rule for those it was sent.
const REMEMBERED: usize = 512;

/// Lists of names by their serial number.
#[derive(Debug, Default)]
pub(super) struct Names {
    read: HashMap<u32, Vec<String>>,
    told: HashSet<u32>,
    /// The number in the reply before, which most have too.
    last: Option<u32>,
}

/// When a reply with rows has their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    /// If they were not sent yet: the caller makes its rows at once.
    Once,
    /// The caller may have forgotten them by the time it makes its rows.
    Always,
}

impl Names {
    /// The list with this number, which is read from its JSON once.
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

    /// Whether the names with this number must be sent now.
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
