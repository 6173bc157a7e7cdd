//! Which statements write, remembered by their text.

use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock};

use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashSet;

use crate::sql::is_change;

/// The number of texts beyond which the memory is emptied: a caller that builds each text afresh
/// has no use for it.
const MOST: usize = 1_024;

/// Which statements write: by their first word, or as reported by `sqlite3_stmt_readonly` when they
/// were first prepared.
/// The readers' own statement caches know the statements that read; those are here only if no
/// reader was free to report it.
///
/// Only the hash of a text is kept, since texts may be long. A text mistaken for another runs on
/// the writer, where a read is as correct as anywhere, or on a reader, which passes on a write.
#[derive(Debug, Default)]
pub(super) struct Routes {
    writes: Texts,
    reads: Texts,
    hasher: RandomState,
}

type Texts = RwLock<HashSet<u64, FixedState>>;

impl Routes {
    /// Whether the statement writes, as far as its first word or an earlier call tells. By its first
    /// word it takes its place among the writes at once; any other that is new takes it when it was
    /// compiled.
    pub(super) fn writes(&self, sql: &str) -> bool {
        is_change(sql) || knows(&self.writes, self.hasher.hash_one(sql))
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
