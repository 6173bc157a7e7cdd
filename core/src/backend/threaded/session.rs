//! The writer reserved for one holder, for a transaction.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Shared;
use super::channel::{Channel, PageReceiver};
use super::checkpoint;
use super::idle_watch::{IdleWatch, InUse};
use super::slot::Slot;
use super::stream::{self, EndsChannel};
use super::writer::WriterClaim;
use crate::backend::transaction_state::TransactionState;
use crate::backend::{BackendSession, Control, Pages, Reply, call};
use crate::engine::{Connection, ReadOutcome};
use crate::error::{Error, Result};
use crate::program::{Output, PageSink, Program};
use crate::sql::Params;

/// The writer reserved for one holder. Dropping it rolls back what is open before passing on the
/// writer.
pub(super) struct WriterSession {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    /// Records activity, for callers that wait for the writer.
    watch: Arc<IdleWatch>,
    state: Arc<WriterSessionState>,
}

/// What the session and its jobs on the writer's thread share.
struct WriterSessionState {
    // Taken by the commit, so that the next holder need not wait for this one.
    claim: Mutex<Option<WriterClaim>>,
    transaction: TransactionState,
}

impl WriterSessionState {
    fn claim(&self) -> MutexGuard<'_, Option<WriterClaim>> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks that the transaction has not ended.
    fn check_begun(&self) -> Result<()> {
        if !self.transaction.is_open() {
            return Err(Error::closed("transaction"));
        }
        Ok(())
    }

    /// Checks that the next call may run.
    fn check(&self, connection: &Connection) -> Result<()> {
        self.check_begun()?;
        self.transaction.check(connection)
    }
}

impl WriterSession {
    /// Creates the session of the transaction begun on the writer's connection.
    pub(super) fn new(claim: WriterClaim) -> Self {
        let transaction = TransactionState::default();
        transaction.set_open(true);
        Self {
            shared: Arc::clone(claim.shared()),
            slot: Arc::clone(claim.slot()),
            watch: Arc::clone(claim.watch()),
            state: Arc::new(WriterSessionState { claim: Mutex::new(Some(claim)), transaction }),
        }
    }

    /// Runs a short read on the caller's thread.
    fn try_inline(&self, program: &Program<'_>) -> Option<Result<Output>> {
        if !self.shared.options.inline || !self.slot.is_quiet() {
            return None;
        }
        let mut guard = self.slot.try_connection()?;
        let connection = guard.as_mut()?;
        if let Err(error) = self.state.check(connection) {
            return Some(Err(error));
        }
        match connection.read_inline(program) {
            ReadOutcome::Done(result) => Some(result),
            ReadOutcome::Writes | ReadOutcome::OverBudget => None,
        }
    }

    fn submit<T: Send + std::fmt::Debug + 'static>(
        &self,
        admit: impl FnOnce(&WriterSessionState, &Connection) -> Result<()> + Send + 'static,
        work: impl FnOnce(&mut Connection, &WriterSessionState) -> Result<T> + Send + 'static,
    ) -> Reply<T> {
        let (completer, call) = call();
        let (slot, state) = (Arc::clone(&self.slot), Arc::clone(&self.state));
        let busy = InUse::new(&self.watch);
        self.slot.submit(Box::new(move |connection| {
            let _busy = busy;
            if !completer.start() {
                return;
            }
            let Some(connection) = connection else { return };
            let result = admit(&state, connection).and_then(|()| {
                let interrupt = completer.interrupt();
                slot.interruptible(connection, interrupt, |connection| work(connection, &state))
            });
            state.transaction.note_reply(completer.receipt(), connection);
            completer.complete(slot.closed_if_stopping(result));
        }));
        Reply::call(call)
    }
}

impl BackendSession for WriterSession {
    fn run(&self, program: Program<'_>, _early: Option<&dyn PageSink>) -> Reply<Output> {
        if let Err(error) = self.shared.check_session() {
            return Reply::err(error);
        }
        if let Some(result) = self.try_inline(&program) {
            self.watch.step();
            return Reply::ready_in_turn(result);
        }
        let program = program.into_owned();
        let shared = Arc::clone(&self.shared);
        self.submit(WriterSessionState::check, move |connection, state| {
            if !connection.only_reads(&program) {
                state.transaction.note_write();
            }
            let nested = connection.in_transaction();
            let result = if nested {
                connection.run_nested(&program, None)
            } else {
                connection.run_whole(&program)
            };
            state.transaction.note_statement(result.is_ok(), connection);
            if !nested {
                checkpoint::after_commit(&shared, connection);
            }
            result
        })
    }

    fn control(&self, control: Control) -> Reply<()> {
        if let Err(error) = self.shared.check_session() {
            return Reply::err(error);
        }
        let shared = Arc::clone(&self.shared);
        let admit = move |state: &WriterSessionState, connection: &Connection| {
            state.check_begun()?;
            state.transaction.check_control(control, connection)
        };
        self.submit(admit, move |connection, state| {
            if control == Control::Rollback && !connection.in_transaction() {
                state.transaction.set_open(false);
            } else {
                let done = connection.control(&control.sql());
                state.transaction.note_control(control, done.is_ok(), connection);
                done.map_err(|error| shared.explain_busy(&shared.writer.slot, connection, error))?;
            }
            if control == Control::Commit {
                shared.counters.committed(0);
                checkpoint::after_commit(&shared, connection);
            }
            if control == Control::Rollback {
                shared.counters.rolled_back();
            }
            let over = matches!(control, Control::Commit | Control::Rollback);
            if over {
                let claim = state.claim().take();
                drop(claim);
            }
            Ok(())
        })
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        if let Err(error) = self.shared.check_session() {
            return Reply::err(error);
        }
        let channel = Channel::new();
        let (ends, sql) = (EndsChannel(Arc::clone(&channel)), sql.to_owned());
        let (slot, state) = (Arc::clone(&self.slot), Arc::clone(&self.state));
        let busy = InUse::new(&self.watch);
        self.slot.submit(Box::new(move |connection| {
            let _busy = busy;
            if let Some(connection) = connection {
                match state.check(connection) {
                    Ok(()) => stream::run(&slot, connection, &ends.0, &sql, params),
                    Err(error) => ends.0.end(Some(error)),
                }
            }
            drop(ends);
        }));
        Reply::ready(Ok(Box::new(PageReceiver(channel))))
    }

    fn interrupt(&self) {
        self.slot.interrupt();
    }

    fn wrote(&self) -> bool {
        self.state.transaction.wrote()
    }

    fn mark_rollback_only(&self, savepoints: usize) {
        self.state.transaction.mark_rollback_only(savepoints);
    }
}

impl Drop for WriterSession {
    fn drop(&mut self) {
        let Some(claim) = self.state.claim().take() else { return };
        if !self.state.transaction.is_open() {
            return drop(claim);
        }
        self.shared.counters.rolled_back();
        // After whatever still runs; nobody gets the writer before this is done.
        self.slot.submit(Box::new(move |connection| {
            if let Some(connection) = connection {
                connection.rollback();
            }
            drop(claim);
        }));
    }
}
