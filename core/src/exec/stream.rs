//! Streams of rows.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use crate::backend::{Pages, Reply};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::database_inner::DatabaseInner;
use crate::exec::trace::CallTrace;
use crate::platform;
use crate::platform::coop;
use crate::row::{FromRow, IntoRows, Page, Row, Rows};

/// The rows of a running query, one by one. SQLite runs a little ahead (at most eight
/// pages of 64 KiB) while the caller works. Dropping the stream stops the query.
///
/// # Cancellation
/// A dropped `try_next()` loses no row: the next call continues where it was.
///
/// # Example
/// ```
/// # async fn example(db: ubiqlite::Database) -> ubiqlite::Result<()> {
/// use ubiqlite::params;
/// let mut rows = db.stream("SELECT id, name FROM items WHERE id > ?", params![10]);
/// while let Some(row) = rows.try_next().await? {
///     println!("{}", row.get::<&str>("name")?);
/// }
/// # Ok(()) }
/// ```
#[must_use = "a stream runs while it is held"]
pub struct RowStream<'a> {
    state: StreamState,
    limit: Option<Duration>,
    /// Counts rows that were ready at once.
    rows: u8,
    trace: CallTrace,
    // A stream inside a transaction keeps others from using the transaction.
    _session: PhantomData<&'a ()>,
    // Dropped after the state: the reader must be returned first.
    open: Option<Arc<DatabaseInner>>,
}

/// This many rows that are ready at once count as one reply.
const ROWS: u8 = 16;

enum StreamState {
    Starting(Reply<Box<dyn Pages>>),
    Running {
        pages: Box<dyn Pages>,
        rows: Option<IntoRows>,
        /// A page that was fetched before its rows were requested.
        first: Option<Page>,
    },
    /// All rows are here: for backends without cursors.
    Loaded(IntoRows),
    Over,
}

