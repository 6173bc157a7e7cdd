//! Sessions with a connection of their own, for whatever the holder does.

use std::sync::{Arc, Mutex, PoisonError};

use super::pool::{self, PoolGuard, Which};
use super::stoppable::stoppable;
use super::write_queue::WritePermit;
use super::{SingleThreadShared, checkpoint, connection_cell, read, stream};
use crate::backend::call_times;
use crate::backend::transaction_state::TransactionState;
use crate::backend::{BackendSession, Control, Pages, Reply};
use crate::engine::{Class, Connection, Role, context};
use crate::error::{Error, Result};
use crate::program::Begin;
use crate::program::{Access, Output, PageSink, Program, StepOutcome};
use crate::sql::Params;

/// A connection reserved for one holder.
struct DedicatedSession(Arc<DedicatedState>);

/// See [`DedicatedSession`].
pub(super) struct DedicatedState {
    guard: PoolGuard,
    /// It is a transaction, and ends with it.
    ends_with_it: bool,
    /// The write permit, kept while this connection holds SQLite's write lock. Outside WAL mode
    /// also while it reads or is in a transaction, since no commit gets past those.
    permit: Mutex<Option<WritePermit>>,
    transaction: Arc<TransactionState>,
}

/// Acquires a connection.
pub(super) fn acquire(shared: &Arc<SingleThreadShared>) -> Reply<Box<dyn BackendSession>> {
    acquire_with(shared, |guard| Ok(DedicatedSession::new(guard, false)))
}

/// Acquires a connection for a transaction without a lock, which keeps nobody from writing until it
/// writes itself.
pub(super) fn begin_deferred(shared: &Arc<SingleThreadShared>) -> Reply<Box<dyn BackendSession>> {
    acquire_with(shared, |guard| {
        // As in any transaction, a bare COMMIT is refused.
        guard.open_as(Role::Writer)?;
        let session = DedicatedSession::new(guard, true);
        session.0.control(Control::Begin(Begin::Deferred))?;
        Ok(session)
    })
}

fn acquire_with(
    shared: &Arc<SingleThreadShared>,
    session: impl FnOnce(PoolGuard) -> Result<DedicatedSession> + crate::platform::MaybeSend + 'static,
) -> Reply<Box<dyn BackendSession>> {
    let session = |guard| session(guard).map(|it| Box::new(it) as Box<dyn BackendSession>);
    match pool::try_take(shared, Which::Sessions) {
        Some(guard) => Reply::ready(guard.and_then(session)),
        None => {
            let guard = pool::take(shared, Which::Sessions);
            Reply::later(Box::pin(async move { session(guard.await?) }))
        }
    }
}

impl DedicatedSession {
    fn new(guard: PoolGuard, ends_with_it: bool) -> Self {
        connection_cell::with(guard.slot(), Connection::forget_last_row_id);
        let (permit, transaction) = (Mutex::default(), Arc::default());
        Self(Arc::new(DedicatedState { guard, ends_with_it, permit, transaction }))
    }
}

impl DedicatedState {
    pub(super) fn shared(&self) -> &Arc<SingleThreadShared> {
        self.guard.shared()
    }

    pub(super) fn slot(&self) -> &connection_cell::ConnectionCell {
        self.guard.slot()
    }

    pub(super) fn transaction(&self) -> &Arc<TransactionState> {
        &self.transaction
    }

    fn check_begun(&self) -> Result<()> {
        if self.ends_with_it && !self.transaction.is_open() {
            return Err(Error::closed("transaction"));
        }
        Ok(())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        let done = read::with(self.shared(), self.guard.slot(), work);
        self.note_progress();
        self.guard.slot().note_reading();
        done
    }

    /// Records that something was done, if a waiting write sees it as the holder of the permit.
    pub(super) fn note_progress(&self) {
        if let Some(permit) = &*self.permit.lock().unwrap_or_else(PoisonError::into_inner) {
            permit.note_progress();
        }
    }

    fn has_permit(&self) -> bool {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn keep_permit(&self, permit: WritePermit) {
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
    }

    /// Passes on the permit, unless a transaction or a stream still needs it.
    pub(super) fn end_permit(&self) {
        self.end_permit_after(None);
    }

    /// Does the same after a write, which was committed or rolled back.
    fn end_permit_after(&self, committed: Option<bool>) {
        self.guard.slot().note_reading();
        let several = self.shared().several();
        let needed = connection_cell::with(self.guard.slot(), |connection| {
            connection.is_writing()
                || (!several && (connection.in_transaction() || connection.is_reading()))
        });
        if needed == Some(true) {
            return;
        }
        let permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner).take();
        if permit.is_some() {
            match committed {
                Some(true) => self.shared().counters.committed(0),
                Some(false) => self.shared().counters.rolled_back(),
                None => {}
            }
            checkpoint::after_commit(self.shared());
        }
        drop(permit);
    }

