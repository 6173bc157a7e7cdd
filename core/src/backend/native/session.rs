//! The writer lent to one holder: for a transaction, or, where there is only
//! one connection, for whatever a session is wanted for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Shared;
use super::channel::{Channel, Reader};
use super::checkpoint;
use super::slot::Slot;
use super::stream::{self, EndsChannel};
use super::writer::WriterClaim;
use crate::backend::{Begin, Control, Intent, Output, Pages, Program, Reply, Session, call};
use crate::engine::{Connection, Read};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::Params;

/// The writer lent to one holder. Dropping it rolls back what is open before the
/// writer goes to the next.
pub(super) struct WriterSession {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    state: Arc<State>,
    intent: Intent,
}

/// What the session and its jobs on the writer's thread share.
struct State {
    // Taken by the commit, so that the next one need not wait for the holder.
    claim: Mutex<Option<WriterClaim>>,
    /// A transaction is open, as far as this session knows.
    open: AtomicBool,
    /// A call was dropped while its statement ran: what it did is not known to
    /// the holder, so it must not be committed.
    spoiled: AtomicBool,
}

impl State {
    fn claim(&self) -> MutexGuard<'_, Option<WriterClaim>> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Release);
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Whether the transaction can go on.
    fn check(&self, connection: &Connection, intent: Intent) -> Result<()> {
        if self.spoiled.load(Ordering::Acquire) {
            return Err(Error::new(
                ErrorKind::Cancelled,
                "a call in this transaction was dropped while it ran; the transaction is rolled back",
            ));
        }
        if self.is_open() && !connection.in_transaction() {
            return Err(Error::new(
                ErrorKind::Cancelled,
                "the transaction was rolled back by an earlier error in it; begin it anew",
            ));
        }
        if intent != Intent::Own && !self.is_open() {
            return Err(Error::closed("transaction"));
        }
        Ok(())
    }
}

/// Begins on the writer's connection what the session is wanted for.
pub(super) fn begin(connection: &mut Connection, intent: Intent) -> Result<()> {
    match intent {
        Intent::Transaction(begin) => connection.control(begin.sql()),
        Intent::Snapshot => connection.control(Begin::Deferred.sql()),
        Intent::Own => {
            connection.lend(true);
            Ok(())
        }
    }
}

impl WriterSession {
    /// A session on a writer that [`begin`] was called on.
    pub(super) fn new(claim: WriterClaim, intent: Intent) -> Self {
        Self {
            shared: Arc::clone(claim.shared()),
            slot: Arc::clone(claim.slot()),
            state: Arc::new(State {
                claim: Mutex::new(Some(claim)),
                open: AtomicBool::new(intent != Intent::Own),
                spoiled: AtomicBool::new(false),
            }),
            intent,
        }
    }

    /// Runs a short read on the caller's thread.
    fn try_inline(&self, program: &Program<'_>) -> Option<Result<Output>> {
        if !self.shared.options.inline || !self.slot.is_quiet() {
            return None;
        }
        let mut guard = self.slot.try_connection()?;
        let connection = guard.as_mut()?;
        if let Err(error) = self.state.check(connection, self.intent) {
            return Some(Err(error));
        }
        match connection.read_brief(program) {
            Read::Done(answer) => Some(answer),
            Read::Writes | Read::TooLong => None,
        }
    }

    fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Reply<T> {
        let (completer, call) = call();
        let (slot, state, intent) = (Arc::clone(&self.slot), Arc::clone(&self.state), self.intent);
        self.slot.submit(Box::new(move |connection| {
            if !completer.start() {
                return;
            }
            let Some(connection) = connection else { return };
            let answer = state.check(connection, intent).and_then(|()| {
                let interrupt = completer.interrupt();
                slot.interruptible(connection, interrupt, work)
            });
            if completer.is_given_up() {
                state.spoiled.store(true, Ordering::Release);
            }
            completer.answer(answer);
        }));
        Reply::call(call)
    }
}

impl Session for WriterSession {
    fn run(&self, program: Program<'_>) -> Reply<Output> {
        if let Err(error) = self.shared.check_session() {
            return Reply::err(error);
        }
        if let Some(answer) = self.try_inline(&program) {
            return Reply::ready(answer);
        }
        let program = program.into_owned();
        let (intent, state) = (self.intent, Arc::clone(&self.state));
        let shared = Arc::clone(&self.shared);
        self.submit(move |connection| {
            if intent == Intent::Snapshot {
                return match connection.read(&program) {
                    Read::Done(answer) => answer,
                    _ => Err(Error::new(ErrorKind::ReadOnly, "a snapshot only reads")),
                };
            }
            if connection.in_transaction() {
                let answer = connection.run_nested(&program);
                state.set_open(intent != Intent::Own || connection.in_transaction());
                return answer;
            }
            let answer = connection.run_whole(&program);
            state.set_open(connection.in_transaction());
            checkpoint::after_commit(&shared, connection);
            answer
        })
    }

    fn control(&self, control: Control) -> Reply<()> {
        if let Err(error) = self.shared.check_session() {
            return Reply::err(error);
        }
        let (shared, state, intent) =
            (Arc::clone(&self.shared), Arc::clone(&self.state), self.intent);
        self.submit(move |connection| {
            if let Err(error) = connection.control(&control.sql()) {
                if matches!(control, Control::RollbackTo(_) | Control::Release(_)) {
                    // What was to be undone may still be there.
                    state.spoiled.store(true, Ordering::Release);
                }
                return Err(error);
            }
            match control {
                Control::Begin(_) => state.set_open(true),
                Control::Commit | Control::Rollback => {
                    state.set_open(false);
                    if control == Control::Commit {
                        checkpoint::after_commit(&shared, connection);
                    }
                    if intent != Intent::Own {
                        let claim = state.claim().take();
                        drop(claim);
                    }
                }
                _ => {}
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
        let (slot, state, intent) = (Arc::clone(&self.slot), Arc::clone(&self.state), self.intent);
        self.slot.submit(Box::new(move |connection| {
            if let Some(connection) = connection {
                match state.check(connection, intent) {
                    Ok(()) => stream::run(&slot, connection, &ends.0, &sql, params),
                    Err(error) => ends.0.end(Some(error)),
                }
            }
            drop(ends);
        }));
        Reply::ready(Ok(Box::new(Reader(channel))))
    }

    fn interrupt(&self) {
        self.slot.interrupt();
    }
}

impl Drop for WriterSession {
    fn drop(&mut self) {
        let Some(claim) = self.state.claim().take() else { return };
        if !self.state.is_open() && self.intent != Intent::Own {
            return drop(claim);
        }
        // After what still runs; nobody gets the writer before this is done.
        self.slot.submit(Box::new(move |connection| {
            if let Some(connection) = connection {
                connection.lend(false);
                connection.rollback();
            }
            drop(claim);
        }));
    }
}
