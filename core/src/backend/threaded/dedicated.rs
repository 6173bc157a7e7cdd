//! Sessions with a connection of their own, for whatever the holder does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;
use super::checkpoint;
use super::group::PooledConnections;
use super::idle_watch::{IdleWatch, InUse};
use super::pool::{Claim, Waiter};
use super::slot::{LongHolder, Slot, open_with};
use super::stream;
use super::writer::{Writer, WriterClaim, WriterEntry, WriterHolder};
use crate::backend::transaction_state::TransactionState;
use crate::backend::{BackendSession, Completer, Control, Pages, Reply, call, cancelled};
use crate::engine::{Class, Connection, Role};
use crate::error::{Error, Result};
use crate::program::Interrupt;
use crate::program::{Access, Output, Program, StepOutcome};
use crate::program::{Begin, PageSink};
use crate::sql::Params;

/// Waits for a session.
pub(super) struct AcquireSession {
    pub(super) shared: Arc<Shared>,
    pub(super) completer: Completer<Box<dyn BackendSession>>,
}

impl Waiter for AcquireSession {
    fn is_cancelled(&self) -> bool {
        self.completer.is_cancelled()
    }

    fn grant(self: Box<Self>, claim: Claim) {
        let Self { shared, completer } = *self;
        let slot = Arc::clone(claim.slot());
        slot.submit(Box::new(move |connection| {
            completer.note_begun();
            let session = shared.open_dedicated(connection, claim.slot()).map(|connection| {
                connection.forget_last_row_id();
                let (slot, watch) = (Arc::clone(claim.slot()), IdleWatch::new());
                slot.set_holder(Some(LongHolder::Session(Arc::clone(&watch))));
                let session = DedicatedSession {
                    shared,
                    slot,
                    watch,
                    claim: Some(claim),
                    write: Arc::default(),
                    transaction: Arc::default(),
                };
                Box::new(session) as Box<dyn BackendSession>
            });
            drop(completer.complete(session));
        }));
    }

    fn refuse(self: Box<Self>, error: Error) {
        drop(self.completer.complete(Err(error)));
    }
}

struct DedicatedSession {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    watch: Arc<IdleWatch>,
    // `None` only while the session ends.
    claim: Option<Claim>,
    /// The writer, kept while this connection holds SQLite's write lock.
    write: Arc<Mutex<Option<WriterClaim>>>,
    transaction: Arc<TransactionState>,
}

impl DedicatedSession {
    fn submit<T: Send + std::fmt::Debug + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &SessionWork<'_>) -> Result<T> + Send + 'static,
    ) -> Reply<T> {
        if let Err(error) = self.shared.check_session() {
            return Reply::err(error);
        }
        let (completer, call) = call();
        let (slot, busy) = (Arc::clone(&self.slot), InUse::new(&self.watch));
        let (watch, shared) = (Arc::clone(&self.watch), Arc::clone(&self.shared));
        let (write, transaction) = (Arc::clone(&self.write), Arc::clone(&self.transaction));
        self.slot.submit(Box::new(move |connection| {
            let _busy = busy;
            if !completer.start() {
                return;
            }
            if watch.is_revoked() {
                drop(completer.complete(Err(stream::stalled(&shared))));
                return;
            }
            let Some(connection) = connection else { return };
            let interrupt = completer.interrupt();
            let stop = Arc::clone(&interrupt);
            let around = SessionWork {
                shared: &shared,
                slot: &slot,
                watch: &watch,
                write: &write,
                transaction: &transaction,
                stop: &stop,
            };
            let result = slot.interruptible(connection, interrupt, |it| work(it, &around));
            watch.note_reading(connection.is_reading());
            transaction.note_reply(completer.receipt(), connection);
            completer.complete(slot.closed_if_stopping(result));
        }));
        Reply::call(call)
    }
}

/// What surrounds a session's work on its thread.
struct SessionWork<'a> {
    shared: &'a Arc<Shared>,
    slot: &'a Arc<Slot>,
    watch: &'a Arc<IdleWatch>,
    write: &'a Mutex<Option<WriterClaim>>,
    transaction: &'a TransactionState,
    stop: &'a Interrupt,
}

/// Waits for the writer, so that writers of one process never meet `SQLITE_BUSY`.
///
/// # Errors
/// `Busy` after the busy timeout, or at once if the writer's holder would wait for this
/// connection: outside WAL mode no commit gets past it while it reads.
fn take_writer(work: &SessionWork<'_>, connection: &Connection) -> Result<()> {
    let shared = work.shared;
    let mut write = work.write.lock().unwrap_or_else(PoisonError::into_inner);
    if write.is_some() {
        return Ok(());
    }
    let holder = WriterHolder { watch: Arc::clone(work.watch), slot: Arc::clone(work.slot) };
    if let Some(claim) = Writer::try_claim(shared, holder.clone()) {
        *write = Some(claim);
        return Ok(());
    }
    if connection.is_reading() && !connection.is_wal() {
        return Err(Error::busy_here(
            "another writer is active, and outside WAL mode it would wait for this session's transaction, which has already read; roll that back, and begin one that writes with BEGIN IMMEDIATE",
        ));
    }
    let (completer, claim) = call();
    let since = Instant::now();
    Writer::enqueue(shared, WriterEntry::Claim { completer, since, holder });
    // The queue refuses callers that wait for a stalled transaction. Other work ends, or is stopped
    // on request. So is this wait, by its caller and by closing.
    let far = since + Duration::from_secs(24 * 3600);
    // A writer that is no longer wanted is passed on when dropped.
    let claim = claim.wait(far, Some(work.stop)).unwrap_or_else(|| Err(cancelled()));
    work.stop.note_wait(since.elapsed());
    let claim = claim?;
    if work.stop.is_set() {
        return Err(cancelled());
    }
    *write = Some(claim);
    Ok(())
}

