//! An open database.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::api::commits::Commits;
use crate::api::session::Session;
use crate::api::snapshot::Snapshot;
use crate::api::statements::{reading_methods, writing_methods};
use crate::api::table::Table;
use crate::api::transaction::Transaction;
use crate::api::watch::{Watch, WatchAll};
use crate::backend::{Backend, Capabilities, Intent, Reply, call_times};
use crate::error::{Error, Result};
use crate::exec::database_inner::DatabaseInner;
use crate::exec::gate::Gate;
use crate::exec::schemas::Schemas;
use crate::exec::stream::RowStream;
use crate::exec::target::{Executor, Target, limited};
use crate::exec::trace::{self, CallTrace, TraceSettings};
use crate::live::Watched;
use crate::options::Options;
use crate::program::Begin;
use crate::sql::Params;

/// An open database. Cheap to clone; all clones are the same database. It closes
/// when the last clone and the last of its transactions, sessions, snapshots and
/// streams are dropped, or on [`close`](Self::close).
///
/// Reads run concurrently with each other and with the one write that runs at a
/// time. Each call is its own transaction; [`transaction`](Self::transaction)
/// combines several statements into one.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
/// use ubiqlite::{Database, Row, params, record};
/// let db = Database::open(":memory:").await?;
/// db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)", ()).await?;
/// let id = db.table("items").insert(record! { "name" => "lamp" }).await?;
/// let row: Row = db.query_one("SELECT name FROM items WHERE id = ?", params![&id]).await?;
/// assert_eq!(row.get::<&str>("name")?, "lamp");
/// db.close().await
/// # }
/// ```
#[derive(Clone)]
pub struct Database {
    inner: Arc<DatabaseInner>,
    limit: Option<Duration>,
}

