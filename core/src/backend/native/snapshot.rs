//! Several concurrent reads of one point in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Shared;
use super::pin::{Busy, Pin};
use super::pool::{Claim, Waiter};
use super::slot::{Slot, Tenant};
use super::stream;
use crate::backend::{Completer, Control, Pages, Reply, Session, call};
use crate::engine::{Connection, Read, Snapshot};
use crate::error::{Error, Result};
use crate::program::{Early, Output, Program};
use crate::sql::Params;

/// The most readers that one snapshot takes, so that two snapshots fit a pool.
const WIDTH: usize = 4;

/// How many times readers try to begin at the same moment. All tries fail only if commits keep
/// coming in between; one reader is always enough.
const TRIES: usize = 5;

/// Waits for the first reader of a snapshot.
pub(super) struct Begin {
    pub(super) shared: Arc<Shared>,
    pub(super) completer: Completer<Box<dyn Session>>,
}

impl Waiter for Begin {
    fn is_given_up(&self) -> bool {
        self.completer.is_given_up()
    }

    fn grant(self: Box<Self>, claim: Claim) {
        let Self { shared, completer } = *self;
        let slot = Arc::clone(claim.slot());
        slot.submit(Box::new(move |connection| {
            let session = begin(&shared, claim, connection);
            drop(completer.answer(session));
        }));
    }

    fn refuse(self: Box<Self>, error: Error) {
        drop(self.completer.answer(Err(error)));
    }
}

/// Begins on the slot's thread, with further readers as far as they are free.
fn begin(
    shared: &Arc<Shared>,
    first: Claim,
    connection: &mut Option<Connection>,
) -> Result<Box<dyn Session>> {
    let first_connection = shared.open_reader(connection)?;
    shared.unlease(first.index());
    let others: Vec<Claim> =
        std::iter::from_fn(|| shared.readers.try_claim()).take(WIDTH - 1).collect();
    let mut joined = Vec::new();
    for attempt in 1.. {
        let moment = first_connection.begin_snapshot()?;
        joined = others.iter().map(|claim| join(shared, claim, moment)).collect();
        // Outside WAL mode moments can't be compared.
        if attempt == TRIES
            || moment.is_none() && !first_connection.is_wal()
            || joined.iter().all(|joined| *joined)
        {
            break;
        }
        for claim in &others {
            leave(claim.slot());
        }
        first_connection.end_snapshot();
    }
    let pin = Pin::new();
    let mut seats = vec![Seat::new(first, &pin)];
    for (claim, joined) in others.into_iter().zip(joined) {
        if joined {
            seats.push(Seat::new(claim, &pin));
        } else {
            leave(claim.slot());
        }
    }
    Ok(Box::new(SnapshotSession { shared: Arc::clone(shared), seats, pin }))
}

/// Begins on another reader, and returns whether it is at the same moment.
fn join(shared: &Arc<Shared>, claim: &Claim, moment: Option<Snapshot>) -> bool {
    let Some(mut guard) = claim.slot().try_connection() else { return false };
    let Ok(connection) = shared.open_reader(&mut guard) else { return false };
    shared.unlease(claim.index());
    moment.is_some() && connection.begin_snapshot().is_ok_and(|joined| joined == moment)
}

fn leave(slot: &Slot) {
    if let Some(mut guard) = slot.try_connection()
        && let Some(connection) = &mut *guard
    {
        connection.end_snapshot();
    }
}

/// One reader of a snapshot.
struct Seat {
    // `None` only while the session ends.
    claim: Option<Claim>,
    slot: Arc<Slot>,
    load: Arc<AtomicUsize>,
}

impl Seat {
    fn new(mut claim: Claim, pin: &Arc<Pin>) -> Self {
        claim.hold();
        let slot = Arc::clone(claim.slot());
        slot.set_tenant(Some(Tenant::Lent(Arc::clone(pin))));
        Self { claim: Some(claim), slot, load: Arc::default() }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        let slot = Arc::clone(&self.slot);
        if slot.is_quiet()
            && let Some(mut guard) = slot.try_connection()
        {
            slot.set_tenant(None);
            if let Some(connection) = &mut *guard {
                connection.end_snapshot();
            }
            drop(guard);
            return drop(claim);
        }
        // After whatever still runs on its thread.
        self.slot.submit(Box::new(move |connection| {
            slot.set_tenant(None);
            if let Some(connection) = connection {
                connection.end_snapshot();
            }
            drop(claim);
        }));
    }
}

