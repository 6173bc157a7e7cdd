//! Copies of the database for a client, and replacing it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use super::cells::Cells;
use super::fifo_lock::FifoLock;
use super::handles::{CallTarget, Handle};
use super::numbers::op;
use super::read::{ByteReader, malformed};
use super::reply::Outcome;
use super::request::RequestHead;
use super::run::OperationEnd;
use super::server::{RequestFuture, ServerInner};
use crate::api::backup::{Backup, BackupStream};
use crate::backend::RestoreFrom;
use crate::error::Result;
use crate::exec::stream::in_time;
use crate::platform::BoxFuture;
use crate::row::Rows;
use crate::value::ValueRef;

/// An operation on the whole database.
#[derive(Debug)]
pub(super) enum BackupOperation {
    File { path: PathBuf, overwrite: bool, compact: bool },
    Stream { compact: bool },
    Restore(RestoreFrom),
}

/// A copy that a client follows.
pub(super) struct BackupHandle {
    source: Mutex<BackupSource>,
    /// Its calls run in the order they were requested.
    lock: Arc<FifoLock>,
}

enum BackupSource {
    File(Backup),
    Stream(BackupStream),
}

impl BackupOperation {
    /// Whether it changes a file.
    pub(super) fn changes(&self) -> bool {
        !matches!(self, Self::Stream { .. })
    }

    pub(super) fn read(op: u8, from: &mut ByteReader<'_>) -> Result<Option<Self>> {
        Ok(Some(match op {
            op::BACKUP => {
                let (overwrite, compact) = (from.u8()? != 0, from.u8()? != 0);
                Self::File { path: from.str()?.into(), overwrite, compact }
            }
            op::BACKUP_STREAM => Self::Stream { compact: from.u8()? != 0 },
            op::RESTORE => Self::Restore(match from.u8()? {
                0 => RestoreFrom::File(from.str()?.into()),
                1 => RestoreFrom::Bytes(from.blob()?.into()),
                _ => return Err(malformed()),
            }),
            _ => return Ok(None),
        }))
    }
}

/// Runs one of them.
///
/// # Errors
/// Theirs, and `InvalidArgument` on anything but the database.
pub(super) fn run<'a>(
    on: &'a CallTarget,
    limit: Option<Duration>,
    operation: BackupOperation,
) -> BoxFuture<'a, Result<OperationEnd>> {
    Box::pin(async move {
        let CallTarget::Database(database) = on else { return Err(malformed()) };
        let source = match operation {
            BackupOperation::File { path, overwrite, compact } => {
                let backup = database.backup(path).overwrite(overwrite).compact(compact);
                BackupSource::File(backup)
            }
            BackupOperation::Stream { compact } => {
                BackupSource::Stream(database.backup_stream().compact(compact))
            }
            BackupOperation::Restore(from) => {
                database.limited(limit).restore_from(from).await?;
                return Ok(Outcome::Done.into());
            }
        };
        let handle = BackupHandle { source: Mutex::new(source), lock: Arc::default() };
        Ok(OperationEnd::Held(Handle::Backup(Arc::new(handle))))
    })
}

impl BackupHandle {
    fn source(&self) -> MutexGuard<'_, BackupSource> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Option<Rows>>> {
        let mut cells = Cells::default();
        let some = match &mut *self.source() {
            BackupSource::File(backup) => {
                let progress = std::task::ready!(backup.poll_progress(cx))?;
                if let Some(progress) = progress {
                    cells.push(ValueRef::Integer(progress.done.into()));
                    cells.push(ValueRef::Integer(progress.total.into()));
                }
                progress.is_some()
            }
            BackupSource::Stream(stream) => {
                let bytes = std::task::ready!(stream.poll_bytes(cx))?;
                if let Some(bytes) = &bytes {
                    cells.push(ValueRef::Blob(bytes));
                }
                bytes.is_some()
            }
        };
        Poll::Ready(Ok(some.then(|| cells.finish())))
    }
}

impl ServerInner {
    /// Returns the work of fetching how far a copy is, or its next bytes.
    pub(super) fn next_of_copy(
        self: Arc<Self>,
        head: RequestHead,
        backup: Arc<BackupHandle>,
    ) -> RequestFuture {
        Box::pin(async move {
            let ticket = FifoLock::enter(&backup.lock);
            ticket.first().await?;
            let next = in_time(head.timeout, |cx| backup.poll(cx)).await;
            self.end_unless_more(head.handle, &next);
            Ok(Outcome::Next(next?))
        })
    }
}
