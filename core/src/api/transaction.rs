//! Transactions, and savepoints nested in them.

use std::sync::Arc;
use std::time::Duration;

use crate::api::statements::{reading_methods, writing_methods};
use crate::api::table::Table;
use crate::backend::{BackendSession, Control};
use crate::error::{Error, Result};
use crate::exec::database_inner::DatabaseInner;
use crate::exec::savepoint_guard::SavepointGuard;
use crate::exec::schemas::Schemas;
use crate::exec::session_ref::SessionRef;
use crate::exec::stream::RowStream;
use crate::exec::target::{Executor, Target, limited};
use crate::exec::trace::{self, CallTrace, TraceSettings};
use crate::sql::Params;

/// An open transaction. It reads its own writes; nobody else sees them before the
/// commit. Dropped without [`commit`](Self::commit), it is rolled back before
/// anyone else can write.
///
/// # Cancellation
/// If a call's future is dropped while its statement runs, the statement's effect
/// is unknown: the transaction can then only be rolled back, and says so.
pub struct Transaction<'a> {
    session: SessionRef<'a>,
    schemas: Schemas,
    limit: Option<Duration>,
    /// The session was acquired for this transaction alone, and ends with it.
    whole: bool,
    over: bool,
    // Dropped after the session, which must be returned first.
    open: Option<Arc<DatabaseInner>>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn owned(session: Arc<dyn BackendSession>, limit: Option<Duration>) -> Self {
        Self::new(SessionRef::Shared(session), limit, true)
    }

    /// A transaction of a session that outlives it.
    pub(crate) fn on_session(session: impl Into<SessionRef<'a>>, limit: Option<Duration>) -> Self {
        Self::new(session.into(), limit, false)
    }

    fn new(session: SessionRef<'a>, limit: Option<Duration>, whole: bool) -> Self {
        Self { session, schemas: Schemas::local(), limit, whole, over: false, open: None }
    }

    /// Returns the session, to share it with what runs in it.
    pub(crate) fn shared(&self) -> Option<Arc<dyn BackendSession>> {
        match &self.session {
            SessionRef::Shared(session) => Some(Arc::clone(session)),
            SessionRef::Borrowed(_) => None,
        }
    }

    /// Returns the same transaction, which now keeps its database open.
    pub(crate) fn holding(mut self, open: &Arc<DatabaseInner>) -> Self {
        self.open = Some(Arc::clone(open));
        self
    }

    /// Marks the transaction as not begun: there is nothing to roll back.
    pub(crate) fn disarm(mut self) {
        self.over = true;
    }

    /// Returns the same transaction with a limit for the call that ends it.
    pub(crate) fn limited(mut self, limit: Option<Duration>) -> Self {
        self.limit = limit;
        self
    }

    #[inline]
    fn session(&self) -> &dyn BackendSession {
        &*self.session
    }

    #[inline]
    pub(crate) fn target(&mut self) -> Target<'_> {
        Target {
            executor: Executor::Session(self.session()),
            limit: self.limit,
            schemas: &self.schemas,
            gate: None,
            database: None,
            trace: self.open.as_ref().map(|open| &open.trace),
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

    /// Runs `body` in a savepoint. If `body` returns an error, panics, or is dropped,
    /// its changes are undone, and nothing else. The transaction continues.
    ///
    /// # Errors
    /// The error that `body` returns.
    ///
    /// # Example
    /// ```
    /// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
    /// db.transaction(async |tx| {
    ///     let tried = tx
    ///         .savepoint(async |sp| sp.execute("INSERT INTO items (id) VALUES (1)", ()).await)
    ///         .await;
    ///     if tried.is_err() {
    ///         tx.execute("UPDATE items SET status = 'again' WHERE id = 1", ()).await?;
    ///     }
    ///     Ok(())
    /// })
    /// .await
    /// # }
    /// ```
    pub async fn savepoint<T, F>(&mut self, body: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut Savepoint<'_>) -> Result<T>,
    {
        self.try_savepoint(body).await
    }

    /// As [`savepoint`](Self::savepoint), for a `body` with the caller's own error
    /// type: see [`Database::try_transaction`](crate::Database::try_transaction).
    ///
    /// # Errors
    /// The error that `body` returns.
    pub async fn try_savepoint<T, E, F>(&mut self, body: F) -> Result<T, E>
    where
        E: From<Error>,
        F: AsyncFnOnce(&mut Savepoint<'_>) -> Result<T, E>,
    {
        let mut savepoint = self.begin_savepoint().await?;
        let result = body(&mut savepoint).await?;
        savepoint.release().await?;
        Ok(result)
    }

    /// Begins a savepoint and returns its handle. It is undone when it is dropped
    /// without [`release`](Savepoint::release).
    ///
    /// # Errors
    /// `Cancelled` if the transaction was rolled back by an earlier error.
    pub async fn begin_savepoint(&mut self) -> Result<Savepoint<'_>> {
        let trace = self.open.as_ref().map(|open| open.trace.clone()).unwrap_or_default();
        Savepoint::begin(self.session(), 1, self.limit, trace).await
    }

    /// Commits: either everything is durable or nothing happened.
    ///
    /// # Errors
    /// `ForeignKeyViolation` for a deferred foreign key that is still violated,
    /// `DiskFull`, `Io` and others: the transaction is then rolled back.
    /// `Cancelled` if an earlier error rolled it back.
    pub async fn commit(mut self) -> Result<()> {
        self.end(Control::Commit).await?;
        self.over = true;
        Ok(())
    }

    /// Rolls back and waits until that is done.
    ///
    /// # Errors
    /// `Io` and the like; dropping the transaction does the rest.
    pub async fn rollback(mut self) -> Result<()> {
        self.end(Control::Rollback).await?;
        self.over = true;
        Ok(())
    }
}

impl Transaction<'_> {
    async fn end(&self, how: Control) -> Result<()> {
        let settings = self.open.as_ref().map(|open| &open.trace);
        let trace = CallTrace::of_control(settings, how);
        let ended = trace.within(|| self.session().control(how));
        trace::run(trace, limited(ended, self.limit, false)).await
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // A session that ends with the transaction rolls back in its own drop.
        if !self.whole && !self.over {
            self.session.control(Control::Rollback).detach();
        }
    }
}

