//! After a commit: ends leases, and keeps the write-ahead log small.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Shared;
use super::slot::LongHolder;
use crate::engine::Connection;

/// Frames between two checkpoints; SQLite's own default.
pub(super) const EVERY: u32 = 1_000;

/// The number of frames beyond which the log should restart, which needs a moment without readers
/// in it.
const RESTART: u32 = 4_000;

/// How long the writer waits for running readers to let the log restart: four times as long after a
/// failure, sixteen times after the second. Only the writer waits; readers never do.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the checkpoints of one database have done.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// Frames in the log at the last checkpoint.
    last: AtomicU32,
    /// Frames at which to retry restarting the log.
    restart_at: AtomicU32,
    /// Counts commits, so that a reader notices one that happened in the meantime.
    pub(super) commits: AtomicU64,
    /// The log is about to restart: readers keep no lease during that time.
    pub(super) restarting: AtomicBool,
    /// How many times in a row the log could not restart.
    failures: AtomicU32,
}

/// Must be called on the writer's thread after it committed.
pub(super) fn after_commit(shared: &Arc<Shared>, connection: &mut Connection) {
    shared.committed();
    if let Some(frames) = shared.counters.note_log(connection)
        && due(&shared.checkpoints, frames)
    {
        checkpoint(shared, connection, frames);
    }
}

/// Whether it is time for a checkpoint after what a connection has committed.
pub(super) fn is_due(shared: &Shared, connection: &mut Connection) -> bool {
    let frames = shared.counters.note_log(connection);
    frames.is_some_and(|frames| due(&shared.checkpoints, frames))
}

/// Whether it is time for a checkpoint.
fn due(state: &Checkpoints, frames: u32) -> bool {
    let last = state.last.load(Ordering::Relaxed);
    // The log was restarted, by this process or another.
    let last = if frames < last { 0 } else { last };
    state.last.store(last, Ordering::Relaxed);
    frames - last >= EVERY
}

fn checkpoint(shared: &Arc<Shared>, connection: &mut Connection, frames: u32) {
    let state = &shared.checkpoints;
    state.last.store(frames, Ordering::Relaxed);
    // The next write begins the log anew if this one copies all of it.
    shared.replicas.before_restart(shared);
    if frames < RESTART {
        state.restart_at.store(RESTART, Ordering::Relaxed);
        return copy_log(shared, connection);
    }
    if frames < state.restart_at.load(Ordering::Relaxed) {
        return copy_log(shared, connection);
    }
    end_stalled(shared, frames, connection.page_size());
    let failures = state.failures.load(Ordering::Relaxed);
    connection.wait_for_locks(PATIENCE * (1 << (2 * failures.min(2))));
    // Nobody commits in the meantime, so no lease would look outdated on its own.
    state.restarting.store(true, Ordering::SeqCst);
    shared.end_all_leases();
    let restarted = matches!(connection.checkpoint(true), Ok((0, _)));
    state.restarting.store(false, Ordering::SeqCst);
    shared.counters.checkpointed(Some(restarted));
    shared.counters.note_log(connection);
    state.failures.store(if restarted { 0 } else { failures + 1 }, Ordering::Relaxed);
    connection.wait_for_locks(shared.options.busy_timeout);
    // After a failure, the next try comes when the log has grown by half, so that waiting stays a
    // small part of writing.
    let next = if restarted { RESTART } else { frames.saturating_add(frames / 2) };
    state.restart_at.store(next, Ordering::Relaxed);
}

/// Copies what it can of the log. What it can't copy now, the next one will.
fn copy_log(shared: &Shared, connection: &mut Connection) {
    if connection.checkpoint(false).is_ok() {
        shared.counters.checkpointed(None);
        shared.counters.note_log(connection);
    }
}

/// Ends streams, snapshots and sessions that have stalled for too long, if the log exceeds its
/// limit.
fn end_stalled(shared: &Arc<Shared>, frames: u32, page_size: u32) {
    if u64::from(frames) * u64::from(page_size) < shared.options.wal_limit {
        return;
    }
    let limit = shared.options.stall_timeout;
    let mut ended = false;
    for slot in shared.readers.slots().iter().chain(shared.dedicated.slots()) {
        ended |= match slot.holder() {
            Some(LongHolder::Stream(channel)) => {
                let over = channel.stalled().is_some_and(|stalled| stalled >= limit);
                if over {
                    channel.end(Some(super::stream::stalled(shared)));
                }
                over
            }
            Some(LongHolder::Session(watch)) => {
                let over = watch.is_idle(limit);
                if over {
                    let held = Arc::clone(slot);
                    slot.submit(Box::new(move |connection| {
                        // Its holder may be gone by then, replaced by another.
                        let still = matches!(
                            held.holder(),
                            Some(LongHolder::Session(now)) if Arc::ptr_eq(&now, &watch)
                        );
                        if let (true, Some(connection)) = (still, connection) {
                            watch.revoke(connection);
                        }
                    }));
                }
                over
            }
            None => false,
        };
    }
    if ended {
        // Their threads end their transactions within moments.
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until
            && shared.readers.slots().iter().any(|slot| slot.holder().is_some() && !slot.is_quiet())
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
