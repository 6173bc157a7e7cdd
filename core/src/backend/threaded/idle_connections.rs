//! Releases what a burst took: connections beyond the pool's size are closed after resting for a
//! while, along with their descriptors. Threads end on their own (`slot.rs`). When all is released,
//! no timer is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::Shared;
use super::group::WriterPass;
use super::pool::Tidied;
use crate::platform::{self, timer};

/// The time between closing single connections: this runs on the timer's thread, which serves
/// others too.
const BETWEEN: Duration = Duration::from_millis(1);

/// SQLite keeps the descriptor of a closed connection while another one of the same process has the
/// file locked; in WAL mode that is as long as it is open. Once this many have accumulated, all
/// connections are closed once, while none is in use.
const MANY: usize = 8;

/// What must be released.
#[derive(Debug, Default)]
pub(super) struct Tidying {
    /// A timer is pending.
    pending: AtomicBool,
    /// Connections closed since all were last closed.
    closed: AtomicUsize,
}

impl Shared {
    /// Arranges for resting slots to be tidied.
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

    /// Closes every connection and reopens the writer's, if none is in use. Otherwise retries
    /// later.
    fn close_descriptors(self: &Arc<Self>) {
        // Another VFS has no system descriptors, and the files of a database in memory go with
        // their last connection.
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
            let _pass = WriterPass(Arc::clone(&shared));
            let (claims, all) = shared.clear(Instant::now(), None);
            if all {
                // The last one: SQLite copies the log and releases all files.
                *connection = None;
                // The next write retries.
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
