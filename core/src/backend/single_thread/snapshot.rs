//! Several reads of one point in time.

use std::sync::Arc;

use super::pool::{self, PoolGuard};
use super::write_queue::WritePermit;
use super::{SingleThreadShared, connection_cell, read, stream};
use crate::backend::{BackendSession, Control, Pages, Reply};
use crate::engine::{Connection, ReadOutcome};
use crate::error::{Error, Result};
use crate::program::{Output, PageSink, Program};
use crate::sql::Params;

/// A reading connection whose transaction stays open.
struct SnapshotSession {
    guard: PoolGuard,
    // After the guard, since `drop` ends its connection's transaction first.
    permit: Option<Arc<WritePermit>>,
}

/// Acquires a snapshot of the current state.
pub(super) fn acquire(shared: &Arc<SingleThreadShared>) -> Reply<Box<dyn BackendSession>> {
    pool::with_reader(shared, begin)
}

fn begin(guard: PoolGuard, permit: Option<Arc<WritePermit>>) -> Result<Box<dyn BackendSession>> {
    read::with(guard.shared(), guard.slot(), |connection| connection.begin_snapshot())?;
    Ok(Box::new(SnapshotSession { guard, permit }))
}

impl BackendSession for SnapshotSession {
    fn run(&self, program: Program<'_>, sink: Option<&dyn PageSink>) -> Reply<Output> {
        let (shared, slot) = (self.guard.shared(), self.guard.slot());
        let read = |connection: &mut Connection| match connection.read(&program, sink) {
            ReadOutcome::Done(result) => result,
            ReadOutcome::Writes | ReadOutcome::OverBudget => Err(Error::snapshot_reads_only()),
        };
        let done = read::with(shared, slot, read);
        if let Some(permit) = &self.permit {
            permit.note_progress();
        }
        Reply::ready(done)
    }

    fn control(&self, _control: Control) -> Reply<()> {
        Reply::err(Error::snapshot_reads_only())
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        let (shared, slot) = (self.guard.shared(), self.guard.slot());
        let cursor = read::with(shared, slot, |connection| connection.open_cursor(sql, params));
        Reply::ready(cursor.map(|cursor| {
            Box::new(stream::CursorPages::inside(shared, slot, cursor, None, self.permit.clone()))
                as Box<dyn Pages>
        }))
    }

    fn interrupt(&self) {}
}

impl Drop for SnapshotSession {
    fn drop(&mut self) {
        connection_cell::with(self.guard.slot(), |connection| connection.end_snapshot());
    }
}
