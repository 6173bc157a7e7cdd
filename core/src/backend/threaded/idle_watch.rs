//! Tracks whether a snapshot, session or transaction is used or stalls.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::Connection;

/// Tracks whether a snapshot, session or transaction is used or stalls.
#[derive(Debug)]
pub(super) struct IdleWatch {
    used: Mutex<Instant>,
    running: AtomicUsize,
    /// Counts the calls that ran on their caller's thread: they do not read the clock.
    steps: AtomicU32,
    /// The number of steps known when `used` was last written.
    known: AtomicU32,
    /// Since when a read transaction is open.
    reading: Mutex<Option<Instant>>,
    revoked: AtomicBool,
    lost: AtomicBool,
}

impl IdleWatch {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            used: Mutex::new(Instant::now()),
            running: AtomicUsize::new(0),
            steps: AtomicU32::new(0),
            known: AtomicU32::new(0),
            reading: Mutex::default(),
            revoked: AtomicBool::new(false),
            lost: AtomicBool::new(false),
        })
    }

    pub(super) fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Records whether a read transaction is open.
    pub(super) fn note_reading(&self, reading: bool) {
        let mut since = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        match reading {
            true => drop(since.get_or_insert_with(Instant::now)),
            false => *since = None,
        }
    }

    /// Returns for how long a read transaction has been open.
    pub(super) fn reading_for(&self) -> Option<Duration> {
        let since = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        since.map(|since| since.elapsed())
    }

    /// Records a call that ran on its caller's thread.
    #[inline]
    pub(super) fn step(&self) {
        // Only one holder makes them, so no step that matters is lost.
        let steps = self.steps.load(Ordering::Relaxed).wrapping_add(1);
        self.steps.store(steps, Ordering::Relaxed);
    }

    /// Returns how long it has had no requests and nothing running, as far as occasional looks can
    /// tell.
    pub(super) fn idle(&self) -> Duration {
        let steps = self.steps.load(Ordering::Relaxed);
        if self.known.swap(steps, Ordering::Relaxed) != steps {
            self.touch();
        }
        if self.running.load(Ordering::Acquire) > 0 {
            return Duration::ZERO;
        }
        self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Acquire)
    }

    /// Records, after a call, that SQLite has lost the snapshot's state on one of its readers:
    /// the snapshot is over on all of them.
    pub(super) fn note_lost(&self, connection: &Connection) {
        if connection.has_lost_moment() {
            self.lost.store(true, Ordering::Release);
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Whether it had no requests for `limit`, and nothing is running.
    pub(super) fn is_idle(&self, limit: Duration) -> bool {
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        self.running.load(Ordering::Acquire) == 0 && used.elapsed() >= limit
    }

    /// Ends the read transaction that keeps the log from being emptied. A writing transaction is
    /// left alone: it keeps everybody else from writing, so it does not let the log grow.
    pub(super) fn revoke(&self, connection: &mut Connection) {
        if connection.in_transaction() && !connection.is_writing() {
            self.revoked.store(true, Ordering::Release);
            connection.end_snapshot();
            self.note_reading(false);
        }
    }
}

/// Counts a call while it waits or runs.
pub(super) struct InUse(Arc<IdleWatch>);

impl InUse {
    pub(super) fn new(watch: &Arc<IdleWatch>) -> Self {
        watch.running.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(watch))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.touch();
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}
