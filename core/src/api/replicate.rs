//! Replicas: a database that is stored elsewhere as it changes, and restored from there.

use std::future::IntoFuture;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::api::database::Database;
use crate::backend::Reply;
use crate::backend::replica::{ReplicaControl, ReplicaOptions, ReplicaOrder, ReplicaState};
use crate::backend::replica_files::{self, ReplicaMoment};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::database_inner::DatabaseInner;
use crate::exec::target::limited;
use crate::platform::BoxFuture;
use crate::replicate::{ReplicaFolder, ReplicaStorage};

/// A replica that is to be begun, from [`Database::replicate`](crate::Database::replicate).
#[must_use = "a replica is not begun unless this is awaited"]
pub struct Replicate {
    storage: Arc<dyn ReplicaStorage>,
    options: ReplicaOptions,
    limit: Option<Duration>,
    // Keeps the database open until it is begun.
    inner: Arc<DatabaseInner>,
}

impl Replicate {
    /// Sets for how long transactions go into one file; each file is a moment that can be restored.
    /// With `Duration::ZERO` every transaction has a file of its own, as long as the storage keeps
    /// up. Default: 0.5 s.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.options.interval = interval;
        self
    }

    /// Sets how many bytes of pages may wait in memory while the storage is slow. When there are
    /// more, transactions that wait become one file, in which each page is once; if that is still
    /// too much, the replica goes on with all pages of the database
    /// ([`SnapshotReason::Memory`](crate::SnapshotReason::Memory)). Writers never wait. Default:
    /// 64 MiB.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.options.memory = bytes;
        self
    }

    /// Sets after how long all pages are stored once more, if anything was committed since: the more
    /// often, the fewer files a restored database is made of. `None`: never. Default: 24 hours.
    pub fn snapshot_every(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.options.snapshot_every = time.into();
        self
    }

    /// Sets how far back one can go at least. What is older is removed whenever all pages were
    /// stored. `None`: nothing is removed. Default: `None`.
    pub fn keep(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.options.keep = time.into();
        self
    }

    /// Sets for how long [`Database::close`](crate::Database::close) and [`Replica::stop`] go on
    /// storing what was committed before. Default: 10 s.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.options.close_timeout = timeout;
        self
    }
}

impl IntoFuture for Replicate {
    type Output = Result<Replica>;
    type IntoFuture = BoxFuture<'static, Result<Replica>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { storage, options, limit, inner } = self;
            inner.gate.check()?;
            let control = Arc::new(ReplicaControl::default());
            let close_timeout = options.close_timeout;
            let order = ReplicaOrder { storage, options, control: Arc::clone(&control) };
            let mut beginning = Beginning(Some(Arc::clone(&control)));
            limited(inner.backend.replicate(order), limit, true).await?;
            beginning.0 = None;
            Ok(Replica { control, close_timeout, limit })
        })
    }
}

/// Ends a replica that nobody wants any more before it has begun.
struct Beginning(Option<Arc<ReplicaControl>>);

impl Drop for Beginning {
    fn drop(&mut self) {
        if let Some(control) = &self.0 {
            drop(control.stop(Duration::ZERO));
        }
    }
}

impl std::fmt::Debug for Replicate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replicate").field("options", &self.options).finish_non_exhaustive()
    }
}

/// A replica that is kept up to date, from [`Database::replicate`](crate::Database::replicate).
///
/// It is kept up to date until it is stopped or the database is closed, also when this is dropped.
/// Its errors never concern those who write: what could not be stored is tried again, after 0.1 to
/// 30 s, and told by [`state`](Self::state).
#[derive(Debug, Clone)]
pub struct Replica {
    control: Arc<ReplicaControl>,
    close_timeout: Duration,
    limit: Option<Duration>,
}

impl Replica {
    /// Returns how far it is, and why nothing could be stored if that is so.
    pub fn state(&self) -> ReplicaState {
        self.control.state()
    }

    /// Waits until all is stored that was committed before this call. As long as the storage
    /// refuses, it waits: [`Database::timeout`](crate::Database::timeout) ends that.
    ///
    /// # Errors
    /// `Closed` if the replica has ended; the error of the storage if it ends without having stored
    /// all; `Timeout`.
    ///
    /// # Cancellation
    /// Dropping the future ends waiting alone.
    pub async fn flush(&self) -> Result<()> {
        self.flush_within(self.limit).await
    }

    pub(crate) async fn flush_within(&self, limit: Option<Duration>) -> Result<()> {
        limited(self.control.flush(), limit, true).await
    }

    /// Stores what was committed before this call, for the close timeout at most, and ends. Does
    /// nothing if it has ended.
    ///
    /// # Errors
    /// The error of the storage if not all was stored. It has ended all the same. `Io` if a method of
    /// the storage has not returned 0.1 s after the close timeout: then the replica ends when that
    /// returns, and stores nothing after it.
    ///
    /// # Cancellation
    /// Dropping the future ends waiting alone.
    pub async fn stop(&self) -> Result<()> {
        let longest = self.close_timeout.saturating_add(GRACE);
        let limit = self.limit.filter(|limit| *limit < longest);
        let stop = self.control.stop(self.close_timeout);
        match limited(stop, limit.or(Some(longest)), true).await {
            Err(error) if error.kind() == ErrorKind::Timeout && limit.is_none() => Err(silent()),
            stopped => stopped,
        }
    }

    /// Ends it, whatever is not stored.
    pub(crate) fn abandon(&self) {
        drop(self.control.stop(Duration::ZERO));
    }
}

