//! What a connection counts, readable while somebody else uses the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Connection;
use crate::ffi;

/// What one connection has counted so far.
#[derive(Debug, Default)]
pub(crate) struct ConnectionCounters {
    /// Statements that began to run.
    pub(crate) runs: Count,
    /// Statements that were compiled for a run or to learn what they are.
    pub(crate) compiled: Count,
    /// Pages that were found in SQLite's page cache, those that were not, and those that were
    /// written in the middle of a transaction to make room: as of the last look.
    pub(crate) page_hits: Count,
    pub(crate) page_misses: Count,
    pub(crate) page_spills: Count,
}

/// A number that only the user of the connection raises, and anybody reads.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Adds to the number. It is no atomic addition, which would cost more: a connection has one
    /// user at a time.
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the log and the file hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogState {
    /// Pages in the log.
    pub(crate) frames: u32,
    /// How many of them a checkpoint has copied into the database.
    pub(crate) copied: u32,
}

impl Connection {
    /// Returns what this connection counts.
    pub(crate) fn counters(&self) -> &Arc<ConnectionCounters> {
        &self.counters
    }

    /// Adds what SQLite has counted of its page cache since the last look.
    pub(crate) fn note_page_cache(&mut self) {
        let taken = |what| {
            let (mut current, mut highest) = (0, 0);
            // SAFETY: the connection is open; SQLite writes the two integers, and begins anew, so
            // that its own counter, of 31 bits, does not overflow.
            unsafe {
                ffi::sqlite3_db_status(self.raw, what, &raw mut current, &raw mut highest, 1);
            }
            u64::try_from(current).unwrap_or(0)
        };
        self.counters.page_hits.add(taken(ffi::SQLITE_DBSTATUS_CACHE_HIT));
        self.counters.page_misses.add(taken(ffi::SQLITE_DBSTATUS_CACHE_MISS));
        self.counters.page_spills.add(taken(ffi::SQLITE_DBSTATUS_CACHE_SPILL));
    }

    /// Returns what the log holds, or `None` if there is no log.
    pub(crate) fn log_state(&mut self) -> Option<LogState> {
        let frames = self.wal_frames()?;
        let copied = self.wal_index.map_or(0, super::lease::WalIndex::copied);
        Some(LogState { frames, copied: copied.min(frames) })
    }

    /// Returns how many pages the database has, if that needs no waiting.
    pub(crate) fn database_pages(&mut self) -> Option<u32> {
        // The index of a log that was never written has none.
        if let Some(pages) = self.wal_index.map(super::lease::WalIndex::pages)
            && pages > 0
        {
            return Some(pages);
        }
        let counted = self.run_inline(|it| it.integer("PRAGMA page_count"))?;
        counted.ok().and_then(|pages| u32::try_from(pages).ok())
    }
}
