//! Short statements on the caller's own thread: switching threads costs more than a cached point
//! read.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Shared;
use super::checkpoint;
use super::pool::InlineClaim;
use super::writer::{self, WriterClaim};
use crate::engine::{Connection, ReadOutcome};
use crate::error::Result;
use crate::program::Begin;
use crate::program::{Output, Program};

/// The outcome of a try.
pub(super) enum InlineOutcome {
    Done(Result<Output>),
    /// The program belongs to the writer.
    Writes,
    /// It is too long, or the connection is not open yet.
    Elsewhere,
}

/// Tries a read on a reader that the caller holds.
#[inline]
pub(super) fn read(
    shared: &Arc<Shared>,
    claim: &InlineClaim<'_>,
    program: &Program<'_>,
) -> InlineOutcome {
    let mut guard = claim.slot().try_connection();
    let Some(connection) = guard.as_mut().and_then(|guard| guard.as_mut()) else {
        // A write must not go through a reader's thread: later requests would overtake it.
        return match program.steps.as_slice() {
            [step] if shared.routes.writes(&step.sql) => InlineOutcome::Writes,
            _ => InlineOutcome::Elsewhere,
        };
    };
    let commits = shared.commits();
    let read = match connection.read_prepared(program) {
        Some(read) => read,
        None => {
            if let [step] = program.steps.as_slice()
                && !connection.knows(&step.sql)
                && shared.routes.writes(&step.sql)
            {
                return InlineOutcome::Writes;
            }
            connection.read_inline(program)
        }
    };
    shared.after_read(claim.index(), connection, commits);
    match read {
        ReadOutcome::Done(result) => InlineOutcome::Done(result),
        ReadOutcome::OverBudget => InlineOutcome::Elsewhere,
        ReadOutcome::Writes => {
            if let [step] = program.steps.as_slice() {
                shared.routes.note_write(&step.sql);
            }
            InlineOutcome::Writes
        }
    }
}

/// Tries a write whose commit does not wait for the disk, if the writer is free.
pub(super) fn write(shared: &Arc<Shared>, program: &Program<'_>) -> Option<Result<Output>> {
    with_writer(shared, |connection| {
        if !connection.may_run_inline(program) {
            return None;
        }
        let result = connection.write_inline(program)?;
        shared.counters.ended_alone(result.is_ok());
        shared.committed();
        Some(result)
    })
}

fn with_writer<T>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&mut Connection) -> Option<T>,
) -> Option<T> {
    if !shared.options.inline || !shared.quick_commits.load(Ordering::Acquire) {
        return None;
    }
    if !shared.writer.try_take() {
        return None;
    }
    let mut due = false;
    let done = shared.writer.slot.try_connection().and_then(|mut guard| {
        let connection = guard.as_mut()?;
        let done = work(connection);
        due = checkpoint::is_due(shared, connection);
        done
    });
    if due {
        // The writer's thread waits for the disk, then passes on the writer.
        let on_thread = Arc::clone(shared);
        shared.writer.slot.submit(Box::new(move |connection| {
            if let Some(connection) = connection {
                checkpoint::after_commit(&on_thread, connection);
            }
            writer::next(&on_thread);
        }));
    } else {
        writer::next(shared);
    }
    done
}

/// Begins on a writer just taken, if that needs no waiting.
pub(super) fn begin(shared: &Arc<Shared>, claim: &WriterClaim, begin: Begin) -> Option<Result<()>> {
    if !shared.options.inline {
        return None;
    }
    let mut guard = claim.slot().try_connection()?;
    guard.as_mut()?.run_inline(|connection| connection.begin_for_another(begin))
}
