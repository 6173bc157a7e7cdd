//! Reads, which complete immediately.

use std::sync::Arc;

use super::connection_cell::ConnectionCell;
use super::{SingleThreadShared, connection_cell};
use crate::engine::{Connection, ReadOutcome, Role, context};
use crate::error::{Error, ErrorKind, Result};
use crate::program::{Output, PageSink, Program};

/// Runs a read. `None`: it is no read, or it must wait for the permit like a write, because the
/// transaction that holds the permit keeps readers out.
pub(super) fn now(
    shared: &Arc<SingleThreadShared>,
    program: &Program<'_>,
    sink: Option<&dyn PageSink>,
) -> Option<Result<Output>> {
    if !shared.queue.is_taken() {
        return on(&shared.writer, program, sink);
    }
    let result = match open(shared, &shared.reader) {
        Ok(()) => on(&shared.reader, program, sink),
        Err(error) => Some(Err(error)),
    };
    result.filter(|result| shared.several() || !is_busy(result))
}

/// Whether this met a lock and did nothing.
pub(super) fn is_busy<T>(result: &Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Busy)
}

fn on(
    slot: &ConnectionCell,
    program: &Program<'_>,
    sink: Option<&dyn PageSink>,
) -> Option<Result<Output>> {
    connection_cell::with(slot, |connection| {
        let result =
            connection_cell::for_caller(context::current(), None, connection, |connection| {
                match connection.read(program, sink) {
                    ReadOutcome::Done(result) => result.map(Some),
                    ReadOutcome::Writes | ReadOutcome::OverBudget => Ok(None),
                }
            });
        result.transpose()
    })
    .flatten()
}

/// Opens the cell's connection for reading, if it is not open.
pub(super) fn open(shared: &SingleThreadShared, slot: &ConnectionCell) -> Result<()> {
    let mut connection = slot.connection();
    if connection.is_none() {
        *connection = Some(shared.connect(Role::Reader)?);
    }
    Ok(())
}

/// Uses a cell's connection for the current call.
pub(super) fn with<T>(
    shared: &SingleThreadShared,
    slot: &ConnectionCell,
    work: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    if slot.is_revoked() {
        return Err(stalled(shared));
    }
    slot.touch();
    connection_cell::with(slot, |connection| {
        connection_cell::for_caller(context::current(), None, connection, work)
    })
    .unwrap_or_else(|| Err(shared.closed()))
}

/// Returns the error for a read that stalled for too long.
fn stalled(shared: &SingleThreadShared) -> Error {
    Error::stalled(shared.options.stall_timeout, shared.options.wal_limit)
}
