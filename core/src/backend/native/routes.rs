//! Which statements write, remembered by their text.

use std::sync::{PoisonError, RwLock};

use foldhash::fast::FixedState;
use hashbrown::HashSet;

/// Beyond so many texts the memory is emptied: a caller who makes each of them
/// anew has no use for it.
const MOST: usize = 1_024;

/// Which statements write, as `sqlite3_stmt_readonly` told when they were first
/// prepared. Those that read are known by the readers' own statement caches.
#[derive(Debug, Default)]
pub(super) struct Routes(RwLock<HashSet<Box<str>, FixedState>>);

impl Routes {
    pub(super) fn writes(&self, sql: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(sql)
    }

    pub(super) fn note_write(&self, sql: &str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        if !known.contains(sql) {
            known.insert(sql.into());
        }
    }
}
