//! Copies of the database, and replacing it, a slice at a time: other work runs between two.
//!
//! As with threads (`threaded/copy.rs`), a copy into a file proceeds on the writer's connection, in
//! the write permit, and in one read transaction where that does not come to an end. A copy as bytes
//! is read in one read transaction, since hosts have no other files than those of the database.

use std::future::poll_fn;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use super::pool::{self, PoolGuard};
use super::stoppable::stoppable;
use super::write_queue::WritePermit;
use super::{SingleThreadShared, checkpoint, connection_cell, read};
use crate::backend::{
    ChunkSink, CopyOrder, CopyProgress, CopyTo, Reply, RestoreFrom, cancelled, check_source,
    database_file,
};
use crate::engine::{ChunkCopy, RestoreSource};
use crate::error::{Error, Result};
use crate::platform;
use crate::program::Interrupt;

/// How long a slice keeps the thread.
const SLICE: Duration = Duration::from_millis(1);

/// Makes a copy.
pub(super) fn copy(shared: &Arc<SingleThreadShared>, order: CopyOrder) -> Reply<()> {
    let (shared, running) = (Arc::clone(shared), Running::begin(shared));
    stoppable(Box::pin(async move {
        let done = match order.to {
            #[cfg(not(target_family = "wasm"))]
            CopyTo::File { path, overwrite } => {
                let (compact, progress) = (order.compact, &order.progress);
                file::copy(&shared, &path, overwrite, compact, progress).await
            }
            #[cfg(target_family = "wasm")]
            CopyTo::File { .. } => {
                Err(Error::unsupported("a copy into a file: read it as bytes, and write them"))
            }
            CopyTo::Chunks(sink) => to_chunks(&shared, sink, order.compact, &order.progress).await,
        };
        drop(running);
        done
    }))
}

/// Counts a copy that is being made, so that closing waits for it.
struct Running(Arc<SingleThreadShared>);

