//! Several reads of one moment.

use std::sync::Arc;

use super::pool::{self, Place, Which};
use super::{Shared, lent, read, stream};
use crate::backend::{Control, Output, Pages, Program, Reply, Session};
use crate::engine::Read;
use crate::error::{Error, Result};
use crate::sql::Params;

/// A reading connection whose transaction stays open.
struct SnapshotSession {
    place: Place,
}

/// Lends a snapshot of this moment.
pub(super) fn lend(shared: &Arc<Shared>) -> Reply<Box<dyn Session>> {
    match pool::try_take(shared, Which::Readers) {
        Some(place) => Reply::ready(place.and_then(begin)),
        None => {
            let place = pool::take(shared, Which::Readers);
            Reply::later(Box::pin(async move { begin(place.await?) }))
        }
    }
}

fn begin(place: Place) -> Result<Box<dyn Session>> {
    read::with(place.shared(), place.slot(), |connection| connection.begin_snapshot())?;
    Ok(Box::new(SnapshotSession { place }))
}

impl Session for SnapshotSession {
    fn run(&self, program: Program<'_>) -> Reply<Output> {
        let (shared, slot) = (self.place.shared(), self.place.slot());
        Reply::ready(read::with(shared, slot, |connection| match connection.read(&program) {
            Read::Done(answer) => answer,
            Read::Writes | Read::TooLong => Err(Error::snapshot_reads_only()),
        }))
    }

    fn control(&self, _control: Control) -> Reply<()> {
        Reply::err(Error::snapshot_reads_only())
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        let (shared, slot) = (self.place.shared(), self.place.slot());
        let cursor = read::with(shared, slot, |connection| connection.open_cursor(sql, params));
        Reply::ready(cursor.map(|cursor| {
            Box::new(stream::LocalPages::inside(shared, slot, cursor)) as Box<dyn Pages>
        }))
    }

    fn interrupt(&self) {}
}

impl Drop for SnapshotSession {
    fn drop(&mut self) {
        lent::with(self.place.slot(), |connection| connection.end_snapshot());
    }
}
