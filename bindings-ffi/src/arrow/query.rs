//! A query whose rows become Arrow columns as they come from SQLite.

use std::future::{Future, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use ubiqlite::ext::BoxFuture;
use ubiqlite::ext::backend::Description;
use ubiqlite::ext::backend::Page;
use ubiqlite::ext::wire::Sink;
use ubiqlite::{Error, ErrorKind, Result};

use super::table::{ArrowTable, Gather, bytes};

/// How many cells, and bytes of texts and blobs, become columns on the thread that waits for the
/// result: that takes less than half a millisecond.
const FEW_CELLS: usize = 1 << 14;
const FEW_BYTES: usize = 1 << 18;

/// A query, and its result when it is over.
#[derive(Debug, Default)]
pub(super) struct ArrowQuery {
    state: Mutex<ArrowQueryState>,
    cancelled: AtomicBool,
}

#[derive(Debug)]
enum ArrowQueryState {
    Gathering(Gather),
    Done(ArrowTable),
    /// It is being made, or failed.
    None,
}

impl Default for ArrowQueryState {
    fn default() -> Self {
        Self::Gathering(Gather::default())
    }
}

impl ArrowQuery {
    fn state(&self) -> MutexGuard<'_, ArrowQueryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The result, if it is ready.
    pub(super) fn table(&self) -> Option<ArrowTable> {
        match &*self.state() {
            ArrowQueryState::Done(table) => Some(table.clone()),
            _ => None,
        }
    }

    fn complete(&self, description: &Description, rest: Vec<Arc<Page>>) -> Result<u64> {
        // Not under the lock, for which a caller's own thread may be waiting.
        let ArrowQueryState::Gathering(mut rows) =
            std::mem::replace(&mut *self.state(), ArrowQueryState::None)
        else {
            return Err(Error::new(ErrorKind::Internal, "a query ended twice: this is a defect"));
        };
        for page in rest {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Cancelled, "the query was cancelled"));
            }
            rows.take(&page);
        }
        let table = rows.finish(description)?;
        let rows = table.rows as u64;
        *self.state() = ArrowQueryState::Done(table);
        Ok(rows)
    }
}

impl Sink for ArrowQuery {
    fn take(&self, page: &Page) {
        if let ArrowQueryState::Gathering(rows) = &mut *self.state() {
            rows.take(page);
        }
    }

    fn finish(
        self: Arc<Self>,
        description: Description,
        rest: Vec<Arc<Page>>,
    ) -> BoxFuture<'static, Result<u64>> {
        let is_new = matches!(&*self.state(), ArrowQueryState::Gathering(rows) if rows.is_empty());
        let cells: usize = rest.iter().map(|page| page.cells()).sum();
        let few =
            || rest.iter().map(|page| bytes(page, 0..page.rows())).sum::<usize>() <= FEW_BYTES;
        if is_new && cells <= FEW_CELLS && few() {
            return Box::pin(ready(self.complete(&description, rest)));
        }
        let end = Arc::new(Mutex::new(QueryEnd::default()));
        let (query, at) = (Arc::clone(&self), Arc::clone(&end));
        let work = move || {
            let made = catch_unwind(AssertUnwindSafe(|| query.complete(&description, rest)));
            tell(
                &at,
                made.unwrap_or_else(|_| {
                    Err(Error::new(
                        ErrorKind::Internal,
                        "making an Arrow table failed: this is a defect",
                    ))
                }),
            );
        };
        if let Err(error) = std::thread::Builder::new().name("ubiqlite-arrow".into()).spawn(work) {
            let message = format!("can't start a thread to make the Arrow table: {error}");
            return Box::pin(ready(Err(Error::new(ErrorKind::OutOfMemory, message))));
        }
        Box::pin(Finishing { query: self, end })
    }
}

/// What a thread made, for the future that waits for it.
#[derive(Debug, Default)]
struct QueryEnd {
    made: Option<Result<u64>>,
    waker: Option<Waker>,
}

fn tell(end: &Mutex<QueryEnd>, made: Result<u64>) {
    let mut end = end.lock().unwrap_or_else(PoisonError::into_inner);
    end.made = Some(made);
    let waker = end.waker.take();
    drop(end);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Waits for the thread; dropped, it makes the thread stop.
struct Finishing {
    query: Arc<ArrowQuery>,
    end: Arc<Mutex<QueryEnd>>,
}

impl Future for Finishing {
    type Output = Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        match end.made.take() {
            Some(made) => Poll::Ready(made),
            None => {
                end.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Finishing {
    fn drop(&mut self) {
        self.query.cancelled.store(true, Ordering::Relaxed);
    }
}
