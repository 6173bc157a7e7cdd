//! What a burst took goes back: connections beyond the pool's size are closed when
//! they have rested for a while, and their descriptors too. Threads end by
//! themselves (`slot.rs`). When all is back, no timer is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::Shared;
use super::group::Turn;
use super::pool::Tidied;
use crate::platform::{self, timer};

/// Connections are closed one by one with so much time between, since the timer's
/// thread does it, which serves others too.
const BETWEEN: Duration = Duration::from_millis(1);

/// SQLite keeps the descriptor of a closed connection while another of the same
/// process has the file locked, which in WAL mode is as long as it is open. When so
/// many have gathered, all connections are closed once, while nobody uses any.
const MANY: usize = 8;

/// What is to be given back.
#[derive(Debug, Default)]
pub(super) struct Tidying {
    /// A timer is pending.
    pending: AtomicBool,
    /// Connections closed since all were.
    closed: AtomicUsize,
}

impl Shared {
    /// Has what rests looked after.
    pub(super) fn tidy_after_rest(self: &Arc<Self>) {
        let shared = Arc::downgrade(self);
        self.readers.set_on_rest(move || {
            if let Some(shared) = shared.upgrade() {
                shared.tidy_at(Instant::now() + shared.options.idle_timeout);
            }
        });
    }

    fn tidy_at(self: &Arc<Self>, at: Instant) {
        if self.tidying.pending.swap(true, Ordering::SeqCst) {
            return;
        }
        let shared = Arc::downgrade(self);
        timer::schedule(at, move || {
            if let Some(shared) = shared.upgrade() {
                shared.tidying.pending.store(false, Ordering::SeqCst);
                shared.tidy();
            }
        });
    }

    fn tidy(self: &Arc<Self>) {
        if self.check_open().is_err() {
            return;
        }
        match self.readers.tidy(self.options.idle_timeout) {
            Tidied::Closed => {
                self.tidying.closed.fetch_add(1, Ordering::SeqCst);
                self.tidy_at(Instant::now() + BETWEEN);
            }
            Tidied::Later(at) => self.tidy_at(at),
            Tidied::Nothing => self.close_descriptors(),
        }
    }

    /// Closes every connection and opens the writer's again, if nobody uses any;
    /// otherwise tries again later.
    fn close_descriptors(self: &Arc<Self>) {
        // Another VFS has no descriptors of the system's, and the files of one in memory
        // go with their last connection.
        let elsewhere = self.options.vfs.is_some();
        if elsewhere || self.tidying.closed.load(Ordering::SeqCst) < MANY {
            return;
        }
        let again = Instant::now() + self.options.idle_timeout;
        if !self.writer.try_take() {
            return self.tidy_at(again);
        }
        let shared = Arc::clone(self);
        self.writer.slot.submit(Box::new(move |connection| {
            let _turn = Turn(&shared);
            let (claims, all) = shared.clear(Instant::now(), None);
            if all {
                // The last one: SQLite copies the log, and lets go of all files.
                *connection = None;
                // Whoever writes next tries again.
                let _ = shared.open_writer(connection);
                shared.tidying.closed.store(0, Ordering::SeqCst);
            } else {
                shared.tidy_at(again);
            }
            drop(claims);
            platform::release_memory();
        }));
    }
}