/// A savepoint inside a transaction: a part of it that can be undone by itself.
pub struct Savepoint<'a> {
    nested: SavepointGuard<'a>,
    schemas: Schemas,
    depth: u32,
    limit: Option<Duration>,
    trace: TraceSettings,
}

impl<'a> Savepoint<'a> {
    pub(crate) async fn begin(
        session: impl Into<SessionRef<'a>>,
        depth: u32,
        limit: Option<Duration>,
        trace: TraceSettings,
    ) -> Result<Savepoint<'a>> {
        let call = CallTrace::of_control(Some(&trace), Control::Savepoint(depth));
        let nested = trace::run(call, SavepointGuard::begin(session, depth, limit)).await?;
        Ok(Self { nested, schemas: Schemas::local(), depth, limit, trace })
    }

    #[inline]
    fn target(&mut self) -> Target<'_> {
        Target {
            executor: Executor::Session(self.nested.session()),
            limit: self.limit,
            schemas: &self.schemas,
            gate: None,
            database: None,
            trace: Some(&self.trace),
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

    /// Runs `body` in a savepoint inside this one: see [`Transaction::savepoint`].
    ///
    /// # Errors
    /// The error that `body` returns.
    pub async fn savepoint<T, F>(&mut self, body: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut Savepoint<'_>) -> Result<T>,
    {
        self.try_savepoint(body).await
    }

    /// As [`savepoint`](Self::savepoint), for a `body` with the caller's own error
    /// type: see [`Database::try_transaction`](crate::Database::try_transaction).
    ///
    /// # Errors
    /// The error that `body` returns.
    pub async fn try_savepoint<T, E, F>(&mut self, body: F) -> Result<T, E>
    where
        E: From<Error>,
        F: AsyncFnOnce(&mut Savepoint<'_>) -> Result<T, E>,
    {
        let mut savepoint = self.begin_savepoint().await?;
        let result = body(&mut savepoint).await?;
        savepoint.release().await?;
        Ok(result)
    }

    /// Begins a savepoint inside this one.
    ///
    /// # Errors
    /// `Cancelled` if the transaction was rolled back by an earlier error.
    pub async fn begin_savepoint(&mut self) -> Result<Savepoint<'_>> {
        let trace = self.trace.clone();
        Savepoint::begin(self.nested.session(), self.depth + 1, self.limit, trace).await
    }

    /// Keeps the savepoint's changes, as part of the enclosing transaction.
    ///
    /// # Errors
    /// `Cancelled` if the transaction was rolled back by an earlier error.
    pub async fn release(self) -> Result<()> {
        let call = CallTrace::of_control(Some(&self.trace), Control::Release(self.depth));
        trace::run(call, self.nested.release()).await
    }

    /// Undoes the savepoint's changes.
    ///
    /// # Errors
    /// `Cancelled` if the transaction was rolled back by an earlier error.
    pub async fn rollback(self) -> Result<()> {
        let call = CallTrace::of_control(Some(&self.trace), Control::RollbackTo(self.depth));
        trace::run(call, self.nested.rollback()).await
    }
}
