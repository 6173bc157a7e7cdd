//! Which migrations the programs know that have a database open, and which one stops older ones.

use std::sync::atomic::{AtomicU64, Ordering};

/// Nobody has looked.
const UNKNOWN: u64 = u64::MAX;

/// What the connections of one database share about its migrations.
#[derive(Debug)]
pub(crate) struct KnownMigrations {
    /// The greatest number among the migrations of whoever uses this database here; 0 if nobody has
    /// any.
    known: AtomicU64,
    /// The greatest number among the applied migrations that break older programs, as it was found
    /// last; 0 if there is none.
    breaking: AtomicU64,
}

impl Default for KnownMigrations {
    fn default() -> Self {
        Self { known: AtomicU64::new(0), breaking: AtomicU64::new(UNKNOWN) }
    }
}

impl KnownMigrations {
    /// The query for the greatest number among the applied migrations that break older programs; 0
    /// if there is none.
    pub(crate) const BREAKING: &str =
        "SELECT ifnull(max(id), 0) FROM main.ubiqlite_migrations WHERE breaks";

    /// Notes that somebody has the migrations up to this number.
    pub(crate) fn know(&self, last: u64) {
        self.known.fetch_max(last, Ordering::AcqRel);
    }

    /// Notes which one breaks older programs.
    pub(crate) fn set_breaking(&self, number: u64) {
        self.breaking.store(number, Ordering::Release);
    }

    /// Returns which one breaks older programs, 0 for none. `None`: nobody has looked.
    #[inline]
    pub(crate) fn breaking(&self) -> Option<u64> {
        Some(self.breaking.load(Ordering::Acquire)).filter(|number| *number != UNKNOWN)
    }

    /// Whether the ledger is to be looked at when the schema has changed.
    pub(crate) fn is_wanted(&self) -> bool {
        self.known.load(Ordering::Acquire) != 0 && self.breaking().is_some()
    }

    /// Whether nobody here has the one that breaks older programs.
    #[inline]
    pub(crate) fn are_older(&self) -> bool {
        match self.breaking.load(Ordering::Relaxed) {
            0 | UNKNOWN => false,
            number => {
                let known = self.known.load(Ordering::Relaxed);
                known != 0 && known < number
            }
        }
    }
}
