//! Copies of a database, and replacing it by one.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use crate::api::database::Database;
use crate::backend::{ChunkSource, CopyOrder, CopyProgress, CopyTo, Reply, RestoreFrom, chunks};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::database_inner::DatabaseInner;
use crate::exec::stream::in_time;
use crate::exec::target::limited;
use crate::options::Options;
use crate::platform::BoxFuture;

/// A copy of a database into a file, from [`Database::backup`](crate::Database::backup): awaited as
/// a whole, or step by step with [`try_next`](Self::try_next).
///
/// The copy is one moment of the database, not before the copy was begun: usually that of its end,
/// since what is written through this [`Database`](crate::Database) meanwhile goes into the copy as
/// well. Others read and write while it is made. It is made in slices of about a millisecond between
/// the writes, and the write-ahead log stays small however large the database is.
///
/// A copy that is made while other processes (or [sessions](crate::Session)) keep writing begins
/// anew twice at most, and then copies in one read transaction, which keeps the log from being
/// emptied until the copy is complete. So does a copy that waits for a transaction which makes no
/// progress for the busy timeout: a backup may be made inside a transaction, and has what was
/// committed before.
///
/// The file is written as `name.part` next to its place, and gets its name when it is complete and
/// on the disk: whatever happens, there is no half file by that name. A `name.part` that is left by
/// a process that was killed is replaced by the next copy.
///
/// # Cancellation
/// Dropping it ends the copy, and removes what there is of it.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let (path, daily) = (folder.path().join("app.db"), folder.path().join("daily.db"));
/// let db = ubiqlite::Database::open(path).await?;
/// db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)", ()).await?;
///
/// let mut backup = db.backup(&daily).overwrite(true);
/// while let Some(progress) = backup.try_next().await? {
///     println!("{} of {} pages", progress.done, progress.total);
/// }
/// # assert!(daily.exists());
/// # db.close().await
/// # }
/// ```
#[must_use = "a backup does nothing unless it is awaited"]
pub struct Backup {
    stage: BackupStage,
    progress: Arc<CopyProgress>,
    /// What was returned last.
    last: (u32, u32),
    limit: Option<Duration>,
    // Keeps the database open.
    inner: Arc<DatabaseInner>,
}

enum BackupStage {
    New { path: PathBuf, overwrite: bool, compact: bool },
    Running(Reply<()>),
    Over,
}

/// How far a [`Backup`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupProgress {
    /// The pages that are copied. It begins anew at 0 when the copy does.
    pub done: u32,
    /// The pages that the database has now.
    pub total: u32,
}

impl Backup {
    /// Sets whether a file that has the name is replaced, in one step once the copy is complete.
    /// Default: false, which makes such a copy fail with `InvalidArgument`.
    pub fn overwrite(mut self, on: bool) -> Self {
        if let BackupStage::New { overwrite, .. } = &mut self.stage {
            *overwrite = on;
        }
        self
    }

    /// Sets whether the copy is made without the space that deleted rows have left, by SQLite's
    /// `VACUUM INTO`. It is the moment at which the copy was begun, keeps the log from being emptied
    /// while it is made, and reports its progress only at its end. Rows of tables without an
    /// `INTEGER PRIMARY KEY` may get other rowids. Default: false.
    pub fn compact(mut self, on: bool) -> Self {
        if let BackupStage::New { compact, .. } = &mut self.stage {
            *compact = on;
        }
        self
    }

    /// Returns how far the copy is, when that has changed since the last call; `None` once it is
    /// complete. The copy goes on between two calls.
    ///
    /// # Errors
    /// `InvalidArgument` if the file exists and may not be overwritten, is the database itself or
    /// one of its files by whatever name, or has the log or journal of another database next to it;
    /// `CannotOpen` for a missing or forbidden folder; `DiskFull`; `Busy` while another copy is
    /// written to the same place; `Closed` if the database was closed; `Unsupported` without
    /// [`Capabilities::backups`](crate::Capabilities), and where there are no paths, as in browsers
    /// ([`backup_stream`](crate::Database::backup_stream) works there). There is no file of the copy
    /// then.
    ///
    /// # Cancellation
    /// Dropping the future of this call loses nothing, and does not end the copy.
    pub async fn try_next(&mut self) -> Result<Option<BackupProgress>> {
        let limit = self.limit;
        in_time(limit, |cx| self.poll_progress(cx)).await
    }