/// Returns the writer, unless a transaction still holds the write lock. `committed`: what was
/// written is kept.
fn return_writer(
    shared: &Arc<Shared>,
    write: &Mutex<Option<WriterClaim>>,
    connection: &mut Connection,
    committed: bool,
) {
    if connection.is_writing() {
        return;
    }
    let claim = write.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(claim) = claim else { return };
    if committed {
        shared.counters.committed(0);
    } else {
        shared.counters.rolled_back();
    }
    shared.committed();
    if connection.wal_frames().is_some_and(|frames| frames >= checkpoint::EVERY) {
        // SQLite has run a checkpoint with the commit, before anybody was told of it.
        shared.replicas.before_restart(shared);
    }
    let due = checkpoint::is_due(shared, connection);
    if due {
        let slot = Arc::clone(claim.slot());
        let shared = Arc::clone(shared);
        slot.submit(Box::new(move |connection| {
            if let Some(connection) = connection {
                checkpoint::after_commit(&shared, connection);
            }
            drop(claim);
        }));
    }
}

fn run(
    work: &SessionWork<'_>,
    connection: &mut Connection,
    program: &Program<'_>,
) -> Result<Output> {
    let (transaction, shared) = (work.transaction, work.shared);
    let undoes = connection.is_rollback(program);
    if undoes {
        if !connection.in_transaction() && transaction.is_open() {
            // SQLite has already rolled back.
            transaction.set_open(false);
            return Ok(Output { steps: smallvec::smallvec![StepOutcome::default()] });
        }
    } else {
        transaction.check(connection)?;
    }
    let mut writes = program.access == Access::Write;
    if !writes {
        for step in &program.steps {
            let (nature, readonly) = connection.inspect(&step.sql)?;
            writes |= !readonly || nature.class == Class::Alone;
        }
    }
    if writes {
        take_writer(work, connection)?;
        transaction.note_write();
    } else {
        work.watch.note_reading(true);
    }
    let result = if connection.in_transaction() || !writes {
        connection.run_nested(program, None)
    } else {
        connection.run_whole(program)
    };
    transaction.note_statement(result.is_ok(), connection);
    if connection.take_ran_alone() {
        note_mode(work, connection);
    }
    let result = result.map_err(|error| shared.explain_busy(work.slot, connection, error));
    return_writer(shared, work.write, connection, result.is_ok() && !undoes);
    result
}

/// Notes that the journal mode may have changed. The writer, which nobody else has in the meantime,
/// checks too.
fn note_mode(work: &SessionWork<'_>, connection: &mut Connection) {
    // What can't be checked now fails with the next statement.
    let _ = connection.note_journal_mode();
    if let Some(mut guard) = work.shared.writer.slot.try_connection()
        && let Some(writer) = guard.as_mut()
        && writer.note_journal_mode().is_ok()
    {
        work.shared.note_mode(writer);
    }
}

fn control(work: &SessionWork<'_>, connection: &mut Connection, asked: Control) -> Result<()> {
    work.transaction.check_control(asked, connection)?;
    if asked == Control::Rollback && !connection.in_transaction() {
        work.transaction.set_open(false);
        return Ok(());
    }
    if matches!(asked, Control::Begin(Begin::Immediate | Begin::Exclusive)) {
        take_writer(work, connection)?;
    }
    let done = connection.control(&asked.sql());
    work.transaction.note_control(asked, done.is_ok(), connection);
    let done = done.map_err(|error| work.shared.explain_busy(work.slot, connection, error));
    let committed = done.is_ok() && asked != Control::Rollback;
    return_writer(work.shared, work.write, connection, committed);
    done
}

impl BackendSession for DedicatedSession {
    fn run(&self, program: Program<'_>, _early: Option<&dyn PageSink>) -> Reply<Output> {
        let program = program.into_owned();
        self.submit(move |connection, work| run(work, connection, &program))
    }

    fn control(&self, asked: Control) -> Reply<()> {
        self.submit(move |connection, work| control(work, connection, asked))
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        if let Err(error) = self.shared.check_session() {
            return Reply::err(error);
        }
        let busy = InUse::new(&self.watch);
        let transaction = Arc::clone(&self.transaction);
        let admit = move |connection: &Connection| transaction.check(connection);
        stream::start_in_session(&self.shared, &self.slot, &self.watch, sql, params, (busy, admit))
    }

    fn interrupt(&self) {
        self.slot.interrupt();
    }

    fn wrote(&self) -> bool {
        self.transaction.wrote()
    }

    fn mark_rollback_only(&self, savepoints: usize) {
        self.transaction.mark_rollback_only(savepoints);
    }
}

impl Drop for DedicatedSession {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        let (shared, write) = (Arc::clone(&self.shared), Arc::clone(&self.write));
        let slot = Arc::clone(&self.slot);
        self.slot.submit(Box::new(move |connection| {
            slot.set_holder(None);
            if let Some(open) = connection {
                open.rollback();
                return_writer(&shared, &write, open, false);
                // Its settings, temporary tables and attached files concern nobody else.
                if open.is_marked() {
                    *connection = None;
                }
            }
            drop(claim);
        }));
    }
}

impl Shared {
    fn open_dedicated<'a>(
        self: &Arc<Self>,
        connection: &'a mut Option<Connection>,
        slot: &Arc<Slot>,
    ) -> Result<&'a mut Connection> {
        open_with(connection, || {
            let mut connection = self.connect(Role::Dedicated)?;
            let (shared, except) = (Arc::downgrade(self), Some(Arc::downgrade(slot)));
            connection.set_others(Box::new(PooledConnections { shared, except }));
            Ok(connection)
        })
    }
}
