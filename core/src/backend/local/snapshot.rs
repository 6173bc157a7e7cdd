//! Several reads of one point in time.

use std::sync::Arc;

use super::pool::{self, Place};
use super::turns::Turn;
use super::{Shared, lent, read, stream};
use crate::backend::{Control, Pages, Reply, Session};
use crate::engine::{Connection, Read};
use crate::error::{Error, Result};
use crate::program::{Early, Output, Program};
use crate::sql::Params;

/// A reading connection whose transaction stays open.
struct SnapshotSession {
    place: Place,
    // After the place, since `drop` ends its connection's transaction first.
    _turn: Option<Arc<Turn>>,
}

/// Lends a snapshot of the current state.
pub(super) fn lend(shared: &Arc<Shared>) -> Reply<Box<dyn Session>> {
    pool::lend_reader(shared, begin)
}

fn begin(place: Place, turn: Option<Arc<Turn>>) -> Result<Box<dyn Session>> {
    read::with(place.shared(), place.slot(), |connection| connection.begin_snapshot())?;
    Ok(Box::new(SnapshotSession { place, _turn: turn }))
}

impl Session for SnapshotSession {
    fn run(&self, program: Program<'_>, early: Option<&dyn Early>) -> Reply<Output> {
        let (shared, slot) = (self.place.shared(), self.place.slot());
        let read = |connection: &mut Connection| match connection.read(&program, early) {
            Read::Done(answer) => answer,
            Read::Writes | Read::TooLong => Err(Error::snapshot_reads_only()),
        };
        Reply::ready(read::with(shared, slot, read))
    }

    fn control(&self, _control: Control) -> Reply<()> {
        Reply::err(Error::snapshot_reads_only())
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        let (shared, slot) = (self.place.shared(), self.place.slot());
        let cursor = read::with(shared, slot, |connection| connection.open_cursor(sql, params));
        Reply::ready(cursor.map(|cursor| {
            Box::new(stream::LocalPages::inside(shared, slot, cursor, None)) as Box<dyn Pages>
        }))
    }

    fn interrupt(&self) {}
}

impl Drop for SnapshotSession {
    fn drop(&mut self) {
        lent::with(self.place.slot(), |connection| connection.end_snapshot());
    }
}
