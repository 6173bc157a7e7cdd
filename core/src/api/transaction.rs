//! Transactions, nested by savepoints.

use std::sync::Arc;
use std::time::Duration;

use crate::api::statements::{reading_methods, writing_methods};
use crate::api::table::Table;
use crate::backend::{Control, Session};
use crate::error::{Error, Result};
use crate::exec::held::Held;
use crate::exec::nested::Nested;
use crate::exec::opened::Opened;
use crate::exec::schemas::Schemas;
use crate::exec::stream::RowStream;
use crate::exec::target::{Place, Target, limited};
use crate::sql::Params;

/// An open transaction. What it reads includes what it wrote; nobody else sees
/// that before the commit. Dropped without [`commit`](Self::commit), it is
/// rolled back before anybody else can write.
///
/// # Cancellation
/// If a call's future is dropped while its statement runs, what the statement
/// did is not known: the transaction can then only be rolled back, and says so.
pub struct Transaction<'a> {
    session: Held<'a>,
    schemas: Schemas,
    limit: Option<Duration>,
    /// The session was lent for this transaction alone, and ends with it.
    whole: bool,
    over: bool,
    // After the session, which goes back first.
    open: Option<Arc<Opened>>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn owned(session: Arc<dyn Session>, limit: Option<Duration>) -> Self {
        Self::new(Held::Shared(session), limit, true)
    }

    /// A transaction of a session that goes on after it.
    pub(crate) fn lent(session: impl Into<Held<'a>>, limit: Option<Duration>) -> Self {
        Self::new(session.into(), limit, false)
    }

    fn new(session: Held<'a>, limit: Option<Duration>, whole: bool) -> Self {
        Self { session, schemas: Schemas::local(), limit, whole, over: false, open: None }
    }

    /// The session, to be shared with what runs in it.
    pub(crate) fn shared(&self) -> Option<Arc<dyn Session>> {
        match &self.session {
            Held::Shared(session) => Some(Arc::clone(session)),
            Held::Lent(_) => None,
        }
    }

    /// The same transaction, which keeps its database open.
    pub(crate) fn holding(mut self, open: &Arc<Opened>) -> Self {
        self.open = Some(Arc::clone(open));
        self
    }

    /// It was not begun: there is nothing to roll back.
    pub(crate) fn disarm(mut self) {
        self.over = true;
    }

    /// The same transaction with a limit for what ends it.
    pub(crate) fn limited(mut self, limit: Option<Duration>) -> Self {
        self.limit = limit;
        self
    }

    #[inline]
    fn session(&self) -> &dyn Session {
        &*self.session
    }

    #[inline]
    fn target(&mut self) -> Target<'_> {
        Target {
            place: Place::Session(self.session()),
            limit: self.limit,
            schemas: &self.schemas,
            gate: None,
        }
    }

    reading_methods!([&mut self] self);
    writing_methods!([&mut self] self);

    /// Runs a query whose rows come one after another.
    pub fn stream(&mut self, sql: &str, params: impl Into<Params>) -> RowStream<'_> {
        self.target().stream(sql, params.into())
    }

    /// A table, for operations on its rows without SQL.
    pub fn table<'t>(&'t mut self, name: &'t str) -> Table<'t> {
        Table::new(self.target(), name)
    }

    /// Runs `body` in a savepoint: what it did is undone, and nothing else, if
    /// it returns an error, panics, or is dropped. The transaction goes on.
    ///
    /// # Errors
    /// What `body` returns.
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

    /// As [`savepoint`](Self::savepoint), for a `body` that fails with an error type
    /// of the caller's own: see
    /// [`Database::try_transaction`](crate::Database::try_transaction).
    ///
    /// # Errors
    /// What `body` fails with.
    pub async fn try_savepoint<T, E, F>(&mut self, body: F) -> Result<T, E>
    where
        E: From<Error>,
        F: AsyncFnOnce(&mut Savepoint<'_>) -> Result<T, E>,
    {
        let mut savepoint = self.begin_savepoint().await?;
        let answer = body(&mut savepoint).await?;
        savepoint.release().await?;
        Ok(answer)
    }

    /// Begins a savepoint as a handle: it is undone when it is dropped without
    /// [`release`](Savepoint::release).
    ///
    /// # Errors
    /// `Cancelled` if the transaction was rolled back by an earlier error.
    pub async fn begin_savepoint(&mut self) -> Result<Savepoint<'_>> {
        Savepoint::begin(self.session(), 1, self.limit).await
    }

    /// Commits: everything is durable, or nothing happened.
    ///
    /// # Errors
    /// `ForeignKeyViolation` for a deferred foreign key that is still violated,
    /// `DiskFull`, `Io` and others: it is rolled back then. `Cancelled` if an
    /// earlier error rolled it back.
    pub async fn commit(mut self) -> Result<()> {
        limited(self.session().control(Control::Commit), self.limit, false).await?;
        self.over = true;
        Ok(())
    }

    /// Rolls back, and waits until that is done.
    ///
    /// # Errors
    /// `Io` and the like; dropping the transaction does the rest.
    pub async fn rollback(mut self) -> Result<()> {
        limited(self.session().control(Control::Rollback), self.limit, false).await?;
        self.over = true;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // A session that ends with it rolls back by its own drop.
        if !self.whole && !self.over {
            self.session.control(Control::Rollback).detach();
        }
    }
}

