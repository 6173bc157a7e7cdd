//! Live queries: results that follow the data.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::error::{Error, Result};
use crate::exec::database_inner::DatabaseInner;
use crate::live::{Delivery, Delta, Diff, Hub, WatchId, Watched};
use crate::row::{FromRow, Row, Rows};

/// A live query, from [`Database::watch`](crate::Database::watch): a stream of its results. The
/// first is the result now; then one follows when, and only when, the result is another.
///
/// Results are never queued: whoever asks late gets the newest. The query runs only while somebody
/// waits for the next result, or asks for it. A watch keeps the database open, and ends when that
/// is closed.
///
/// # Cancellation
/// Dropping a future of [`try_next`](Self::try_next) loses nothing: the next call returns what it
/// would have returned, or something newer. Dropping the watch ends it.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
/// use ubiqlite::{Database, params};
/// let db = Database::open(":memory:").await?;
/// db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, status TEXT)", ()).await?;
///
/// let mut live = db.watch("SELECT id, name FROM items WHERE status = ?", params!["new"]).key("id");
/// let first = live.try_next().await?.expect("the database is open");
/// assert!(first.is_empty());
///
/// db.execute("INSERT INTO items VALUES (1, 'lamp', 'new')", ()).await?;
/// let next = live.try_next().await?.expect("the database is open");
/// assert_eq!(next.rows::<(i64, String)>()?, [(1, "lamp".to_owned())]);
/// assert_eq!(next.diff().added, [0]);
/// # db.close().await
/// # }
/// ```
#[must_use = "a watch does nothing unless it is read"]
pub struct Watch {
    all: WatchAll,
}

/// Several live queries whose results are always of one moment, from
/// [`Database::watch_all`](crate::Database::watch_all): a stream of one [`Update`] per query.
#[must_use = "a watch does nothing unless it is read"]
pub struct WatchAll {
    state: WatchStage,
    last: Vec<Arc<Rows>>,
    /// The key of each query; those after the last have none.
    keys: Vec<Vec<Box<str>>>,
}

enum WatchStage {
    /// Nobody has asked yet.
    New(Arc<DatabaseInner>, Vec<Watched>),
    On(Arc<DatabaseInner>, Arc<Hub>, WatchId),
    Refused(Error),
    Over,
}

/// One result of a live query.
#[derive(Debug, Clone)]
pub struct Update {
    moment: u64,
    now: Arc<Rows>,
    before: Option<Arc<Rows>>,
    key: Vec<Box<str>>,
}

impl WatchAll {
    pub(crate) fn new(inner: &Arc<DatabaseInner>, watched: Result<Vec<Watched>>) -> Self {
        let state = match watched {
            Ok(watched) => WatchStage::New(Arc::clone(inner), watched),
            Err(error) => WatchStage::Refused(error),
        };
        Self { state, last: Vec::new(), keys: Vec::new() }
    }

    /// Names the column that tells a row of one of the queries from the others, as
    /// [`Watch::key`] does: `query` counts from 0. Called again for the same query, it adds a
    /// column to its key. A position that no query has is `InvalidArgument`, when the stream is
    /// read.
    ///
    /// # Example
    /// ```
    /// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
    /// let queries = [("SELECT id, name FROM items", ()), ("SELECT count(*) FROM items", ())];
    /// let mut live = db.watch_all(queries).key(0, "id");
    /// while let Some(results) = live.try_next().await? {
    ///     println!("{:?} of {}", results[0].diff().updated, results[0].len());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn key(mut self, query: usize, column: impl Into<String>) -> Self {
        if let WatchStage::New(_, watched) = &self.state {
            let queries = watched.len();
            if query >= queries {
                let message = format!("a key is for query {query}, and there are {queries}");
                self.state = WatchStage::Refused(Error::invalid(message));
                return self;
            }
            self.keys.resize(queries, Vec::new());
            self.keys[query].push(column.into().into());
        }
        self
    }

    /// Returns the next results, one per query, all of one moment; `None` once the database is
    /// closed.
    ///
    /// # Errors
    /// As [`Watch::try_next`], if one of the queries fails: [`Error::index`] is its position. The
    /// watch of all of them then ends.
    pub async fn try_next(&mut self) -> Result<Option<Vec<Update>>> {
        std::future::poll_fn(|cx| self.poll_updates(cx)).await.transpose()
    }

    /// See [`try_next`](Self::try_next).
    pub(crate) fn poll_updates(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Vec<Update>>>> {
        loop {
            match &self.state {
                WatchStage::On(inner, hub, id) => {
                    let ready = std::task::ready!(hub.poll(*id, &*inner.backend, cx));
                    return Poll::Ready(match ready {
                        Some(ready) => {
                            let updates = ready.and_then(|delivery| self.take(delivery));
                            if updates.is_err() {
                                self.end();
                            }
                            Some(updates)
                        }
                        None => {
                            self.end();
                            None
                        }
                    });
                }
                WatchStage::Over => return Poll::Ready(None),
                WatchStage::New(..) | WatchStage::Refused(_) => {}
            }
            match std::mem::replace(&mut self.state, WatchStage::Over) {
                WatchStage::New(inner, watched) => {
                    match inner.gate.check().and_then(|()| inner.hub().cloned()) {
                        Ok(hub) => {
                            let id = hub.add(watched);
                            self.state = WatchStage::On(inner, hub, id);
                        }
                        Err(error) => self.state = WatchStage::Refused(error),
                    }
                }
                WatchStage::Refused(error) => return Poll::Ready(Some(Err(error))),
                WatchStage::On(..) | WatchStage::Over => {}
            }
        }
    }

    fn take(&mut self, delivery: Delivery) -> Result<Vec<Update>> {
        let Delivery { moment, results } = delivery;
        let mut before = std::mem::replace(&mut self.last, results.clone()).into_iter();
        let update = |(query, now)| {
            let key = self.keys.get(query).cloned().unwrap_or_default();
            let update = Update { moment, now, before: before.next(), key };
            update.checked().map_err(|error| error.with_index(query))
        };
        results.into_iter().enumerate().map(update).collect()
    }

    fn end(&mut self) {
        if let WatchStage::On(_, hub, id) = std::mem::replace(&mut self.state, WatchStage::Over) {
            hub.remove(id);
        }
    }
}

