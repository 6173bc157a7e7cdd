//! Several concurrent reads of one point in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Shared;
use super::idle_watch::{IdleWatch, InUse};
use super::pool::{Claim, Waiter};
use super::slot::{LongHolder, Slot};
use super::stream;
use crate::backend::{BackendSession, Completer, Control, Pages, Reply, call};
use crate::engine::{Connection, ReadOutcome, SnapshotMark};
use crate::error::{Error, Result};
use crate::program::{Output, PageSink, Program};
use crate::sql::Params;

/// The most readers that one snapshot takes, so that two snapshots fit a pool.
const WIDTH: usize = 4;

/// How many times readers try to begin at the same moment. All tries fail only if commits keep
/// coming in between; one reader is always enough.
const TRIES: usize = 5;

/// Waits for the first reader of a snapshot.
pub(super) struct BeginSnapshot {
    pub(super) shared: Arc<Shared>,
    pub(super) completer: Completer<Box<dyn BackendSession>>,
}

impl Waiter for BeginSnapshot {
    fn is_cancelled(&self) -> bool {
        self.completer.is_cancelled()
    }

    fn grant(self: Box<Self>, claim: Claim) {
        let Self { shared, completer } = *self;
        let slot = Arc::clone(claim.slot());
        slot.submit(Box::new(move |connection| {
            completer.note_begun();
            let session = begin(&shared, claim, connection);
            drop(completer.complete(session));
        }));
    }

    fn refuse(self: Box<Self>, error: Error) {
        drop(self.completer.complete(Err(error)));
    }
}

/// Begins on the slot's thread, with further readers as far as they are free.
fn begin(
    shared: &Arc<Shared>,
    first: Claim,
    connection: &mut Option<Connection>,
) -> Result<Box<dyn BackendSession>> {
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
    let watch = IdleWatch::new();
    watch.note_reading(true);
    let mut readers = vec![SnapshotReader::new(first, &watch)];
    for (claim, joined) in others.into_iter().zip(joined) {
        if joined {
            readers.push(SnapshotReader::new(claim, &watch));
        } else {
            leave(claim.slot());
        }
    }
    Ok(Box::new(SnapshotSession { shared: Arc::clone(shared), readers, watch }))
}

/// Begins on another reader, and returns whether it is at the same moment.
fn join(shared: &Arc<Shared>, claim: &Claim, moment: Option<SnapshotMark>) -> bool {
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
struct SnapshotReader {
    // `None` only while the session ends.
    claim: Option<Claim>,
    slot: Arc<Slot>,
    load: Arc<AtomicUsize>,
}

impl SnapshotReader {
    fn new(mut claim: Claim, watch: &Arc<IdleWatch>) -> Self {
        claim.hold();
        let slot = Arc::clone(claim.slot());
        slot.set_holder(Some(LongHolder::Session(Arc::clone(watch))));
        Self { claim: Some(claim), slot, load: Arc::default() }
    }
}

impl Drop for SnapshotReader {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        let slot = Arc::clone(&self.slot);
        if slot.is_quiet()
            && let Some(mut guard) = slot.try_connection()
        {
            slot.set_holder(None);
            if let Some(connection) = &mut *guard {
                connection.end_snapshot();
            }
            drop(guard);
            return drop(claim);
        }
        // After whatever still runs on its thread.
        self.slot.submit(Box::new(move |connection| {
            slot.set_holder(None);
            if let Some(connection) = connection {
                connection.end_snapshot();
            }
            drop(claim);
        }));
    }
}

struct SnapshotSession {
    shared: Arc<Shared>,
    readers: Vec<SnapshotReader>,
    watch: Arc<IdleWatch>,
}

impl SnapshotSession {
    fn check(&self) -> Result<()> {
        self.shared.check_session()?;
        if self.watch.is_revoked() {
            return Err(stream::stalled(&self.shared));
        }
        if self.watch.is_lost() {
            return Err(Error::snapshot_lost());
        }
        self.watch.touch();
        Ok(())
    }

    /// Returns the reader with the least to do.
    fn least_busy(&self) -> &SnapshotReader {
        self.readers
            .iter()
            .min_by_key(|reader| reader.load.load(Ordering::Relaxed))
            .unwrap_or(&self.readers[0])
    }

    fn try_inline(&self, program: &Program<'_>) -> Option<Result<Output>> {
        if !self.shared.options.inline {
            return None;
        }
        let reader = self.readers.iter().find(|reader| reader.load.load(Ordering::Relaxed) == 0)?;
        if !reader.slot.is_quiet() {
            return None;
        }
        let mut guard = reader.slot.try_connection()?;
        if self.watch.is_revoked() {
            return Some(Err(stream::stalled(&self.shared)));
        }
        let connection = guard.as_mut()?;
        match connection.read_inline(program) {
            ReadOutcome::Done(result) => {
                self.watch.note_lost(connection);
                Some(result)
            }
            ReadOutcome::Writes => Some(Err(Error::snapshot_reads_only())),
            ReadOutcome::OverBudget => None,
        }
    }
}

impl BackendSession for SnapshotSession {
    fn run(&self, program: Program<'_>, _early: Option<&dyn PageSink>) -> Reply<Output> {
        if let Err(error) = self.check() {
            return Reply::err(error);
        }
        if let Some(result) = self.try_inline(&program) {
            return Reply::ready_in_turn(result);
        }
        let reader = self.least_busy();
        let program = program.into_owned();
        let (completer, call) = call();
        let work = ReaderUse::new(reader, &self.watch);
        let watch = Arc::clone(&self.watch);
        let (slot, shared) = (Arc::clone(&reader.slot), Arc::clone(&self.shared));
        reader.slot.submit(Box::new(move |connection| {
            let result = match connection {
                _ if !completer.start() => return,
                _ if watch.is_revoked() => Err(stream::stalled(&shared)),
                Some(connection) => {
                    let interrupt = completer.interrupt();
                    let read =
                        slot.interruptible(connection, interrupt, |it| it.read(&program, None));
                    watch.note_lost(connection);
                    match read {
                        ReadOutcome::Done(result) => result,
                        ReadOutcome::Writes | ReadOutcome::OverBudget => {
                            Err(Error::snapshot_reads_only())
                        }
                    }
                }
                None => Err(Error::closed("database")),
            };
            drop(work);
            completer.complete(slot.closed_if_stopping(result));
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
        let reader = self.least_busy();
        let work = ReaderUse::new(reader, &self.watch);
        let admit = |_: &Connection| Ok(());
        stream::start_in_session(
            &self.shared,
            &reader.slot,
            &self.watch,
            sql,
            params,
            (work, admit),
        )
    }

    fn interrupt(&self) {
        for reader in &self.readers {
            reader.slot.interrupt();
        }
    }
}

/// Counts a call for its reader, which is then not the next call's first choice, and for the whole
/// snapshot, which then does not count as stalled.
struct ReaderUse {
    load: Arc<AtomicUsize>,
    _busy: InUse,
}

impl ReaderUse {
    fn new(reader: &SnapshotReader, watch: &Arc<IdleWatch>) -> Self {
        reader.load.fetch_add(1, Ordering::Relaxed);
        Self { load: Arc::clone(&reader.load), _busy: InUse::new(watch) }
    }
}

impl Drop for ReaderUse {
    fn drop(&mut self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
    }
}