    pub(crate) fn poll_progress(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<BackupProgress>>> {
        self.start();
        let BackupStage::Running(reply) = &mut self.stage else { return Poll::Ready(Ok(None)) };
        // Before it is looked at, so that no news is missed.
        self.progress.wake(cx.waker());
        let ended = Pin::new(reply).poll(cx);
        let now = self.progress.get();
        if let Poll::Ready(Err(error)) = ended {
            self.stage = BackupStage::Over;
            return Poll::Ready(Err(error));
        }
        if ended.is_ready() {
            self.stage = BackupStage::Over;
        }
        if now != self.last {
            self.last = now;
            return Poll::Ready(Ok(Some(BackupProgress { done: now.0, total: now.1 })));
        }
        if ended.is_ready() { Poll::Ready(Ok(None)) } else { Poll::Pending }
    }

    /// Begins, if that has not happened.
    fn start(&mut self) {
        if !matches!(self.stage, BackupStage::New { .. }) {
            return;
        }
        if let BackupStage::New { path, overwrite, compact } =
            std::mem::replace(&mut self.stage, BackupStage::Over)
        {
            let to = CopyTo::File { path, overwrite };
            let order = CopyOrder { to, compact, progress: Arc::clone(&self.progress) };
            self.stage = BackupStage::Running(begin(&self.inner, order));
        }
    }
}

fn begin(inner: &DatabaseInner, order: CopyOrder) -> Reply<()> {
    match inner.gate.check() {
        Ok(()) => inner.backend.copy(order),
        Err(error) => Reply::err(error),
    }
}

impl IntoFuture for Backup {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'static, Result<()>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            self.start();
            match std::mem::replace(&mut self.stage, BackupStage::Over) {
                BackupStage::Running(reply) => limited(reply, self.limit, true).await,
                _ => Ok(()),
            }
        })
    }
}

impl Stream for Backup {
    type Item = Result<BackupProgress>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_progress(cx).map(Result::transpose)
    }
}

impl fmt::Debug for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backup").field("progress", &self.progress.get()).finish_non_exhaustive()
    }
}

/// The bytes of a copy of a database, from
/// [`Database::backup_stream`](crate::Database::backup_stream), in order and a few ahead of whoever
/// reads them.
///
/// # Cancellation
/// Dropping the future of [`try_next`](Self::try_next) loses nothing. Dropping the stream ends the
/// copy.
#[must_use = "a stream does nothing unless it is read"]
pub struct BackupStream {
    stage: StreamStage,
    limit: Option<Duration>,
    // Keeps the database open.
    inner: Arc<DatabaseInner>,
}

enum StreamStage {
    New { compact: bool },
    Running { bytes: ChunkSource, made: Option<Reply<()>> },
    Over,
}

impl BackupStream {
    /// As [`Backup::compact`]. `Unsupported` where the copy is not made in a file.
    pub fn compact(mut self, on: bool) -> Self {
        if let StreamStage::New { compact } = &mut self.stage {
            *compact = on;
        }
        self
    }

