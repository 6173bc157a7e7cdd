//! Copies the log into the database when nobody is waiting for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::SingleThreadShared;
use crate::engine::Connection;
use crate::platform;

/// Frames between two checkpoints; SQLite's own default.
const EVERY: u32 = 1_000;

/// The number of frames beyond which the log should restart, which needs a moment without readers
/// in it.
const RESTART: u32 = 4_000;

/// Must be called after a commit, during the permit: the checkpoint runs once the replies are on
/// their way.
pub(super) fn after_commit(shared: &Arc<SingleThreadShared>) {
    if !shared.several() {
        return;
    }
    let frames = shared.with_writer(|connection| Ok(shared.counters.note_log(connection)));
    let frames = frames.ok().flatten();
    let Some(frames) = frames else { return };
    let last = shared.checkpointed.load(Ordering::Relaxed);
    // The log was restarted.
    let last = if frames < last { 0 } else { last };
    shared.checkpointed.store(last, Ordering::Relaxed);
    if frames - last >= EVERY && !shared.checkpoint_due.swap(true, Ordering::Relaxed) {
        let shared = Arc::downgrade(shared);
        platform::later(move || {
            if let Some(shared) = shared.upgrade() {
                shared.checkpoint_due.store(false, Ordering::Relaxed);
                checkpoint(&shared);
            }
        });
    }
}

fn checkpoint(shared: &SingleThreadShared) {
    // While a transaction is open, the next checkpoint comes after it.
    if shared.queue.is_taken() && !cfg!(any(test, feature = "single-thread")) {
        return;
    }
    let done = shared.with_writer(|connection: &mut Connection| {
        let frames = connection.wal_frames().unwrap_or(0);
        if u64::from(frames) * u64::from(connection.page_size()) >= shared.options.wal_limit {
            shared.readers.revoke_idle(shared.options.stall_timeout);
            shared.sessions.revoke_idle(shared.options.stall_timeout);
        }
        // What it can't copy now, the next one will.
        let restart = frames >= RESTART;
        let (left, _) = connection.checkpoint(restart)?;
        shared.counters.checkpointed(restart.then_some(left == 0));
        Ok(shared.counters.note_log(connection).unwrap_or(0))
    });
    if let Ok(frames) = done {
        shared.checkpointed.store(frames, Ordering::Relaxed);
    }
}
