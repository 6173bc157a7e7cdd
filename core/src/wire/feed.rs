//! Rows that arrive in several requests.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;

use super::read::{ByteReader, malformed};
use crate::error::Result;
use crate::exec::bulk_writer::BulkWriter;
use crate::exec::items::Items;
use crate::exec::target::Target;
use crate::sql::Record;
use crate::value::ValueRef;

/// The rows of one operation, chunk by chunk.
#[derive(Debug, Default)]
pub(super) struct RecordFeed(Mutex<RecordFeedState>);

#[derive(Debug, Default)]
struct RecordFeedState {
    chunks: VecDeque<Chunk>,
    /// No more chunks will come.
    last: bool,
    /// Nobody will take chunks any more: what waits for one never gets it.
    closed: bool,
    waker: Option<Waker>,
}

#[derive(Debug)]
struct Chunk {
    bytes: Box<[u8]>,
    /// The request to notify when the chunk is taken.
    credit: Option<u32>,
}

impl RecordFeed {
    fn state(&self) -> MutexGuard<'_, RecordFeedState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a chunk. Returns false if nobody will take it.
    #[must_use]
    pub(super) fn push(&self, bytes: &[u8], credit: Option<u32>, last: bool) -> bool {
        let mut state = self.state();
        if state.closed {
            return false;
        }
        state.chunks.push_back(Chunk { bytes: bytes.into(), credit });
        state.last = last;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Whether chunks are missing; they are then no longer accepted, so the operation can't end
    /// by itself.
    pub(super) fn refuse_missing(&self) -> bool {
        let mut state = self.state();
        if !state.last {
            state.closed = true;
        }
        state.closed
    }

    /// Drops the chunks. Returns the requests that wait to learn that theirs was taken.
    ///
    /// An operation that is polled at this moment gets no further chunk, and not the end either:
    /// it would commit a part of its rows.
    pub(super) fn close(&self) -> Vec<u32> {
        let mut state = self.state();
        state.closed = true;
        state.chunks.drain(..).filter_map(|chunk| chunk.credit).collect()
    }

    fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<Option<Chunk>> {
        let mut state = self.state();
        match state.chunks.pop_front() {
            Some(chunk) => Poll::Ready(Some(chunk)),
            None if state.last && !state.closed => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Reports to the client that a chunk was taken.
pub(super) trait Credit {
    fn credit(&self, id: u32);
}

/// Runs a statement for every row of the feed.
pub(super) async fn execute_many(
    target: Target<'_>,
    sql: &str,
    feed: &RecordFeed,
    client: &impl Credit,
) -> Result<u64> {
    let (_entered, target) = target.enter()?;
    let mut many = BulkWriter::new(target);
    let mut index = 0;
    while let Some(chunk) = poll_fn(|cx| feed.poll_chunk(cx)).await {
        if let Some(id) = chunk.credit {
            client.credit(id);
        }
        let mut rows = ByteReader::new(&chunk.bytes);
        let count = rows.u32()?;
        let mut names: Vec<String> = Vec::new();
        for _ in 0..count {
            let values = row(&mut rows, &mut names)?;
            many.add(index, sql, &names, values.iter().copied());
            index += 1;
            many.send_full().await?;
        }
    }
    many.finish().await
}

/// Reads the parameters of a row; `names` are those of the row before.
fn row<'a>(
    rows: &mut ByteReader<'a>,
    names: &mut Vec<String>,
) -> Result<SmallVec<[ValueRef<'a>; 16]>> {
    let mut values = SmallVec::new();
    let kind = rows.u8()?;
    if kind == 0 {
        names.clear();
        return Ok(values);
    }
    let count = rows.count()?;
    match kind {
        1 => {
            names.clear();
            for _ in 0..count {
                values.push(rows.value()?);
            }
        }
        2 => {
            names.truncate(count);
            for index in 0..count {
                let name = rows.str()?;
                match names.get_mut(index) {
                    Some(known) if known == name => {}
                    Some(known) => name.clone_into(known),
                    None => names.push(name.to_owned()),
                }
                values.push(rows.value()?);
            }
        }
        _ => return Err(malformed()),
    }
    Ok(values)
}

/// The feed's rows as records of a table.
pub(super) struct Records<'a, C> {
    feed: &'a RecordFeed,
    client: &'a C,
    ready: VecDeque<Record>,
    index: usize,
}

impl<'a, C> Records<'a, C> {
    pub(super) fn new(feed: &'a RecordFeed, client: &'a C) -> Self {
        Self { feed, client, ready: VecDeque::new(), index: 0 }
    }
}

impl<C: Credit> Items<Record> for Records<'_, C> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<(usize, Record)>>> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                self.index += 1;
                return Poll::Ready(Ok(Some((self.index - 1, record))));
            }
            let Some(chunk) = std::task::ready!(self.feed.poll_chunk(cx)) else {
                return Poll::Ready(Ok(None));
            };
            if let Some(id) = chunk.credit {
                self.client.credit(id);
            }
            let mut rows = ByteReader::new(&chunk.bytes);
            let read = rows.u32().and_then(|count| {
                (0..count).map(|_| rows.record()).collect::<Result<VecDeque<_>>>()
            });
            match read {
                Ok(records) => self.ready = records,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}
