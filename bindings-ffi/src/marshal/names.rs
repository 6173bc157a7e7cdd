//! The names of columns that Python was told.

use std::collections::HashMap;

/// So many lists of names are remembered. Python has the same rule.
const REMEMBERED: usize = 512;

/// Lists of names by their serial number.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<u32, Known>);

#[derive(Debug)]
pub(super) struct Known {
    pub(super) names: Vec<String>,
    pub(super) told: bool,
}

impl Names {
    /// The list of this number, which is read from its JSON once.
    pub(super) fn of(&mut self, serial: u32, json: &[u8]) -> Option<&mut Known> {
        if !self.0.contains_key(&serial) {
            let names: Vec<String> = serde_json::from_slice(json).ok()?;
            if self.0.len() >= REMEMBERED {
                self.0.clear();
            }
            self.0.insert(serial, Known { names, told: false });
        }
        self.0.get_mut(&serial)
    }
}
