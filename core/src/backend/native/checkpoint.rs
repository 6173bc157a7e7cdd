//! After a commit: leases end, and the write-ahead log is kept small.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Shared;
use super::slot::Tenant;
use crate::engine::Connection;

/// Frames between two checkpoints, as SQLite's own default.
const EVERY: u32 = 1_000;

/// Beyond so many frames the log is to be started anew, which needs a moment
/// without readers in it.
const RESTART: u32 = 4_000;

/// How long the writer waits for running readers to let the log restart. Only
/// the writer waits; readers never do.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the checkpoints of one database have done.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// Frames in the log at the last one.
    last: AtomicU32,
    /// Frames at which to try to restart the log again.
    restart_at: AtomicU32,
    /// Counts commits, so that a reader notices one that came meanwhile.
    pub(super) commits: AtomicU64,
}

/// To be called on the writer's thread after it committed.
pub(super) fn after_commit(shared: &Arc<Shared>, connection: &mut Connection) {
    shared.committed();
    if let Some(frames) = connection.wal_frames()
        && due(&shared.checkpoints, frames)
    {
        checkpoint(shared, connection, frames);
    }
}

/// Whether it is time for a checkpoint.
pub(super) fn due(state: &Checkpoints, frames: u32) -> bool {
    let last = state.last.load(Ordering::Relaxed);
    // The log was started anew, by us or by another process.
    let last = if frames < last { 0 } else { last };
    state.last.store(last, Ordering::Relaxed);
    frames - last >= EVERY
}

fn checkpoint(shared: &Arc<Shared>, connection: &mut Connection, frames: u32) {
    let state = &shared.checkpoints;
    state.last.store(frames, Ordering::Relaxed);
    if frames < RESTART {
        state.restart_at.store(RESTART, Ordering::Relaxed);
        // What it can't copy now, the next one will.
        let _ = connection.checkpoint(false);
        return;
    }
    if frames < state.restart_at.load(Ordering::Relaxed) {
        let _ = connection.checkpoint(false);
        return;
    }
    end_stalled(shared, frames, connection.page_size());
    connection.set_busy_timeout(PATIENCE);
    let restarted = matches!(connection.checkpoint(true), Ok((0, _)));
    connection.set_busy_timeout(shared.options.busy_timeout);
    // After a failure the next try comes when the log has grown by half, so that
    // the waiting stays a small part of the writing.
    let next = if restarted { RESTART } else { frames.saturating_add(frames / 2) };
    state.restart_at.store(next, Ordering::Relaxed);
}

/// Ends the streams and snapshots that have stood still for too long, if the
/// log is beyond its limit.
fn end_stalled(shared: &Arc<Shared>, frames: u32, page_size: u32) {
    if u64::from(frames) * u64::from(page_size) < shared.options.wal_limit {
        return;
    }
    let limit = shared.options.stall_timeout;
    let mut ended = false;
    for slot in shared.readers.slots() {
        ended |= match slot.tenant() {
            Some(Tenant::Stream(channel)) => {
                let over = channel.stalled().is_some_and(|stalled| stalled >= limit);
                if over {
                    channel.end(Some(super::stream::stalled(shared)));
                }
                over
            }
            Some(Tenant::Snapshot(pin)) => {
                let over = pin.revoke_if_idle(limit);
                if over {
                    slot.submit(Box::new(|connection| {
                        if let Some(connection) = connection {
                            connection.end_snapshot();
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
            && shared.readers.slots().iter().any(|slot| slot.tenant().is_some() && !slot.is_quiet())
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
