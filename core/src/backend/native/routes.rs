//! Which statements write, remembered by their text.

use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock};

use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashSet;

/// Beyond so many texts the memory is emptied: a caller who makes each of them
/// anew has no use for it.
const MOST: usize = 1_024;

/// Which statements write, as `sqlite3_stmt_readonly` told when they were first
/// prepared. Those that read are known by the readers' own statement caches.
///
/// Of a text only its hash is kept: a text may be long. One that is taken for
/// another's runs on the writer, where a read is as right as anywhere.
#[derive(Debug, Default)]
pub(super) struct Routes {
    known: RwLock<HashSet<u64, FixedState>>,
    hasher: RandomState,
}

impl Routes {
    pub(super) fn writes(&self, sql: &str) -> bool {
        let hash = self.hasher.hash_one(sql);
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains(&hash)
    }

    pub(super) fn note_write(&self, sql: &str) {
        let hash = self.hasher.hash_one(sql);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(hash);
    }
}
