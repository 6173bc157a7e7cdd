//! What a backend counts, for [`Stats`].

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::stats::{Spent, Stats};
use crate::engine::{Connection, ConnectionCounters};
use crate::platform;

/// What the backend of one database counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) write_waits: SpentCounter,
    pub(super) read_runs: SpentCounter,
    pub(super) write_runs: SpentCounter,
    pub(super) transactions: SpentCounter,
    commits: AtomicU64,
    writes: AtomicU64,
    largest_group: AtomicU64,
    rollbacks: AtomicU64,
    pub(super) checkpoints: AtomicU64,
    pub(super) checkpoints_blocked: AtomicU64,
    /// The log as it was when a connection was looked at last.
    log_pages: AtomicU32,
    log_copied: AtomicU32,
    pages: AtomicU32,
    page_size: AtomicU32,
    connections: Mutex<Connections>,
}

/// The open connections, and what those that are closed have counted.
#[derive(Debug, Default)]
struct Connections {
    open: Vec<Arc<ConnectionCounters>>,
    closed: Totals,
}

#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    runs: u64,
    compiled: u64,
    page_hits: u64,
    page_misses: u64,
    page_spills: u64,
}

impl Totals {
    fn add(&mut self, counters: &ConnectionCounters) {
        self.runs += counters.runs.get();
        self.compiled += counters.compiled.get();
        self.page_hits += counters.page_hits.get();
        self.page_misses += counters.page_misses.get();
        self.page_spills += counters.page_spills.get();
    }
}

/// How many times something took time, and how long.
#[derive(Debug, Default)]
pub(super) struct SpentCounter {
    count: AtomicU64,
    total: AtomicU64,
    longest: AtomicU64,
}

impl SpentCounter {
    pub(super) fn add(&self, spent: Duration) {
        let nanos = platform::nanos(spent);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(nanos, Ordering::Relaxed);
        self.longest.fetch_max(nanos, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Spent {
        let nanos = |it: &AtomicU64| Duration::from_nanos(it.load(Ordering::Relaxed));
        Spent {
            count: self.count.load(Ordering::Relaxed),
            total: nanos(&self.total),
            longest: nanos(&self.longest),
        }
    }
}

impl Counters {
    /// Counts what this connection counts, from now on.
    pub(super) fn watch(&self, connection: &Connection) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.settle();
        connections.open.push(Arc::clone(connection.counters()));
    }

    /// Counts a commit of as many writes.
    pub(super) fn committed(&self, writes: usize) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        if writes > 0 {
            let writes = writes as u64;
            self.writes.fetch_add(writes, Ordering::Relaxed);
            self.largest_group.fetch_max(writes, Ordering::Relaxed);
        }
    }

    pub(super) fn rolled_back(&self) {
        self.rollbacks.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a write that ran by itself.
    pub(super) fn ended_alone(&self, done: bool) {
        if done { self.committed(1) } else { self.rolled_back() }
    }

    /// Counts a checkpoint. `emptied`: whether the log was emptied, if that was tried.
    pub(super) fn checkpointed(&self, emptied: Option<bool>) {
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
        if emptied == Some(false) {
            self.checkpoints_blocked.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes what a connection, which the caller uses, knows of the log. Returns its frames, or
    /// `None` if there is no log.
    pub(super) fn note_log(&self, connection: &mut Connection) -> Option<u32> {
        let log = connection.log_state();
        self.log_pages.store(log.map_or(0, |log| log.frames), Ordering::Relaxed);
        self.log_copied.store(log.map_or(0, |log| log.copied), Ordering::Relaxed);
        log.map(|log| log.frames)
    }

    /// Notes what a connection, which the caller uses, knows of the file and its own cache.
    pub(super) fn note_connection(&self, connection: &mut Connection) {
        connection.note_page_cache();
        self.note_log(connection);
        self.page_size.store(connection.page_size(), Ordering::Relaxed);
        if let Some(pages) = connection.database_pages() {
            self.pages.store(pages, Ordering::Relaxed);
        }
    }

    /// Returns all that is counted here.
    pub(super) fn stats(&self) -> Stats {
        let count = |it: &AtomicU64| it.load(Ordering::Relaxed);
        let (connections, totals) = {
            let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
            connections.settle();
            let mut totals = connections.closed;
            for counters in &connections.open {
                totals.add(counters);
            }
            (connections.open.len(), totals)
        };
        let log_pages = self.log_pages.load(Ordering::Relaxed);
        Stats {
            connections: u32::try_from(connections).unwrap_or(u32::MAX),
            write_waits: self.write_waits.get(),
            read_runs: self.read_runs.get(),
            write_runs: self.write_runs.get(),
            transactions: self.transactions.get(),
            commits: count(&self.commits),
            writes: count(&self.writes),
            largest_group: count(&self.largest_group),
            rollbacks: count(&self.rollbacks),
            statement_hits: totals.runs.saturating_sub(totals.compiled),
            statement_misses: totals.compiled,
            page_hits: totals.page_hits,
            page_misses: totals.page_misses,
            page_spills: totals.page_spills,
            log_pages,
            log_uncopied: log_pages.saturating_sub(self.log_copied.load(Ordering::Relaxed)),
            checkpoints: count(&self.checkpoints),
            checkpoints_blocked: count(&self.checkpoints_blocked),
            pages: self.pages.load(Ordering::Relaxed),
            page_size: self.page_size.load(Ordering::Relaxed),
            ..Stats::default()
        }
    }
}

impl Connections {
    /// Takes over what closed connections have counted.
    fn settle(&mut self) {
        let closed = &mut self.closed;
        self.open.retain(|counters| {
            // Its connection has the other reference.
            let open = Arc::strong_count(counters) > 1;
            if !open {
                closed.add(counters);
            }
            open
        });
    }
}
