//! Fetching what comes next of what a client holds: a stream's rows, a watch's result, a feed's
//! event, an outbox's batch, a copy's progress or bytes, how
//! far a replica is, and what is to be done with its files.

use std::sync::{Arc, PoisonError};

use super::fifo_lock::FifoLock;
use super::handles::{Handle, Stream};
use super::read::{ByteReader, malformed};
use super::reply::Outcome;
use super::request::RequestHead;
use super::server::{RequestFuture, ServerInner};
use crate::error::{ErrorKind, Result};
use crate::exec::stream::in_time;
use crate::row::Rows;

impl ServerInner {
    /// Returns the work of a request for what comes next.
    pub(super) fn fetch(
        self: Arc<Self>,
        head: RequestHead,
        payload: &mut ByteReader<'_>,
    ) -> Result<RequestFuture> {
        let source = self.state().handles.source(head.handle)?;
        let word = payload.u32()?;
        match source {
            Handle::Watch(watch) => Ok(self.next_result(head, watch, word)),
            Handle::Commits(commits) => Ok(self.next_commit(head, commits, word)),
            Handle::Outbox(outbox) => {
                let last = payload.i64()?;
                Ok(self.next_batch(head, outbox, word != 0, last))
            }
            Handle::Stream(stream) => {
                Ok(Box::pin(async move { self.next(head, &stream, word.max(1)).await }))
            }
            #[cfg(not(target_family = "wasm"))]
            Handle::Replica(replica) => Ok(Self::ask_replica(head, replica, word)),
            #[cfg(not(target_family = "wasm"))]
            Handle::Storage(storage) => Ok(self.next_task(head, storage.tasks())),
            Handle::Backup(backup) => Ok(self.next_of_copy(head, backup)),
            Handle::Session(_) => Err(malformed()),
        }
    }

    /// Ends a watch or a feed whose wait returned nothing more. After one that only took too long,
    /// it goes on.
    pub(super) fn end_unless_more<T>(&self, handle: u32, next: &Result<Option<T>>) {
        let late = matches!(next, Err(error) if error.kind() == ErrorKind::Timeout);
        if !late && !matches!(next, Ok(Some(_))) {
            self.state().handles.remove(handle);
        }
    }

    async fn next(&self, head: RequestHead, stream: &Stream, most: u32) -> Result<Outcome> {
        let ticket = FifoLock::enter(&stream.lock);
        ticket.first().await?;
        let mut rows = Rows::default();
        for _ in 0..most {
            let next = in_time(head.timeout, |cx| {
                stream.rows.lock().unwrap_or_else(PoisonError::into_inner).poll_rows(cx)
            });
            match next.await {
                Ok(Some(next)) => rows.extend(next),
                Ok(None) if rows.is_empty() => {
                    self.state().handles.remove(head.handle);
                    return Ok(Outcome::Next(None));
                }
                Ok(None) => break,
                Err(error) => {
                    self.state().handles.remove(head.handle);
                    return Err(error);
                }
            }
        }
        Ok(Outcome::Next(Some(rows)))
    }
}
