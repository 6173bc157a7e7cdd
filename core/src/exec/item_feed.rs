//! Items of a caller's iterator on their way into an operation on many rows.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::error::Result;
use crate::exec::items::Items;
use crate::platform::BoxFuture;
use crate::sql::{Params, Record};
use crate::value::Value;

/// The future of `execute_many`, `insert_many` and `update_many`: the rows changed.
///
/// Dropping it before it is ready undoes everything.
// The iterator is kept here, not in an async function: there the compiler would forget
// the lifetimes of what it borrows, and reject `slice.iter().map(…)` in a spawned task.
// For the same reason no field has an associated type of the iterator.
#[must_use = "a future does nothing until it is awaited"]
pub struct ManyFuture<'a, I, T> {
    items: I,
    feed: Arc<ItemFeed<T>>,
    running: BoxFuture<'a, Result<u64>>,
}

/// Holds items between the iterator and the operation.
struct ItemFeed<T>(Mutex<ItemFeedState<T>>);

struct ItemFeedState<T> {
    items: VecDeque<T>,
    /// The operation wants items.
    wanted: bool,
    /// There are no more.
    over: bool,
}

/// The operation's end of the feed.
pub(crate) struct Fed<T> {
    feed: Arc<ItemFeed<T>>,
    items: VecDeque<T>,
    next: usize,
}

/// A batch handed over has at most this many items, and ends once it has this many bytes.
const ITEMS: usize = 64;
const BYTES: usize = 64 * 1024;

impl<T> ItemFeed<T> {
    fn state(&self) -> MutexGuard<'_, ItemFeedState<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, I, T: Weigh> ManyFuture<'a, I, T> {
    /// Feeds the operation that `run` begins.
    pub(crate) fn new<S: IntoIterator<IntoIter = I>>(
        items: S,
        run: impl FnOnce(Fed<T>) -> BoxFuture<'a, Result<u64>>,
    ) -> Self {
        let state = ItemFeedState { items: VecDeque::new(), wanted: false, over: false };
        let feed = Arc::new(ItemFeed(Mutex::new(state)));
        let fed = Fed { feed: Arc::clone(&feed), items: VecDeque::new(), next: 0 };
        Self { items: items.into_iter(), feed, running: run(fed) }
    }
}

impl<T> Fed<T> {
    /// Returns the next item, if it is here.
    pub(crate) fn ready(&mut self) -> Option<(usize, T)> {
        let item = self.items.pop_front()?;
        let index = self.next;
        self.next += 1;
        Some((index, item))
    }
}

impl<T> Items<T> for Fed<T> {
    fn poll_next(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Option<(usize, T)>>> {
        if self.items.is_empty() {
            let mut state = self.feed.state();
            if state.items.is_empty() && !state.over {
                // `ManyFuture::poll` sees this, and polls the operation again.
                state.wanted = true;
                return Poll::Pending;
            }
            std::mem::swap(&mut self.items, &mut state.items);
        }
        Poll::Ready(Ok(self.ready()))
    }
}

// Nothing is pinned in place: the operation is behind a pointer.
impl<I, T> Unpin for ManyFuture<'_, I, T> {}

impl<I, T> Future for ManyFuture<'_, I, T>
where
    I: Iterator,
    I::Item: Into<T>,
    T: Weigh,
{
    type Output = Result<u64>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<u64>> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(done) = this.running.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            let mut taken = {
                let mut state = this.feed.state();
                if !std::mem::take(&mut state.wanted) {
                    return Poll::Pending;
                }
                std::mem::take(&mut state.items)
            };
            // The caller's code runs while nothing is locked.
            let mut bytes = 0;
            let mut over = false;
            while taken.len() < ITEMS && bytes < BYTES {
                let Some(item) = this.items.next() else {
                    over = true;
                    break;
                };
                let item = item.into();
                bytes += item.weight();
                taken.push_back(item);
            }
            let mut state = this.feed.state();
            state.items = taken;
            state.over = over;
        }
    }
}

/// About how many bytes an item takes beyond its own size.
pub trait Weigh {
    /// Returns about that number.
    fn weight(&self) -> usize;
}

pub(crate) fn weight<'v>(values: impl Iterator<Item = &'v Value>) -> usize {
    values
        .map(|value| match value {
            Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
            Value::Null | Value::Integer(_) | Value::Real(_) => 0,
        })
        .sum()
}

impl Weigh for Params {
    fn weight(&self) -> usize {
        weight(self.values().iter())
    }
}

impl Weigh for Record {
    fn weight(&self) -> usize {
        weight(self.iter().map(|(_, value)| value))
    }
}