impl RowStream<'_> {
    pub(crate) fn new(
        reply: Reply<Box<dyn Pages>>,
        limit: Option<Duration>,
        trace: CallTrace,
    ) -> Self {
        Self {
            state: StreamState::Starting(reply),
            limit,
            rows: 0,
            trace,
            _session: PhantomData,
            open: None,
        }
    }

    pub(crate) fn loaded(rows: IntoRows) -> Self {
        let state = StreamState::Loaded(rows);
        let trace = CallTrace::none();
        Self { state, limit: None, rows: 0, trace, _session: PhantomData, open: None }
    }

    /// Returns the same stream, which now keeps its database open.
    pub(crate) fn holding(mut self, open: &Arc<DatabaseInner>) -> Self {
        self.open = Some(Arc::clone(open));
        self
    }

    /// Returns the next row, or `None` after the last.
    ///
    /// # Errors
    /// The query's error, once; the stream is then over. `Timeout` if no reader was
    /// free in time, or if the stream was idle for too long while the write-ahead
    /// log was beyond its limit.
    #[inline]
    pub async fn try_next(&mut self) -> Result<Option<Row>> {
        if self.is_others_turn() {
            let mut over = false;
            poll_fn(|cx| coop::poll_once(&mut over, cx)).await;
        }
        if let StreamState::Running { rows: Some(rows), .. } = &mut self.state
            && let Some(row) = rows.next()
        {
            return Ok(Some(row));
        }
        self.fetch().await
    }

    /// Counts a row before it is taken. Returns whether others must have their turn
    /// first.
    #[inline]
    fn is_others_turn(&mut self) -> bool {
        self.rows = self.rows.wrapping_add(1);
        self.rows.is_multiple_of(ROWS) && coop::is_over()
    }

    /// Returns the same stream, whose holder must make sure that its session outlives it.
    pub(crate) fn detached(mut self) -> RowStream<'static> {
        let state = std::mem::replace(&mut self.state, StreamState::Over);
        let (limit, rows, open) = (self.limit, self.rows, self.open.take());
        let trace = std::mem::replace(&mut self.trace, CallTrace::none());
        RowStream { state, limit, rows, trace, _session: PhantomData, open }
    }

    /// Returns the next rows as they came, or `None` after the last.
    pub(crate) fn poll_rows(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Rows>>> {
        loop {
            match &mut self.state {
                StreamState::Starting(reply) => {
                    match std::task::ready!(std::future::Future::poll(Pin::new(reply), cx)) {
                        Ok(pages) => {
                            self.state = StreamState::Running { pages, rows: None, first: None }
                        }
                        Err(error) => {
                            self.trace.end(|| Err(&error));
                            self.state = StreamState::Over;
                            return Poll::Ready(Err(error));
                        }
                    }
                }
                StreamState::Running { pages, first, .. } => {
                    let page = match first.take() {
                        Some(page) => Ok(Some(page)),
                        None => std::task::ready!(self.trace.within(|| pages.poll_next(cx))),
                    };
                    note_page(&mut self.trace, &page);
                    if !matches!(page, Ok(Some(_))) {
                        self.state = StreamState::Over;
                    }
                    return Poll::Ready(page.map(|page| {
                        page.map(|page| {
                            let mut rows = Rows::default();
                            rows.push(page);
                            rows
                        })
                    }));
                }
                StreamState::Loaded(_) => {
                    let StreamState::Loaded(rows) =
                        std::mem::replace(&mut self.state, StreamState::Over)
                    else {
                        continue;
                    };
                    return Poll::Ready(Ok(Some(rows.into_rows())));
                }
                StreamState::Over => return Poll::Ready(Ok(None)),
            }
        }
    }

    /// Waits until the statement runs, so that its errors are known.
    pub(crate) async fn started(&mut self) -> Result<()> {
        if let StreamState::Starting(reply) = &mut self.state {
            match reply.await {
                Ok(pages) => self.state = StreamState::Running { pages, rows: None, first: None },
                Err(error) => {
                    self.trace.end(|| Err(&error));
                    self.state = StreamState::Over;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Waits for the first rows, so that an error in the first is known.
    pub(crate) async fn primed(&mut self) -> Result<()> {
        self.started().await?;
        let limit = self.limit;
        let StreamState::Running { pages, first, .. } = &mut self.state else { return Ok(()) };
        match in_time(limit, |cx| pages.poll_next(cx)).await {
            Ok(Some(page)) => *first = Some(page),
            Ok(None) => {
                self.trace.end(|| Ok(0));
                self.state = StreamState::Over;
            }
            Err(error) => {
                self.trace.end(|| Err(&error));
                self.state = StreamState::Over;
                return Err(error);
            }
        }
        Ok(())
    }

    async fn fetch(&mut self) -> Result<Option<Row>> {
        let limit = self.limit;
        in_time(limit, |cx| self.poll_row(cx)).await
    }

    /// Returns the remaining rows, each as `T`.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next), and `DatatypeMismatch` if a row is not a `T`.
    pub async fn collect<T: FromRow>(mut self) -> Result<Vec<T>> {
        let mut all = Vec::new();
        while let Some(row) = self.try_next().await? {
            all.push(T::from_row(row)?);
        }
        Ok(all)
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Row>>> {
        loop {
            match &mut self.state {
                StreamState::Starting(reply) => {
                    match std::task::ready!(std::future::Future::poll(Pin::new(reply), cx)) {
                        Ok(pages) => {
                            self.state = StreamState::Running { pages, rows: None, first: None }
                        }
                        Err(error) => {
                            self.trace.end(|| Err(&error));
                            return self.over(Err(error));
                        }
                    }
                }
                StreamState::Running { pages, rows, first } => {
                    if let Some(row) = rows.as_mut().and_then(Iterator::next) {
                        return Poll::Ready(Ok(Some(row)));
                    }
                    if let Some(page) = first.take() {
                        self.trace.add_rows(page.rows());
                        *rows = Some(IntoRows::of_page(page));
                        continue;
                    }
                    // There is only one page: it stays `current` once `next` is past its end.
                    if let Some(page) = rows.take().and_then(IntoRows::into_spare) {
                        pages.recycle(page);
                    }
                    let page = std::task::ready!(self.trace.within(|| pages.poll_next(cx)));
                    note_page(&mut self.trace, &page);
                    match page {
                        Ok(Some(page)) => *rows = Some(IntoRows::of_page(page)),
                        Ok(None) => return self.over(Ok(None)),
                        Err(error) => return self.over(Err(error)),
                    }
                }
                StreamState::Loaded(rows) => return Poll::Ready(Ok(rows.next())),
                StreamState::Over => return Poll::Ready(Ok(None)),
            }
        }
    }

    fn over(&mut self, last: Result<Option<Row>>) -> Poll<Result<Option<Row>>> {
        self.state = StreamState::Over;
        Poll::Ready(last)
    }
}

/// Tells the trace of a stream what came.
#[inline]
fn note_page(trace: &mut CallTrace, page: &Result<Option<Page>>) {
    match page {
        Ok(Some(page)) => trace.add_rows(page.rows()),
        Ok(None) => trace.end(|| Ok(0)),
        Err(error) => trace.end(|| Err(error)),
    }
}

/// Waits for rows for at most `limit`.
pub(crate) async fn in_time<T>(
    limit: Option<Duration>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<Result<T>>,
) -> Result<T> {
    let Some(limit) = limit else { return poll_fn(poll).await };
    let mut alarm = pin!(platform::sleep(limit));
    let rows = poll_fn(|cx| {
        if let Poll::Ready(rows) = poll(cx) {
            return Poll::Ready(Some(rows));
        }
        std::future::Future::poll(alarm.as_mut(), cx).map(|()| None)
    });
    rows.await.unwrap_or_else(|| {
        Err(Error::new(ErrorKind::Timeout, format!("no row arrived within {limit:?}")))
    })
}

impl Stream for RowStream<'_> {
    type Item = Result<Row>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Row>>> {
        if self.is_others_turn() {
            return coop::poll_once(&mut false, cx).map(|()| None);
        }
        self.poll_row(cx).map(Result::transpose)
    }
}