impl Running {
    fn begin(shared: &Arc<SingleThreadShared>) -> Self {
        shared.copies.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.copies.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets others have their turn.
async fn others() {
    if !platform::THREADS {
        // The host's messages too.
        return platform::sleep(Duration::ZERO).await;
    }
    let mut over = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut over, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A connection that reads one moment for a copy. Dropping it ends the copy, and then the moment.
struct OneMoment {
    guard: PoolGuard,
    // After the guard, as for a snapshot.
    permit: Option<Arc<WritePermit>>,
}

impl OneMoment {
    async fn acquire(shared: &Arc<SingleThreadShared>) -> Result<Self> {
        pool::with_reader(shared, |guard, permit| Ok(Self { guard, permit })).await
    }

    fn with<T>(&self, work: impl FnOnce(&mut crate::engine::Connection) -> Result<T>) -> Result<T> {
        let done = read::with(self.guard.shared(), self.guard.slot(), work);
        if let Some(permit) = &self.permit {
            permit.note_progress();
        }
        done
    }
}

impl Drop for OneMoment {
    fn drop(&mut self) {
        connection_cell::with(self.guard.slot(), |connection| {
            connection.end_copies();
            connection.end_snapshot();
        });
    }
}

async fn to_chunks(
    shared: &Arc<SingleThreadShared>,
    sink: ChunkSink,
    compact: bool,
    progress: &CopyProgress,
) -> Result<()> {
    if compact {
        return Err(Error::unsupported("a compact copy as a stream, without files"));
    }
    let moment = OneMoment::acquire(shared).await?;
    let mut copy = moment.with(ChunkCopy::begin)?;
    loop {
        if !poll_fn(|cx| sink.poll_ready(cx)).await {
            return Err(cancelled());
        }
        match moment.with(|connection| copy.next(connection, SLICE))? {
            Some(chunk) => {
                progress.set(copy.step().done, copy.step().total);
                if !chunk.is_empty() {
                    sink.push(chunk);
                }
            }
            None => return Ok(()),
        }
        others().await;
    }
}

/// Replaces the database.
pub(super) fn restore(shared: &Arc<SingleThreadShared>, from: RestoreFrom) -> Reply<()> {
    let (shared, running) = (Arc::clone(shared), Running::begin(shared));
    stoppable(Box::pin(async move {
        let permit = shared.queue.take(shared.options.busy_timeout).await?;
        // What follows is one step, which nobody can stop.
        let stop = Arc::<Interrupt>::default();
        let form = shared.with_writer(|connection| connection.form())?;
        let mut source = match from {
            RestoreFrom::File(path) => {
                let own = database_file(&shared.options, &shared.path);
                check_source(own, &path)?;
                // Where the host keeps the files, it has this one too.
                let vfs = if platform::HAS_FILES { None } else { shared.options.vfs.as_deref() };
                RestoreSource::open(&path, vfs, &stop)?
            }
            RestoreFrom::Bytes(bytes) => RestoreSource::of_bytes(&bytes, &stop)?,
        };
        if !source.fits(&form)? {
            source = source.rebuilt_in_memory(&form, &stop)?;
        }
        let restored = shared.with_writer(|connection| connection.restore(&mut source, &stop));
        drop(source);
        if restored.is_ok() {
            checkpoint::after_commit(&shared);
        }
        drop((permit, running));
        restored
    }))
}

/// Copies into files of the operating system.
#[cfg(not(target_family = "wasm"))]
mod file {
    use super::*;
    use crate::backend::copy_file::{CopyFile, RESTARTS, unwritten};
    use crate::engine::{CopyNumber, CopyTarget, Role};
    use crate::error::ErrorKind;

    pub(super) async fn copy(
        shared: &Arc<SingleThreadShared>,
        path: &Path,
        overwrite: bool,
        compact: bool,
        progress: &CopyProgress,
    ) -> Result<()> {
        let part = CopyFile::create(path, overwrite, database_file(&shared.options, &shared.path))?;
        if compact {
            let mut source = shared.connect(Role::Reader)?;
            part.write_compact(&mut source, progress, &Arc::default())?;
            return part.finish(source);
        }
        let target = match between_writes(shared, &part, progress).await.map_err(unwritten)? {
            Some(target) => target,
            None => {
                part.clear()?;
                in_one_read(shared, &part, progress).await.map_err(unwritten)?
            }
        };
        part.finish(target)
    }

    /// Copies on the writer's connection, between writes. `None`: that does not come to an end.
    async fn between_writes(
        shared: &Arc<SingleThreadShared>,
        part: &CopyFile,
        progress: &CopyProgress,
    ) -> Result<Option<CopyTarget>> {
        let copy = OnWriter { shared, number: CopyNumber::fresh() };
        let (mut begun, mut restarts) = (false, 0);
        while restarts <= RESTARTS {
            let permit = match shared.queue.take(shared.options.busy_timeout).await {
                Err(error) if error.kind() == ErrorKind::Busy => return Ok(None),
                permit => permit?,
            };
            let step = shared.with_writer(|connection| {
                if !std::mem::replace(&mut begun, true) {
                    connection.begin_copy(copy.number, CopyTarget::open(part.path())?)?;
                }
                connection.step_copy(copy.number, SLICE).transpose()
            });
            let step = match step {
                Ok(Some(step)) => step,
                // A script has left something in the connection, and there is another now.
                Ok(None) => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Busy => return Ok(None),
                Err(error) => return Err(error),
            };
            progress.set(step.done, step.total);
            if step.finished {
                let target = shared.with_writer(|it| Ok(it.end_copy(copy.number)))?;
                return target.ok_or_else(cancelled).map(Some);
            }
            restarts += u32::from(step.restarted);
            drop(permit);
            others().await;
        }
        Ok(None)
    }

    /// A copy on the writer's connection. Dropping it ends it.
    struct OnWriter<'a> {
        shared: &'a SingleThreadShared,
        number: CopyNumber,
    }

    impl Drop for OnWriter<'_> {
        fn drop(&mut self) {
            let connection = self.shared.writer.try_connection();
            if let Some(connection) =
                connection.and_then(|mut it| it.as_mut()?.end_copy(self.number))
            {
                drop(connection);
            }
        }
    }

    /// Copies in one read transaction.
    async fn in_one_read(
        shared: &Arc<SingleThreadShared>,
        part: &CopyFile,
        progress: &CopyProgress,
    ) -> Result<CopyTarget> {
        let moment = OneMoment::acquire(shared).await?;
        let number = CopyNumber::fresh();
        moment.with(|connection| {
            connection.begin_snapshot()?;
            connection.begin_copy(number, CopyTarget::open(part.path())?)
        })?;
        loop {
            let step = moment.with(|connection| {
                connection.step_copy(number, SLICE).unwrap_or_else(|| Err(cancelled()))
            })?;
            progress.set(step.done, step.total);
            if step.finished {
                let target = moment.with(|connection| Ok(connection.end_copy(number)))?;
                return target.ok_or_else(cancelled);
            }
            others().await;
        }
    }
}