    /// Runs `work`, with the permit if `needs_permit`.
    fn then<T: crate::platform::MaybeSend + 'static>(
        self: &Arc<Self>,
        needs_permit: bool,
        work: impl FnOnce(&Arc<Self>) -> Result<T> + crate::platform::MaybeSend + 'static,
    ) -> Reply<T> {
        if !needs_permit || self.has_permit() {
            return Reply::ready(work(self));
        }
        if let Some(permit) = self.shared().queue.try_take() {
            self.keep_permit(permit);
            return Reply::ready(work(self));
        }
        let waiting = self.shared().queue.take(self.shared().options.busy_timeout);
        let own = Arc::clone(self);
        let caller = context::current();
        stoppable(Box::pin(async move {
            own.keep_permit(waiting.await?);
            let _caller = context::enter(caller);
            call_times::measure(|| work(&own))
        }))
    }

    /// Whether the program needs the permit.
    fn writes(&self, program: &Program<'_>) -> Result<bool> {
        if program.access == Access::Write {
            return Ok(true);
        }
        let several = self.shared().several();
        self.with(|connection| {
            for step in &program.steps {
                let (nature, readonly) = connection.inspect(&step.sql)?;
                let begins = nature.class == Class::Control && !several;
                if !readonly || nature.class == Class::Alone || begins {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Whether the next call may run. `Some`: it is a rollback of what SQLite has already rolled
    /// back.
    fn admit(&self, program: &Program<'_>) -> Result<Option<Output>> {
        self.check_begun()?;
        self.with(|connection| {
            if !connection.is_rollback(program) {
                self.transaction.check(connection)?;
            } else if self.transaction.is_lost(connection) {
                self.transaction.set_open(false);
                return Ok(Some(Output { steps: smallvec::smallvec![StepOutcome::default()] }));
            }
            Ok(None)
        })
    }

    fn run(
        &self,
        program: &Program<'_>,
        writes: bool,
        sink: Option<&dyn PageSink>,
    ) -> Result<Output> {
        let mut undoes = false;
        let result = self.with(|connection| {
            if writes {
                self.transaction.note_write();
            }
            let result = if connection.in_transaction() || !writes {
                connection.run_nested(program, sink)
            } else {
                connection.run_whole(program)
            };
            self.transaction.note_statement(result.is_ok(), connection);
            undoes = connection.is_rollback(program);
            result
        });
        // Outside WAL mode, reads have it too.
        let wrote = writes || self.shared().several();
        self.end_permit_after(wrote.then_some(result.is_ok() && !undoes));
        result
    }

    fn stream(self: &Arc<Self>, sql: &str, params: Params) -> Result<Box<dyn Pages>> {
        let cursor = self.with(|connection| {
            self.transaction.check(connection)?;
            connection.open_cursor(sql, params)
        });
        match cursor {
            Ok(cursor) => Ok(Box::new(stream::CursorPages::of_session(self, cursor))),
            Err(error) => {
                self.end_permit();
                Err(error)
            }
        }
    }

    fn control(&self, control: Control) -> Result<()> {
        let done = self.with(|connection| self.transaction.control(control, connection));
        self.end_permit_after(Some(done.is_ok() && control != Control::Rollback));
        done
    }
}

impl BackendSession for DedicatedSession {
    fn run(&self, program: Program<'_>, sink: Option<&dyn PageSink>) -> Reply<Output> {
        match self.0.admit(&program) {
            Ok(None) => {}
            Ok(Some(output)) => return Reply::ready(Ok(output)),
            Err(error) => return Reply::err(error),
        }
        match self.0.writes(&program) {
            Ok(false) => {
                let result = self.0.run(&program, false, sink);
                if self.0.shared().several() || self.0.has_permit() || !read::is_busy(&result) {
                    return Reply::ready(result);
                }
                let program = program.into_owned();
                self.0.then(true, move |own| own.run(&program, false, None))
            }
            Ok(true) => {
                let program = program.into_owned();
                self.0.then(true, move |own| own.run(&program, true, None))
            }
            Err(error) => Reply::err(error),
        }
    }

    fn control(&self, control: Control) -> Reply<()> {
        if let Err(error) = self.0.check_begun() {
            return Reply::err(error);
        }
        let locks = match control {
            Control::Begin(Begin::Deferred) => !self.0.shared().several(),
            Control::Begin(_) => true,
            _ => false,
        };
        call_times::measure_reply(|| self.0.then(locks, move |own| own.control(control)))
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        if self.0.shared().several() {
            return Reply::ready(self.0.stream(sql, params));
        }
        let sql = sql.to_owned();
        self.0.then(true, move |own| own.stream(&sql, params))
    }

    fn interrupt(&self) {}

    fn wrote(&self) -> bool {
        self.0.transaction.wrote()
    }

    fn mark_rollback_only(&self, savepoints: usize) {
        self.0.transaction.mark_rollback_only(savepoints);
    }
}

impl Drop for DedicatedSession {
    fn drop(&mut self) {
        let marked = connection_cell::with(self.0.guard.slot(), |connection| {
            connection.rollback();
            connection.is_marked()
        });
        // Its settings, temporary tables and attached files concern nobody else.
        if marked == Some(true) || self.0.ends_with_it {
            self.0.guard.forget();
        }
        self.0.end_permit();
    }
}