impl Drop for WatchAll {
    fn drop(&mut self) {
        self.end();
    }
}

impl Watch {
    pub(crate) fn new(inner: &Arc<DatabaseInner>, watched: Result<Watched>) -> Self {
        Self { all: WatchAll::new(inner, watched.map(|it| vec![it])) }
    }

    /// Names the column that tells a row from the others, for [`Update::diff`]. Called again, it
    /// adds a column to the key. Without a key, rows are told apart by all their values.
    pub fn key(self, column: impl Into<String>) -> Self {
        Self { all: self.all.key(0, column) }
    }

    /// Returns the next result: the first at once, then one when it is another than the last;
    /// `None` once the database is closed.
    ///
    /// # Errors
    /// What running the query returns, for example `NoSuchTable`, also when the table is dropped
    /// later; `Unsupported` for a statement that writes, or reads a temporary or attached table,
    /// and on a backend without live queries. The watch then ends.
    pub async fn try_next(&mut self) -> Result<Option<Update>> {
        std::future::poll_fn(|cx| self.poll_update(cx)).await.transpose()
    }

    /// See [`try_next`](Self::try_next).
    pub(crate) fn poll_update(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Update>>> {
        self.all.poll_updates(cx).map(|ready| {
            let updates = ready?.map_err(Error::without_index);
            Some(updates.and_then(|mut it| it.pop().ok_or_else(|| Error::closed("watch"))))
        })
    }
}

impl Stream for Watch {
    type Item = Result<Update>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_update(cx)
    }
}

impl Stream for WatchAll {
    type Item = Result<Vec<Update>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_updates(cx)
    }
}

impl Update {
    /// Returns the rows, each as `T`.
    ///
    /// # Errors
    /// `DatatypeMismatch` if a row is not a `T`.
    pub fn rows<T: FromRow>(&self) -> Result<Vec<T>> {
        self.iter().map(T::from_row).collect()
    }

    /// Returns the rows one by one.
    pub fn iter(&self) -> impl Iterator<Item = Row> {
        Rows::clone(&self.now).into_iter()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.now.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.now.is_empty()
    }

    /// Returns the number of commits of this database that the result is known to contain, counted
    /// since its first watch. Results of one moment are from the same read.
    pub fn moment(&self) -> u64 {
        self.moment
    }

    /// Returns what differs from the result before, as told apart by the columns of
    /// [`Watch::key`] or [`WatchAll::key`]. Of the first result, all rows are added.
    pub fn diff(&self) -> Diff {
        let none = Rows::default();
        let before = self.before.as_deref().unwrap_or(&none);
        Diff::of(&Delta::of(before, &self.now), before, &self.now, &self.key_columns())
    }

    /// The rows.
    pub(crate) fn result(&self) -> &Rows {
        &self.now
    }

    /// The indexes of the columns that tell rows apart.
    pub(crate) fn key_columns(&self) -> Vec<usize> {
        let columns = self.now.pages().first().map(|page| page.columns());
        let index = |key: &str| columns.and_then(|columns| columns.position(key));
        self.key.iter().filter_map(|key| index(key)).collect()
    }

    /// Refuses a result without a column of its key.
    fn checked(self) -> Result<Self> {
        if self.key.is_empty() {
            return Ok(self);
        }
        let first = self.iter().next();
        let is_missing = |key: &&str| first.as_ref().is_some_and(|row| row.value(*key).is_err());
        match self.key.iter().map(|key| &**key).find(is_missing) {
            Some(key) => Err(Error::invalid(format!(
                "the query returns no column {key:?}, which is to tell rows apart"
            ))),
            None => Ok(self),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("key", &self.all.keys).finish_non_exhaustive()
    }
}

impl fmt::Debug for WatchAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchAll").field("keys", &self.keys).finish_non_exhaustive()
    }
}
