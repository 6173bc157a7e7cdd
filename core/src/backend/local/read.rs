//! Reads, which complete immediately.

use std::sync::Arc;

use super::lent::Slot;
use super::{Shared, lent};
use crate::engine::{Connection, Read, Role, context};
use crate::error::{Error, ErrorKind, Result};
use crate::program::{Early, Output, Program};

/// Runs a read. `None`: it is no read, or it must wait for the turn like a write, because the
/// transaction that holds the turn keeps readers out.
pub(super) fn now(
    shared: &Arc<Shared>,
    program: &Program<'_>,
    early: Option<&dyn Early>,
) -> Option<Result<Output>> {
    if !shared.turns.is_taken() {
        return on(&shared.writer, program, early);
    }
    let answer = match open(shared, &shared.reader) {
        Ok(()) => on(&shared.reader, program, early),
        Err(error) => Some(Err(error)),
    };
    answer.filter(|answer| shared.several() || !is_busy(answer))
}

/// Whether this met a lock and did nothing.
pub(super) fn is_busy<T>(answer: &Result<T>) -> bool {
    answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Busy)
}

fn on(slot: &Slot, program: &Program<'_>, early: Option<&dyn Early>) -> Option<Result<Output>> {
    lent::with(slot, |connection| {
        let answer = lent::for_caller(context::current(), None, connection, |connection| {
            match connection.read(program, early) {
                Read::Done(answer) => answer.map(Some),
                Read::Writes | Read::TooLong => Ok(None),
            }
        });
        answer.transpose()
    })
    .flatten()
}

/// Opens the slot's connection for reading, if it is not open.
pub(super) fn open(shared: &Shared, slot: &Slot) -> Result<()> {
    let mut place = slot.connection();
    if place.is_none() {
        *place = Some(shared.connect(Role::Reader)?);
    }
    Ok(())
}

/// Uses a slot's connection for the current call.
pub(super) fn with<T>(
    shared: &Shared,
    slot: &Slot,
    work: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    if slot.is_revoked() {
        return Err(stalled(shared));
    }
    slot.touch();
    lent::with(slot, |connection| lent::for_caller(context::current(), None, connection, work))
        .unwrap_or_else(|| Err(shared.closed()))
}

/// Returns the error for a read that stalled for too long.
fn stalled(shared: &Shared) -> Error {
    Error::stalled(shared.options.stall_timeout, shared.options.wal_limit)
}
