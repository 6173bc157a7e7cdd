//! The writer's connection reserved for one holder, for a transaction.

use std::sync::{Arc, Mutex, PoisonError};

use super::write_queue::WritePermit;
use super::{SingleThreadShared, checkpoint, connection_cell, read, stream};
use crate::backend::call_times;
use crate::backend::transaction_state::TransactionState;
use crate::backend::{BackendSession, Control, Pages, Reply};
use crate::engine::Connection;
use crate::error::{Error, Result};
use crate::program::Begin;
use crate::program::{Output, PageSink, Program};
use crate::sql::Params;

/// The writer's connection reserved for one holder. Dropping it rolls back what is open before
/// passing on the permit.
struct WriterSession {
    shared: Arc<SingleThreadShared>,
    // Passed on by the commit, so that the next holder need not wait for this one.
    permit: Mutex<Option<WritePermit>>,
    transaction: Arc<TransactionState>,
}

/// Acquires the writer's connection, now or when it is this caller's turn.
pub(super) fn acquire(
    shared: &Arc<SingleThreadShared>,
    kind: Begin,
) -> Reply<Box<dyn BackendSession>> {
    if let Some(permit) = shared.queue.try_take() {
        return Reply::ready(begin(shared, permit, kind));
    }
    let waiting = shared.queue.take(shared.options.busy_timeout);
    let shared = Arc::clone(shared);
    Reply::later(Box::pin(async move {
        let permit = waiting.await?;
        call_times::measure(|| begin(&shared, permit, kind))
    }))
}

fn begin(
    shared: &Arc<SingleThreadShared>,
    permit: WritePermit,
    kind: Begin,
) -> Result<Box<dyn BackendSession>> {
    shared.with_writer(|connection| connection.begin_for_another(kind))?;
    let transaction = Arc::<TransactionState>::default();
    transaction.set_open(true);
    let (shared, permit) = (Arc::clone(shared), Mutex::new(Some(permit)));
    Ok(Box::new(WriterSession { shared, permit, transaction }))
}

impl WriterSession {
    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        self.check_begun()?;
        let done = read::with(&self.shared, &self.shared.writer, work);
        self.shared.queue.note_progress();
        done
    }

    /// Checks that the transaction has not ended.
    fn check_begun(&self) -> Result<()> {
        if !self.transaction.is_open() {
            return Err(Error::closed("transaction"));
        }
        Ok(())
    }

    fn run_on(
        &self,
        connection: &mut Connection,
        program: &Program<'_>,
        sink: Option<&dyn PageSink>,
    ) -> Result<Output> {
        self.transaction.check(connection)?;
        if !connection.only_reads(program) {
            self.transaction.note_write();
        }
        let result = if connection.in_transaction() {
            connection.run_nested(program, sink)
        } else {
            connection.run_whole(program)
        };
        self.transaction.note_statement(result.is_ok(), connection);
        result
    }

    fn end(&self) {
        let permit = self.permit.lock().unwrap_or_else(PoisonError::into_inner).take();
        checkpoint::after_commit(&self.shared);
        drop(permit);
    }
}

impl BackendSession for WriterSession {
    fn run(&self, program: Program<'_>, sink: Option<&dyn PageSink>) -> Reply<Output> {
        Reply::ready(self.with(|connection| self.run_on(connection, &program, sink)))
    }

    fn control(&self, control: Control) -> Reply<()> {
        let done = call_times::measure(|| {
            self.with(|connection| self.transaction.control(control, connection))
        });
        let over = matches!(control, Control::Commit | Control::Rollback) && done.is_ok();
        if over {
            match control {
                Control::Commit => self.shared.counters.committed(0),
                _ => self.shared.counters.rolled_back(),
            }
            self.end();
        }
        Reply::ready(done)
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        let cursor = self.with(|connection| {
            self.transaction.check(connection)?;
            connection.open_cursor(sql, params)
        });
        Reply::ready(cursor.map(|cursor| {
            let (shared, transaction) = (&self.shared, Some(&self.transaction));
            Box::new(stream::CursorPages::inside(shared, &shared.writer, cursor, transaction, None))
                as Box<dyn Pages>
        }))
    }

    fn interrupt(&self) {}

    fn wrote(&self) -> bool {
        self.transaction.wrote()
    }

    fn mark_rollback_only(&self, savepoints: usize) {
        self.transaction.mark_rollback_only(savepoints);
    }
}

impl Drop for WriterSession {
    fn drop(&mut self) {
        if self.permit.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return;
        }
        if self.transaction.is_open() {
            self.shared.counters.rolled_back();
            // A closed connection has already rolled back.
            connection_cell::with(&self.shared.writer, Connection::rollback);
        }
        self.end();
    }
}
