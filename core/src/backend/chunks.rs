//! The bytes of a copy, from whoever makes it to whoever reads it, a few chunks ahead.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How many chunks the maker may be ahead.
const AHEAD: usize = 4;

/// The end that fills.
#[derive(Debug)]
pub struct ChunkSink(Arc<ChunkQueue>);

/// The end that is read. Dropping it ends the copy.
#[derive(Debug)]
pub(crate) struct ChunkSource(Arc<ChunkQueue>);

#[derive(Debug, Default)]
struct ChunkQueue {
    state: Mutex<ChunkState>,
    taken: Condvar,
}

#[derive(Debug, Default)]
struct ChunkState {
    chunks: VecDeque<Vec<u8>>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    unwanted: bool,
    over: bool,
}

/// Makes the two ends.
pub(crate) fn chunks() -> (ChunkSink, ChunkSource) {
    let queue = Arc::new(ChunkQueue::default());
    (ChunkSink(Arc::clone(&queue)), ChunkSource(queue))
}

impl ChunkQueue {
    fn state(&self) -> MutexGuard<'_, ChunkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChunkSink {
    /// Waits for room, and returns whether more is wanted.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.0.state();
        if state.unwanted {
            return Poll::Ready(false);
        }
        if state.chunks.len() < AHEAD {
            return Poll::Ready(true);
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Blocks until there is room, but at most for `limit`. Returns whether more is wanted, or
    /// `None` if there is no room yet. Only threads that run SQLite may wait like this.
    pub(crate) fn wait_ready(&self, limit: Duration) -> Option<bool> {
        let state = self.0.state();
        let full = |state: &mut ChunkState| !state.unwanted && state.chunks.len() >= AHEAD;
        let waited = self.0.taken.wait_timeout_while(state, limit, full);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (!full(&mut state)).then_some(!state.unwanted)
    }

    /// Adds the next bytes.
    pub fn push(&self, chunk: Vec<u8>) {
        let mut state = self.0.state();
        state.chunks.push_back(chunk);
        let waker = state.reader.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for ChunkSink {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.over = true;
        let waker = state.reader.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl ChunkSource {
    /// Returns the next bytes; `None` when no more will come, for whatever reason.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let mut state = self.0.state();
        match state.chunks.pop_front() {
            Some(chunk) => {
                let waker = state.writer.take();
                drop(state);
                self.0.taken.notify_all();
                if let Some(waker) = waker {
                    waker.wake();
                }
                Poll::Ready(Some(chunk))
            }
            None if state.over => Poll::Ready(None),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for ChunkSource {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.unwanted = true;
        let waker = state.writer.take();
        drop(state);
        self.0.taken.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use super::*;

    fn polled<T>(poll: impl FnOnce(&mut Context<'_>) -> T) -> T {
        poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_maker_waits_for_the_reader_and_ends_with_it() {
        let (sink, source) = chunks();
        for _ in 0..AHEAD {
            assert_eq!(polled(|cx| sink.poll_ready(cx)), Poll::Ready(true));
            sink.push(vec![1]);
        }
        assert_eq!(polled(|cx| sink.poll_ready(cx)), Poll::Pending);
        assert_eq!(sink.wait_ready(Duration::from_millis(1)), None);
        assert_eq!(polled(|cx| source.poll_next(cx)), Poll::Ready(Some(vec![1])));
        assert_eq!(sink.wait_ready(Duration::ZERO), Some(true));
        drop(source);
        assert_eq!(sink.wait_ready(Duration::ZERO), Some(false));
        assert_eq!(polled(|cx| sink.poll_ready(cx)), Poll::Ready(false));
    }

    #[test]
    fn the_reader_gets_all_before_the_end() {
        let (sink, source) = chunks();
        sink.push(vec![1]);
        drop(sink);
        assert_eq!(polled(|cx| source.poll_next(cx)), Poll::Ready(Some(vec![1])));
        assert_eq!(polled(|cx| source.poll_next(cx)), Poll::Ready(None));
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken_and_so_is_a_maker() {
        let (sink, source) = chunks();
        let mut next = std::pin::pin!(std::future::poll_fn(|cx| source.poll_next(cx)));
        assert!(polled(|cx| Pin::as_mut(&mut next).poll(cx)).is_pending());
        let making = std::thread::spawn(move || {
            for number in 0..100 {
                assert_eq!(sink.wait_ready(Duration::from_secs(60)), Some(true));
                sink.push(vec![number]);
            }
        });
        for number in 0..100 {
            assert_eq!(next.as_mut().await, Some(vec![number]));
        }
        making.join().unwrap();
        assert_eq!(next.await, None);
    }
}
