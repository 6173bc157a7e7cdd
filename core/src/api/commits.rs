//! The commit feed: what each commit has changed.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::error::{Error, Result};
use crate::exec::database_inner::DatabaseInner;
use crate::live::{CommitEvent, Hub, WatchId};

/// A commit feed, from [`Database::commits`](crate::Database::commits): a stream of what commits
/// have changed.
///
/// It has each commit that happens after it was made, whoever makes it, in order; what is rolled
/// back is not in it. Of a commit of this database it has the tables and the keys of rows, of others
/// only that there was one. [`Database::touch`](crate::Database::touch) is no commit.
///
/// A reader may ask late: 32 events are kept for it, and the last of them joins all later commits,
/// so that it loses detail but no change. A feed keeps the database open, and ends when that is
/// closed, after what was committed before.
///
/// # Cancellation
/// Dropping a future of [`try_next`](Self::try_next) loses nothing: the next call returns what it
/// would have returned. Dropping the feed ends it.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
/// use ubiqlite::{Database, Row, RowChangeKind, record};
/// let db = Database::open(":memory:").await?;
/// db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)", ()).await?;
///
/// let mut commits = db.commits();
/// db.table("items").insert(record! { "id" => 7, "name" => "lamp" }).await?;
///
/// let commit = commits.try_next().await?.expect("the database is open");
/// let table = &commit.tables[0];
/// assert_eq!(table.name, "items");
/// for row in table.rows.iter().flatten() {
///     assert_eq!(row.kind, RowChangeKind::Insert);
///     let now: Option<Row> = db.table(&table.name).get(&row.key).await?;
///     assert_eq!(now.unwrap().get::<&str>("name")?, "lamp");
/// }
/// # db.close().await
/// # }
/// ```
#[must_use = "a feed keeps commits for whoever reads it"]
pub struct Commits(CommitsStage);

enum CommitsStage {
    On {
        hub: Arc<Hub>,
        id: WatchId,
        /// Keeps the database open.
        _open: Arc<DatabaseInner>,
    },
    Refused(Error),
    Over,
}

impl Commits {
    pub(crate) fn new(inner: &Arc<DatabaseInner>) -> Self {
        Self(match inner.gate.check().and_then(|()| inner.hub().cloned()) {
            Ok(hub) => {
                let id = hub.follow();
                CommitsStage::On { hub, id, _open: Arc::clone(inner) }
            }
            Err(error) => CommitsStage::Refused(error),
        })
    }

    /// Restricts the feed to commits that change one of these tables, and to what may have changed
    /// anything, or the schema. The events then have no other tables. The feed begins anew with
    /// this call. A table need not exist yet; the case of its name does not count.
    pub fn tables<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        if let CommitsStage::On { hub, id, .. } = &self.0 {
            hub.restrict(*id, names.into_iter().map(Box::from).collect());
        }
        self
    }

    /// Returns what the next commit has changed; `None` once the database is closed.
    ///
    /// # Errors
    /// `Closed` if the database was closed before the feed began; `Unsupported` on a backend
    /// without live queries.
    pub async fn try_next(&mut self) -> Result<Option<CommitEvent>> {
        std::future::poll_fn(|cx| self.poll_event(cx)).await.transpose()
    }

    /// See [`try_next`](Self::try_next).
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<CommitEvent>>> {
        if let CommitsStage::On { hub, id, .. } = &self.0 {
            let next = std::task::ready!(hub.poll_commit(*id, cx));
            if next.is_none() {
                self.end();
            }
            return Poll::Ready(next.map(Ok));
        }
        match std::mem::replace(&mut self.0, CommitsStage::Over) {
            CommitsStage::Refused(error) => Poll::Ready(Some(Err(error))),
            _ => Poll::Ready(None),
        }
    }

    fn end(&mut self) {
        if let CommitsStage::On { hub, id, .. } = std::mem::replace(&mut self.0, CommitsStage::Over)
        {
            hub.unfollow(id);
        }
    }
}

impl Drop for Commits {
    fn drop(&mut self) {
        self.end();
    }
}

impl Stream for Commits {
    type Item = Result<CommitEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl fmt::Debug for Commits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commits").finish_non_exhaustive()
    }
}
