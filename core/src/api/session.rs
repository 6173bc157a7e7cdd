//! A dedicated connection.

use std::sync::Arc;
use std::time::Duration;

use crate::api::statements::{reading_methods, writing_methods};
use crate::api::table::Table;
use crate::api::transaction::Transaction;
use crate::backend::{self, Control};
use crate::error::{ErrorKind, Result};
use crate::exec::database_inner::DatabaseInner;
use crate::exec::schemas::Schemas;
use crate::exec::stream::RowStream;
use crate::exec::target::{Executor, Target, limited};
use crate::exec::trace::{self, CallTrace};
use crate::program::Begin;
use crate::sql::Params;

/// A dedicated connection, from [`acquire`](crate::Database::acquire). Only here
/// may statements change the connection itself: `ATTACH`, temporary tables,
/// `PRAGMA`s, a bare `BEGIN`. Dropping it rolls back what is open and returns it;
/// its settings and temporary tables are lost.
///
/// Its writes take turns with all other writes of the database, so they never run
/// into a lock of the same process.
pub struct Session {
    session: Box<dyn backend::BackendSession>,
    schemas: Schemas,
    limit: Option<Duration>,
    // Dropped after the session, which must be returned first.
    open: Arc<DatabaseInner>,
}

impl Session {
    pub(crate) fn new(
        session: Box<dyn backend::BackendSession>,
        limit: Option<Duration>,
        open: &Arc<DatabaseInner>,
    ) -> Self {
        // Its temporary tables and attached files have no version to check.
        Self { session, schemas: Schemas::none(), limit, open: Arc::clone(open) }
    }

    #[inline]
    pub(crate) fn target(&mut self) -> Target<'_> {
        Target {
            executor: Executor::Session(&*self.session),
            limit: self.limit,
            schemas: &self.schemas,
            gate: None,
            database: None,
            trace: Some(&self.open.trace),
        }
    }

    reading_methods!([&mut self] self);
    writing_methods!([&mut self] self);

    /// Runs a query and streams its rows.
    pub fn stream(&mut self, sql: &str, params: impl Into<Params>) -> RowStream<'_> {
        self.target().stream(sql, params.into())
    }

    /// A table, for operations on its rows without SQL.
    pub fn table<'t>(&'t mut self, name: &'t str) -> Table<'t> {
        Table::new(self.target(), name)
    }

    /// Runs `body` in a transaction of this session: see
    /// [`Database::transaction`](crate::Database::transaction).
    ///
    /// # Errors
    /// As there.
    pub async fn transaction<T, F>(&mut self, body: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut Transaction<'_>) -> Result<T>,
    {
        self.try_transaction(body).await
    }

    /// As [`transaction`](Self::transaction), for a `body` with the caller's own error
    /// type: see [`Database::try_transaction`](crate::Database::try_transaction).
    ///
    /// # Errors
    /// As there.
    pub async fn try_transaction<T, E, F>(&mut self, body: F) -> Result<T, E>
    where
        E: From<crate::error::Error>,
        F: AsyncFnOnce(&mut Transaction<'_>) -> Result<T, E>,
    {
        let mut transaction = self.begin().await?;
        let result = body(&mut transaction).await?;
        transaction.commit().await?;
        Ok(result)
    }

    /// Begins a transaction in this session.
    ///
    /// # Errors
    /// `Busy` if the write lock could not be taken within the busy timeout.
    pub async fn begin(&mut self) -> Result<Transaction<'_>> {
        self.begin_with(Begin::default()).await
    }

    /// As [`begin`](Self::begin), with an explicit kind of [`Begin`].
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn begin_with(&mut self, begin: Begin) -> Result<Transaction<'_>> {
        let mut guard = Undo { session: &*self.session, armed: true };
        let trace = CallTrace::of_control(Some(&self.open.trace), Control::Begin(begin));
        let reply = trace.within(|| self.session.control(Control::Begin(begin)));
        let begun = trace::run(trace, limited(reply, self.limit, false)).await;
        // If this one was refused although a transaction is open, SQL text began that one.
        guard.armed = begun.as_ref().is_err_and(|error| error.kind() == ErrorKind::OutcomeUnknown);
        begun?;
        Ok(Transaction::on_session(&*self.session, self.limit).holding(&self.open))
    }

    /// Begins or ends a transaction without a handle for it: dropping the session rolls it back.
    pub(crate) async fn control(&mut self, control: Control) -> Result<()> {
        limited(self.session.control(control), self.limit, false).await
    }

    /// Stops the statement now running in this session, if any.
    pub fn interrupt(&self) {
        self.session.interrupt();
    }
}

/// Rolls back when dropped: a `BEGIN` whose call is cancelled may have run.
struct Undo<'a> {
    session: &'a dyn backend::BackendSession,
    armed: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.session.control(Control::Rollback).detach();
        }
    }
}
