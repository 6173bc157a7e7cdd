//! Which statements write, remembered by their text.

use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock};

use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashSet;

/// Beyond so many texts the memory is emptied: a caller who makes each of them
/// anew has no use for it.
const MOST: usize = 1_024;

/// Which statements write, as `sqlite3_stmt_readonly` told when they were first
/// prepared. Those that read are known by the readers' own statement caches, and
/// here only if no reader was free to tell.
///
/// Of a text only its hash is kept: a text may be long. One that is taken for
/// another's runs on the writer, where a read is as right as anywhere, or on a
/// reader, which passes a write on.
#[derive(Debug, Default)]
pub(super) struct Routes {
    writes: Texts,
    reads: Texts,
    hasher: RandomState,
}

type Texts = RwLock<HashSet<u64, FixedState>>;

impl Routes {
    pub(super) fn writes(&self, sql: &str) -> bool {
        knows(&self.writes, self.hasher.hash_one(sql))
    }

    pub(super) fn note_write(&self, sql: &str) {
        note(&self.writes, self.hasher.hash_one(sql));
    }

    pub(super) fn reads(&self, sql: &str) -> bool {
        knows(&self.reads, self.hasher.hash_one(sql))
    }

    pub(super) fn note_read(&self, sql: &str) {
        note(&self.reads, self.hasher.hash_one(sql));
    }
}

fn knows(texts: &Texts, hash: u64) -> bool {
    texts.read().unwrap_or_else(PoisonError::into_inner).contains(&hash)
}

fn note(texts: &Texts, hash: u64) {
    let mut known = texts.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(hash);
}