    /// Returns the next bytes; `None` after the last, when the copy is complete.
    ///
    /// # Errors
    /// `DiskFull` if there is no room for the copy; `Timeout` if the reader has stalled for the stall
    /// timeout while the log was beyond its limit, where the copy is not made in a file; `Closed`,
    /// `Unsupported`. What has come before the error is no database.
    pub async fn try_next(&mut self) -> Result<Option<Vec<u8>>> {
        let limit = self.limit;
        in_time(limit, |cx| self.poll_bytes(cx)).await
    }

    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>>> {
        if let StreamStage::New { compact } = self.stage {
            let (sink, bytes) = chunks();
            let progress = Arc::default();
            let order = CopyOrder { to: CopyTo::Chunks(sink), compact, progress };
            self.stage = StreamStage::Running { bytes, made: Some(begin(&self.inner, order)) };
        }
        let StreamStage::Running { bytes, made } = &mut self.stage else {
            return Poll::Ready(Ok(None));
        };
        // The bytes that are here come first, whatever follows them.
        let mut next = bytes.poll_next(cx);
        if !matches!(next, Poll::Ready(Some(_)))
            && let Some(reply) = made
        {
            match Pin::new(reply).poll(cx) {
                Poll::Ready(Ok(())) => *made = None,
                Poll::Ready(Err(error)) => {
                    self.stage = StreamStage::Over;
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => {}
            }
            // It is made while it is polled, perhaps.
            next = bytes.poll_next(cx);
        }
        match next {
            Poll::Ready(Some(chunk)) => Poll::Ready(Ok(Some(chunk))),
            // Why it has ended says the reply, which is on its way.
            Poll::Ready(None) if made.is_some() => Poll::Pending,
            Poll::Ready(None) => {
                self.stage = StreamStage::Over;
                Poll::Ready(Ok(None))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Stream for BackupStream {
    type Item = Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_bytes(cx).map(Result::transpose)
    }
}

impl fmt::Debug for BackupStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupStream").finish_non_exhaustive()
    }
}

impl Database {
    /// Copies the database into the file `path`, while others go on reading and writing. See
    /// [`Backup`] for what the copy is and for its errors.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let db = ubiqlite::Database::open(folder.path().join("app.db")).await?;
    /// # let path = folder.path().join("copy.db");
    /// db.backup(&path).await?;
    /// # assert!(path.exists());
    /// # db.close().await
    /// # }
    /// ```
    pub fn backup(&self, path: impl AsRef<Path>) -> Backup {
        let path = path.as_ref().to_owned();
        Backup {
            stage: BackupStage::New { path, overwrite: false, compact: false },
            progress: Arc::default(),
            last: (0, 0),
            limit: self.target().limit,
            inner: Arc::clone(self.shared()),
        }
    }

    /// Copies the database as a stream of the bytes of its file: for an upload, and where there are
    /// no paths, as in browsers.
    ///
    /// A database in a file is copied into a temporary file next to it (or, if that is not possible,
    /// among the system's), which is removed before its first byte is returned: so the reader may
    /// take its time, and the database needs free space of its size on the disk. A database in memory,
    /// or of a VFS, is read in one read transaction instead, which keeps its log from being emptied
    /// until the last byte is returned.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
    /// # let db = ubiqlite::Database::open(":memory:").await?;
    /// # db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY)", ()).await?;
    /// # let mut upload = Vec::new();
    /// let mut bytes = db.backup_stream();
    /// while let Some(chunk) = bytes.try_next().await? {
    ///     upload.extend(chunk);
    /// }
    /// # assert!(upload.starts_with(b"SQLite format 3"));
    /// # db.close().await
    /// # }
    /// ```
    pub fn backup_stream(&self) -> BackupStream {
        BackupStream {
            stage: StreamStage::New { compact: false },
            limit: self.target().limit,
            inner: Arc::clone(self.shared()),
        }
    }

    /// Returns a copy of the database as the bytes of its file.
    ///
    /// # Errors
    /// As [`BackupStream::try_next`].
    pub async fn serialize(&self) -> Result<Vec<u8>> {
        let mut stream = self.backup_stream();
        let mut all = Vec::new();
        while let Some(chunk) = stream.try_next().await? {
            all.extend(chunk);
        }
        Ok(all)
    }

    /// Replaces all that the database contains by what the file `path` does, in one transaction:
    /// whoever reads sees all of the old or all of the new. Live queries run again, once. Snapshots,
    /// and transactions that have begun to read, keep what they see.
    ///
    /// The file is checked before anything is changed (`PRAGMA quick_check`), and is not changed. The
    /// database keeps its page size and its journal mode; if the file's page size is another (or it
    /// is in WAL mode and the database is not), it is rebuilt in a temporary file of SQLite's first,
    /// in which rows of tables without an `INTEGER PRIMARY KEY` may get other rowids. All of the new
    /// content goes through the write-ahead log, which is that large for a moment.
    ///
    /// # Errors
    /// `NotADatabase` for an empty file or one of another format; `Corrupt` for a damaged one;
    /// `CannotOpen`; `InvalidArgument` for the database itself, and for a file whose texts are in
    /// another encoding than this database's (UTF-8, unless `PRAGMA encoding` was set before its
    /// first table); `Busy` as for any write; `DiskFull`; `ReadOnly`; `Unsupported` without
    /// [`Capabilities::backups`](crate::Capabilities). Nothing is changed then.
    ///
    /// # Cancellation
    /// Dropping the future: it happens entirely or not at all.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let db = ubiqlite::Database::open(folder.path().join("app.db")).await?;
    /// # let daily = folder.path().join("daily.db");
    /// db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY)", ()).await?;
    /// db.backup(&daily).await?;
    /// db.execute("DROP TABLE items", ()).await?;
    /// db.restore(&daily).await?;
    /// let items: i64 = db.query_value("SELECT count(*) FROM items", ()).await?;
    /// # assert_eq!(items, 0);
    /// # db.close().await
    /// # }
    /// ```
    pub async fn restore(&self, path: impl AsRef<Path>) -> Result<()> {
        self.restore_from(RestoreFrom::File(path.as_ref().to_owned())).await
    }

    /// As [`restore`](Self::restore), from the bytes of a database file.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub async fn restore_bytes(&self, bytes: impl Into<Vec<u8>>) -> Result<()> {
        self.restore_from(RestoreFrom::Bytes(bytes.into().into())).await
    }

    pub(crate) async fn restore_from(&self, from: RestoreFrom) -> Result<()> {
        let inner = self.shared();
        let reply = match inner.gate.check() {
            Ok(()) => inner.backend.restore(from),
            Err(error) => Reply::err(error),
        };
        limited(reply, self.target().limit, false).await
    }

    /// Opens a database in memory with the content of these bytes, which are those of a database
    /// file, with the default [`Options`].
    ///
    /// # Errors
    /// `NotADatabase` and `Corrupt`.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ubiqlite::Result<()> {
    /// use ubiqlite::Database;
    /// let db = Database::open(":memory:").await?;
    /// db.execute("CREATE TABLE items (name TEXT)", ()).await?;
    /// let bytes = db.serialize().await?;
    /// let copy = Database::deserialize(bytes).await?;
    /// assert_eq!(copy.query_value::<i64>("SELECT count(*) FROM items", ()).await?, 0);
    /// # Ok(()) }
    /// ```
    pub async fn deserialize(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        Options::default().deserialize(bytes).await
    }
}

impl Options {
    /// Opens a database in memory with these settings, and with the content of these bytes, which
    /// are those of a database file.
    ///
    /// # Errors
    /// As [`Database::deserialize`].
    pub async fn deserialize(self, bytes: impl Into<Vec<u8>>) -> Result<Database> {
        let bytes = bytes.into();
        // SQLite takes no bytes at all for a new database.
        if !bytes.starts_with(b"SQLite format 3\0") {
            let message = "these bytes are not an SQLite database, or it is encrypted";
            return Err(Error::new(ErrorKind::NotADatabase, message));
        }
        let backend = crate::backend::open_bytes(&bytes, self).await?;
        drop(bytes);
        let db = Database::from_backend(backend);
        let found: String = db.query_value("PRAGMA quick_check(1)", ()).await?;
        if found != "ok" {
            let message = format!("the database is damaged: {found}");
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        Ok(db)
    }
}