impl Database {
    /// Opens a database file, which is created if it is missing, or `:memory:`, with the
    /// default [`Options`]. Each `:memory:` is a database of its own that behaves like a
    /// file (it has readers, sessions and a log in memory, so `PRAGMA journal_mode`
    /// returns `wal`). Closing it discards it.
    ///
    /// # Errors
    /// `CannotOpen` for a missing directory, a directory, or a file without
    /// permission; `NotADatabase` for a file of another format or an encrypted
    /// one; `Corrupt`; `ReadOnly`; `Busy`. Each names the path.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Options::default().open(path).await
    }

    /// Returns the default settings, to change and to open a database with.
    pub fn options() -> Options {
        Options::default()
    }

    /// Creates a database on the caller's own storage backend.
    pub fn with_backend(backend: impl Backend) -> Self {
        Self::from_backend(Box::new(backend))
    }

    pub(crate) fn from_backend(backend: Box<dyn Backend>) -> Self {
        Self::traced(backend, TraceSettings::default())
    }

    /// As [`from_backend`](Self::from_backend), with what traces say of it.
    pub(crate) fn traced(backend: Box<dyn Backend>, trace: TraceSettings) -> Self {
        Self {
            inner: Arc::new(DatabaseInner {
                backend,
                schemas: Schemas::shared(),
                gate: Gate::default(),
                live: OnceLock::new(),
                trace,
            }),
            limit: None,
        }
    }

    /// Returns what the storage backend can do beyond running programs.
    pub fn capabilities(&self) -> Capabilities {
        self.inner.backend.capabilities()
    }

    /// Returns the same database with a time limit for every call made through the
    /// returned handle. A call that takes longer returns `Timeout` and has changed
    /// nothing. In a [`transaction`](Self::transaction) and other long-lived handles,
    /// the limit applies to each call.
    ///
    /// # Example
    /// ```
    /// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
    /// use std::time::Duration;
    /// let quick = db.timeout(Duration::from_millis(50));
    /// let count: i64 = quick.query_value("SELECT count(*) FROM items", ()).await?;
    /// # Ok(()) }
    /// ```
    pub fn timeout(&self, limit: Duration) -> Self {
        Self { inner: Arc::clone(&self.inner), limit: Some(limit) }
    }

    #[inline]
    pub(crate) fn target(&self) -> Target<'_> {
        Target {
            executor: Executor::Backend(&*self.inner.backend),
            limit: self.limit,
            schemas: &self.inner.schemas,
            gate: Some(&self.inner.gate),
            database: Some(&self.inner),
            trace: Some(&self.inner.trace),
        }
    }

    /// Returns what keeps this database open.
    pub(crate) fn shared(&self) -> &Arc<DatabaseInner> {
        &self.inner
    }

    /// Returns the time limit of each call.
    #[cfg(all(feature = "recover", not(target_family = "wasm")))]
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// Returns the same database with the limit of one call, if it has one.
    pub(crate) fn limited(&self, limit: Option<Duration>) -> Self {
        Self { inner: Arc::clone(&self.inner), limit }
    }

    reading_methods!([&self] self);
    writing_methods!([&self] self);

    /// Runs a query and streams its rows, with bounded memory. Waits for a reader
    /// for at most the acquire timeout.
    pub fn stream(&self, sql: &str, params: impl Into<Params>) -> RowStream<'static> {
        let params = params.into().checked();
        let trace = CallTrace::of_stream(Some(&self.inner.trace), sql);
        let reply = trace.within(|| match self.inner.gate.check().and(params) {
            Ok(params) => call_times::measure_reply(|| self.inner.backend.stream(sql, params)),
            Err(error) => Reply::err(error),
        });
        RowStream::new(reply, self.limit, trace).holding(&self.inner)
    }

    /// A table, for operations on its rows without SQL.
    pub fn table<'a>(&'a self, name: &'a str) -> Table<'a> {
        Table::new(self.target(), name)
    }

    /// Runs `body` in a transaction, which is committed if `body` returns `Ok` and
    /// rolled back if it returns an error, panics, or is dropped.
    ///
    /// The transaction begins as `BEGIN IMMEDIATE`: it waits for its turn to write,
    /// and in WAL mode nothing later in it can fail as busy. In other modes its
    /// commit waits for readers. Other tasks keep reading in the meantime. Their
    /// writes wait for the transaction to end while it makes progress, and return
    /// `Busy` once nothing has been done in it for the busy timeout. So does a write
    /// through the database itself inside `body`.
    ///
    /// # Errors
    /// The error of `body`; `Busy` if the write lock could not be taken; the error of
    /// `COMMIT`, e.g. `ForeignKeyViolation`. Nothing is changed then.
    ///
    /// # Example
    /// ```
    /// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
    /// use ubiqlite::params;
    /// let left: i64 = db
    ///     .transaction(async |tx| {
    ///         tx.execute("UPDATE accounts SET balance = balance - 10 WHERE id = ?", params![1]).await?;
    ///         tx.query_value("SELECT balance FROM accounts WHERE id = ?", params![1]).await
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub async fn transaction<T, F>(&self, body: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut Transaction<'_>) -> Result<T>,
    {
        self.try_transaction(body).await
    }

    /// As [`transaction`](Self::transaction), for a `body` with the caller's own error
    /// type, into which this crate's errors convert.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction).
    ///
    /// # Example
    /// ```
    /// #[derive(Debug)]
    /// enum Refused { TooPoor(i64), Database(ubiqlite::Error) }
    /// impl From<ubiqlite::Error> for Refused {
    ///     fn from(error: ubiqlite::Error) -> Self { Self::Database(error) }
    /// }
    /// # async fn example(db: ubiqlite::Database) -> Result<(), Refused> {
    /// let left: i64 = db
    ///     .try_transaction(async |tx| {
    ///         tx.execute("UPDATE accounts SET balance = balance - 10 WHERE id = 1", ()).await?;
    ///         match tx.query_value("SELECT balance FROM accounts WHERE id = 1", ()).await? {
    ///             left @ 0.. => Ok(left),
    ///             missing => Err(Refused::TooPoor(missing)),
    ///         }
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub async fn try_transaction<T, E, F>(&self, body: F) -> Result<T, E>
    where
        E: From<crate::error::Error>,
        F: AsyncFnOnce(&mut Transaction<'_>) -> Result<T, E>,
    {
        let mut transaction = self.begin().await?;
        let result = body(&mut transaction).await?;
        transaction.commit().await?;
        Ok(result)
    }

    /// Begins a transaction and returns its handle. It is rolled back when it is
    /// dropped without [`commit`](Transaction::commit).
    ///
    /// # Errors
    /// `Busy` if the write lock could not be taken within the busy timeout.
    pub async fn begin(&self) -> Result<Transaction<'static>> {
        self.begin_with(Begin::default()).await
    }

    /// As [`begin`](Self::begin), with an explicit kind of [`Begin`].
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn begin_with(&self, begin: Begin) -> Result<Transaction<'static>> {
        let trace = CallTrace::begin(Some(&self.inner.trace), begin.sql(), 1);
        let reply = trace.within(|| match self.inner.gate.check() {
            Ok(()) => {
                call_times::measure_reply(|| self.inner.backend.acquire(Intent::Transaction(begin)))
            }
            Err(error) => Reply::err(error),
        });
        let session = trace::run(trace, limited(reply, self.limit, true)).await?;
        Ok(Transaction::owned(session.into(), self.limit).holding(&self.inner))
    }

    /// Takes a snapshot: any number of calls can read the same moment through it, and
    /// they run concurrently.
    ///
    /// # Errors
    /// `Timeout` if no reader was free in time.
    ///
    /// # Example
    /// ```
    /// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
    /// let now = db.snapshot().await?;
    /// let items: i64 = now.query_value("SELECT count(*) FROM items", ()).await?;
    /// let sum: i64 = now.query_value("SELECT sum(balance) FROM accounts", ()).await?;
    /// # Ok(()) }
    /// ```
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let session = self.traced_session(Intent::Snapshot, "SNAPSHOT").await?;
        Ok(Snapshot::new(session, self.limit, &self.inner))
    }

    /// Acquires a session: a dedicated connection, for several transactions, for
    /// `ATTACH`, temporary tables and `PRAGMA`s. Dropping it returns it and rolls
    /// back whatever is open in it.
    ///
    /// # Errors
    /// `Timeout` if none was free within the acquire timeout.
    pub async fn acquire(&self) -> Result<Session> {
        let session = self.traced_session(Intent::Dedicated, "ACQUIRE").await?;
        Ok(Session::new(session, self.limit, &self.inner))
    }

    async fn traced_session(
        &self,
        intent: Intent,
        name: &str,
    ) -> Result<Box<dyn crate::backend::BackendSession>> {
        let trace = CallTrace::of_operation(Some(&self.inner.trace), name);
        trace::run(trace, self.acquire_session(intent)).await
    }

    pub(crate) async fn acquire_session(
        &self,
        intent: Intent,
    ) -> Result<Box<dyn crate::backend::BackendSession>> {
        let backend = &self.inner.backend;
        let reply = match self.inner.gate.check() {
            Ok(()) => call_times::measure_reply(|| backend.acquire(intent)),
            Err(error) => Reply::err(error),
        };
        let timeout = backend.acquire_timeout();
        // Whether the caller's own limit is the shorter one.
        let own = match (self.limit, timeout) {
            (Some(limit), Some(timeout)) => limit < timeout,
            (limit, _) => limit.is_some(),
        };
        let limit = if own { self.limit } else { timeout };
        limited(reply, limit, true).await.map_err(|error| {
            if error.kind() == crate::error::ErrorKind::Timeout {
                return error.with_kind(
                    crate::error::ErrorKind::Timeout,
                    format!(
                        "no connection was free within {:?}: all are in use; release one, or raise {}",
                        limit.unwrap_or_default(),
                        if own { "the call's time limit" } else { "the acquire timeout or the number of sessions or readers" }
                    ),
                );
            }
            error
        })
    }

    /// Watches a query: returns a stream of its results. The first is the result now; then a new
    /// one follows when, and only when, it is another, whichever connection of this database made
    /// the change. Nothing runs before the stream is read.
    ///
    /// A watch shows committed data alone. Functions like `random()` and `datetime('now')` are
    /// called again when data that the query reads has changed, and not as time goes by.
    pub fn watch(&self, sql: &str, params: impl Into<Params>) -> Watch {
        Watch::new(&self.inner, watched(sql, params.into()))
    }

    /// Watches several queries: the results of each item are all of one moment. A list of none is
    /// `InvalidArgument`, when the stream is read.
    ///
    /// # Example
    /// ```
    /// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
    /// let mut live = db.watch_all([
    ///     ("SELECT count(*) FROM items", ()),
    ///     ("SELECT sum(balance) FROM accounts", ()),
    /// ]);
    /// while let Some(results) = live.try_next().await? {
    ///     println!("{} items", results[0].rows::<(i64,)>()?[0].0);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn watch_all<'s, P: Into<Params>>(
        &self,
        queries: impl IntoIterator<Item = (&'s str, P)>,
    ) -> WatchAll {
        let query = |(index, (sql, params)): (usize, (&str, P))| {
            watched(sql, params.into()).map_err(|error| error.with_index(index))
        };
        let queries: Vec<_> = queries.into_iter().enumerate().map(query).collect();
        let queries = match queries.is_empty() {
            true => Err(Error::invalid("there is no query to watch")),
            false => queries.into_iter().collect(),
        };
        WatchAll::new(&self.inner, queries)
    }

    /// Returns a feed of commits: for each that happens from now on, the tables and the keys of the
    /// rows that it changes. For caches, indexes and logs of one's own; a query that is to follow
    /// its data is [watched](Self::watch).
    ///
    /// While there is a feed, the keys of changed rows are recorded.
    pub fn commits(&self) -> Commits {
        Commits::new(&self.inner)
    }

    /// Tells all watches of queries that read one of these tables that it may have changed: for
    /// changes that nobody else can see, such as of a file that a function reads. A query whose
    /// result is the same tells nobody.
    pub fn touch<'s>(&self, tables: impl IntoIterator<Item = &'s str>) {
        if let Some(hub) = self.inner.live.get() {
            hub.touch(&tables.into_iter().collect::<Vec<_>>());
        }
    }

    /// Returns how often queries have run for watches, for tests and benchmarks.
    #[doc(hidden)]
    pub fn live_runs(&self) -> u64 {
        self.inner.live.get().map_or(0, |hub| hub.runs())
    }

    /// Stops every running statement: its call returns `Cancelled`. Waiting calls are
    /// not affected.
    pub fn interrupt(&self) {
        self.inner.backend.interrupt();
    }

    /// Waits for every call that was accepted, then closes all connections and
    /// ends all threads. Transactions, sessions, snapshots and streams that are
    /// still open have the busy timeout to end; then they are rolled back. Later
    /// calls return `Closed`; closing again does nothing.
    ///
    /// # Errors
    /// `Io` if the system refuses to start the thread that closes the database.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the closing.
    pub async fn close(&self) -> Result<()> {
        self.inner.backend.note_closing();
        if let Some(hub) = self.inner.live.get() {
            hub.close();
        }
        self.inner.gate.close(self.inner.backend.close_patience()).await;
        self.inner.backend.close().await
    }
}

fn watched(sql: &str, params: Params) -> Result<Watched> {
    Ok(Watched { sql: sql.into(), params: params.checked()?, filter: None })
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("limit", &self.limit).finish_non_exhaustive()
    }
}