/// A savepoint inside a transaction: a part of it that can be undone alone.
pub struct Savepoint<'a> {
    nested: Nested<'a>,
    schemas: Schemas,
    depth: u32,
    limit: Option<Duration>,
}

impl<'a> Savepoint<'a> {
    pub(crate) async fn begin(
        session: impl Into<Held<'a>>,
        depth: u32,
        limit: Option<Duration>,
    ) -> Result<Savepoint<'a>> {
        let nested = Nested::begin(session, depth, limit).await?;
        Ok(Self { nested, schemas: Schemas::local(), depth, limit })
    }

    #[inline]
    fn target(&mut self) -> Target<'_> {
        Target {
            place: Place::Session(self.nested.session()),
            limit: self.limit,
            schemas: &self.schemas,
            gate: None,
        }
    }

    reading_methods!([&mut self] self);
    writing_methods!([&mut self] self);

    /// Runs a query whose rows come one after another.
    pub fn stream(&mut self, sql: &str, params: impl Into<Params>) -> RowStream<'_> {
        self.target().stream(sql, params.into())
    }

    /// A table, for operations on its rows without SQL.
    pub fn table<'t>(&'t mut self, name: &'t str) -> Table<'t> {
        Table::new(self.target(), name)
    }

    /// A savepoint inside this one: see [`Transaction::savepoint`].
    ///
    /// # Errors
    /// What `body` returns.
    pub async fn savepoint<T, F>(&mut self, body: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut Savepoint<'_>) -> Result<T>,
    {
        self.try_savepoint(body).await
    }

    /// As [`savepoint`](Self::savepoint), for a `body` that fails with an error type
    /// of the caller's own: see
    /// [`Database::try_transaction`](crate::Database::try_transaction).
    ///
    /// # Errors
    /// What `body` fails with.
    pub async fn try_savepoint<T, E, F>(&mut self, body: F) -> Result<T, E>
    where
        E: From<Error>,
        F: AsyncFnOnce(&mut Savepoint<'_>) -> Result<T, E>,
    {
        let mut savepoint = self.begin_savepoint().await?;
        let answer = body(&mut savepoint).await?;
        savepoint.release().await?;
        Ok(answer)
    }

    /// Begins a savepoint inside this one.
    ///
    /// # Errors
    /// `Cancelled` if the transaction was rolled back by an earlier error.
    pub async fn begin_savepoint(&mut self) -> Result<Savepoint<'_>> {
        Savepoint::begin(self.nested.session(), self.depth + 1, self.limit).await
    }

    /// Keeps what was done in it, as part of the transaction around it.
    ///
    /// # Errors
    /// `Cancelled` if the transaction was rolled back by an earlier error.
    pub async fn release(self) -> Result<()> {
        self.nested.release().await
    }

    /// Undoes what was done in it.
    ///
    /// # Errors
    /// `Cancelled` if the transaction was rolled back by an earlier error.
    pub async fn rollback(self) -> Result<()> {
        self.nested.rollback().await
    }
}