struct SnapshotSession {
    shared: Arc<Shared>,
    seats: Vec<Seat>,
    pin: Arc<Pin>,
}

impl SnapshotSession {
    fn check(&self) -> Result<()> {
        self.shared.check_session()?;
        if self.pin.is_revoked() {
            return Err(stream::stalled(&self.shared));
        }
        if self.pin.is_lost() {
            return Err(Error::snapshot_lost());
        }
        self.pin.touch();
        Ok(())
    }

    /// Returns the seat with the least to do.
    fn seat(&self) -> &Seat {
        self.seats
            .iter()
            .min_by_key(|seat| seat.load.load(Ordering::Relaxed))
            .unwrap_or(&self.seats[0])
    }

    fn try_inline(&self, program: &Program<'_>) -> Option<Result<Output>> {
        if !self.shared.options.inline {
            return None;
        }
        let seat = self.seats.iter().find(|seat| seat.load.load(Ordering::Relaxed) == 0)?;
        if !seat.slot.is_quiet() {
            return None;
        }
        let mut guard = seat.slot.try_connection()?;
        if self.pin.is_revoked() {
            return Some(Err(stream::stalled(&self.shared)));
        }
        let connection = guard.as_mut()?;
        match connection.read_brief(program) {
            Read::Done(answer) => {
                self.pin.note_lost(connection);
                Some(answer)
            }
            Read::Writes => Some(Err(Error::snapshot_reads_only())),
            Read::TooLong => None,
        }
    }
}

impl Session for SnapshotSession {
    fn run(&self, program: Program<'_>, _early: Option<&dyn Early>) -> Reply<Output> {
        if let Err(error) = self.check() {
            return Reply::err(error);
        }
        if let Some(answer) = self.try_inline(&program) {
            return Reply::ready_in_turn(answer);
        }
        let seat = self.seat();
        let program = program.into_owned();
        let (completer, call) = call();
        let work = Work::new(seat, &self.pin);
        let pin = Arc::clone(&self.pin);
        let (slot, shared) = (Arc::clone(&seat.slot), Arc::clone(&self.shared));
        seat.slot.submit(Box::new(move |connection| {
            let answer = match connection {
                _ if !completer.start() => return,
                _ if pin.is_revoked() => Err(stream::stalled(&shared)),
                Some(connection) => {
                    let interrupt = completer.interrupt();
                    let read =
                        slot.interruptible(connection, interrupt, |it| it.read(&program, None));
                    pin.note_lost(connection);
                    match read {
                        Read::Done(answer) => answer,
                        Read::Writes | Read::TooLong => Err(Error::snapshot_reads_only()),
                    }
                }
                None => Err(Error::closed("database")),
            };
            drop(work);
            completer.answer(slot.told(answer));
        }));
        Reply::call(call)
    }

    fn control(&self, _control: Control) -> Reply<()> {
        Reply::err(Error::invalid("a snapshot has no transaction to begin or end"))
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        if let Err(error) = self.check() {
            return Reply::err(error);
        }
        let seat = self.seat();
        let work = Work::new(seat, &self.pin);
        let admit = |_: &Connection| Ok(());
        stream::start_lent(&self.shared, &seat.slot, &self.pin, sql, params, (work, admit))
    }

    fn interrupt(&self) {
        for seat in &self.seats {
            seat.slot.interrupt();
        }
    }
}

/// Counts a call for its seat, which is then not the next call's first choice, and for the whole
/// snapshot, which then does not count as stalled.
struct Work {
    load: Arc<AtomicUsize>,
    _busy: Busy,
}

impl Work {
    fn new(seat: &Seat, pin: &Arc<Pin>) -> Self {
        seat.load.fetch_add(1, Ordering::Relaxed);
        Self { load: Arc::clone(&seat.load), _busy: Busy::new(pin) }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
    }
}