/// How long past the close timeout a storage has to return.
const GRACE: Duration = Duration::from_millis(100);

#[cold]
fn silent() -> Error {
    Error::new(ErrorKind::Io, "the replica's storage has not returned within the close timeout")
}

impl Database {
    /// Keeps a replica of the database up to date in the folder `to`: all its pages first, and then
    /// those that each commit has changed, whoever made it. [`restore_replica`] makes the database of
    /// any moment of it again, into a new file. The files are [LTX](https://github.com/superfly/ltx),
    /// which its program `ltx` reads, in litestream's layout.
    ///
    /// What is committed is read from the write-ahead log afterwards, by a thread of the replica.
    /// Nobody who writes waits for it, no read transaction is kept open, and the log stays as small
    /// as without it. Only while all pages are read, that takes one read transaction.
    ///
    /// All pages are stored again when it is not known what follows: after a time in which nobody
    /// replicated and the database was changed (otherwise it goes on where it was), after another
    /// process has begun the log anew before it was read, and after a change of the journal mode.
    /// [`Replica::state`] tells why. Commits of other processes are noticed within half a second.
    ///
    /// One process at a time keeps a replica in a folder. One `Database` may have several, in
    /// different folders.
    ///
    /// # Errors
    /// `Unsupported` without a write-ahead log, and in browsers; `Busy` if another process, or
    /// another replica of this one, writes to the folder; `CannotOpen`, `Io` and others of the
    /// folder; `Closed`.
    ///
    /// # Cancellation
    /// Dropping the future before it is ready ends the replica.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let (path, to) = (folder.path().join("app.db"), folder.path().join("replica"));
    /// # let restored = folder.path().join("restored.db");
    /// use ubiqlite::{Database, ReplicaMoment, restore_replica};
    ///
    /// let db = Database::open(path).await?;
    /// let replica = db.replicate(&to).await?;
    /// db.batch("CREATE TABLE items (name TEXT); INSERT INTO items VALUES ('lamp')").await?;
    /// replica.flush().await?;
    /// println!("transaction {} is stored", replica.state().transaction);
    ///
    /// restore_replica(&to, ReplicaMoment::Latest, &restored).await?;
    /// # let copy = Database::open(&restored).await?;
    /// # assert_eq!(copy.query_value::<String>("SELECT name FROM items", ()).await?, "lamp");
    /// # copy.close().await?;
    /// # db.close().await
    /// # }
    /// ```
    pub fn replicate(&self, to: impl AsRef<Path>) -> Replicate {
        self.replicate_to(ReplicaFolder::new(to))
    }

    /// As [`replicate`](Self::replicate), into whatever keeps files: an object store, for example.
    ///
    /// One replica at a time keeps its files in a storage. Where the storage does not see to that itself
    /// ([`ReplicaStorage::claim`]), a file `ubiqlite.owner` in it says whose it is. A second replica of
    /// this process is refused. One of another process takes the storage over, since the first may have
    /// been killed, and the first ends before it stores another file: its
    /// [`state`](Replica::state) says so. What the first was storing just then does no harm, because the
    /// second leaves out some hundred million numbers of transactions; so does whoever comes after a
    /// killed process. A replica that ends in good order removes the file.
    ///
    /// # Errors
    /// As [`replicate`](Self::replicate), and those of the storage's `open` and `list`.
    pub fn replicate_to(&self, storage: impl ReplicaStorage) -> Replicate {
        Replicate {
            storage: Arc::new(storage),
            options: ReplicaOptions::default(),
            limit: self.target().limit,
            inner: Arc::clone(self.shared()),
        }
    }
}

/// Makes the database of a moment of the replica in the folder `from`, in the new file `to`, which
/// gets its name when it is complete. Returns the number of its last transaction.
///
/// All checksums are verified: those of the files that are read, and that of the database after each
/// of them, so what is restored is what was there, byte for byte. It takes its time, on a thread of
/// its own. The replica may be written to meanwhile.
///
/// # Errors
/// `NotFound` if there is no replica, if the moment is not one of its (the message has the nearest
/// ones), or if a file is missing without which it can't be made; `Corrupt` for a damaged file, which
/// the message names: an earlier moment may be whole; `InvalidArgument` if `to` exists; `CannotOpen`,
/// `DiskFull` and others. There is no file `to` then.
///
/// # Cancellation
/// Dropping the future ends the work: the new file is whole, or not there.
///
/// # Example
/// ```no_run
/// # async fn example() -> ubiqlite::Result<()> {
/// use std::time::{Duration, SystemTime};
/// use ubiqlite::ReplicaMoment;
///
/// let hour_ago = SystemTime::now() - Duration::from_secs(3600);
/// ubiqlite::restore_replica("backup", ReplicaMoment::Time(hour_ago), "before.db").await?;
/// # Ok(()) }
/// ```
pub async fn restore_replica(
    from: impl AsRef<Path>,
    moment: ReplicaMoment,
    to: impl AsRef<Path>,
) -> Result<u64> {
    restore_replica_from(Arc::new(ReplicaFolder::new(from)), moment, to).await
}

/// As [`restore_replica`], from whatever keeps the files of a replica.
///
/// # Errors
/// As [`restore_replica`], and those of the storage.
///
/// # Cancellation
/// As [`restore_replica`].
pub async fn restore_replica_from(
    from: Arc<dyn ReplicaStorage>,
    moment: ReplicaMoment,
    to: impl AsRef<Path>,
) -> Result<u64> {
    let restored: Reply<u64> = replica_files::restore(from, moment, to.as_ref().to_owned());
    restored.await
}
