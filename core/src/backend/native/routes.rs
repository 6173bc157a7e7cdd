//! Which statements write, remembered by their text.

use std::sync::{PoisonError, RwLock};

use foldhash::fast::FixedState;
use hashbrown::HashSet;

/// Beyond so many texts the memory is emptied: a caller who makes each of them
/// anew has no use for it.
const MOST: usize = 1_024;

/// Which statements write, as `sqlite3_stmt_readonly` told when they were first
/// prepared. Those that read are known by the readers' own statement caches, and
/// here only if no reader was free to tell.
#[derive(Debug, Default)]
pub(super) struct Routes {
    writes: Texts,
    reads: Texts,
}

type Texts = RwLock<HashSet<Box<str>, FixedState>>;

impl Routes {
    pub(super) fn writes(&self, sql: &str) -> bool {
        knows(&self.writes, sql)
    }

    pub(super) fn note_write(&self, sql: &str) {
        note(&self.writes, sql);
    }

    pub(super) fn reads(&self, sql: &str) -> bool {
        knows(&self.reads, sql)
    }

    pub(super) fn note_read(&self, sql: &str) {
        note(&self.reads, sql);
    }
}

fn knows(texts: &Texts, sql: &str) -> bool {
    texts.read().unwrap_or_else(PoisonError::into_inner).contains(sql)
}

fn note(texts: &Texts, sql: &str) {
    let mut known = texts.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= MOST {
        known.clear();
    }
    if !known.contains(sql) {
        known.insert(sql.into());
    }
}
