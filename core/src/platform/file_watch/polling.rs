//! By looking again and again: often while something changes.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::Woken;

/// How long to wait before the next look.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until one of some files may have been written to.
#[derive(Debug)]
pub(crate) struct FileWatch {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl FileWatch {
    /// Begins to watch.
    pub(crate) fn new(_paths: &[&Path]) -> Option<Self> {
        Some(Self { stopped: Mutex::new(false), changed: Condvar::new() })
    }

    /// Does nothing: each wait ends after a while.
    #[allow(clippy::unused_self, reason = "elsewhere it is needed")]
    pub(crate) fn arm(&self) {}

    /// Whether [`stop`](Self::stop) was called.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a while.
    pub(crate) fn wait(&self) -> Woken {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let (stopped, _) = self
            .changed
            .wait_timeout_while(stopped, PAUSE, |stopped| !*stopped)
            .unwrap_or_else(PoisonError::into_inner);
        if *stopped { Woken::Stopped } else { Woken::Waited }
    }

    /// Ends the wait, and all later ones.
    pub(crate) fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}
