//! Queries whose rows do not travel: the client gets them where they are read.
//!
//! The request and its reply are like all others: in order, with a time limit, and the request can
//! be cancelled. The rows go to a [`Sink`] of this process, page by page, on the thread that steps
//! the statement, where the backend supports that.

use std::sync::Arc;

use super::numbers::op;
use super::read::{ByteReader, malformed};
use super::reply::Outcome;
use super::request::{RequestHead, only};
use super::server::{RequestFuture, Server, ServerInner};
use super::timed::Timed;
use crate::backend::rules::HandleUse;
use crate::error::Result;
use crate::platform::{BoxFuture, MaybeSend, MaybeSync};
use crate::program::{Description, Fetch, PageSink, Program, Step};
use crate::row::Page;

/// Takes the rows of one query.
pub trait Sink: MaybeSend + MaybeSync + 'static {
    /// Takes the next rows, on whichever thread steps the statement. The page belongs to the caller
    /// again afterwards. If the query fails, what was taken counts for nothing.
    fn take(&self, page: &Page);

    /// Ends the query, with the statement's description and the pages that were not taken. The
    /// future returns how many rows there were in all; it is dropped if the request is cancelled. It
    /// is polled on the client's own thread, so long work must run on another.
    fn finish(
        self: Arc<Self>,
        description: Description,
        rest: Vec<Arc<Page>>,
    ) -> BoxFuture<'static, Result<u64>>;
}

/// A sink as the backends see it.
struct SinkPages(Arc<dyn Sink>);

impl PageSink for SinkPages {
    fn take(&self, page: &Page) {
        self.0.take(page);
    }

    fn lasting(&self) -> Option<Arc<dyn PageSink>> {
        Some(Arc::new(Self(Arc::clone(&self.0))))
    }
}

impl Server {
    /// Takes one request, a `QUERY`, whose rows go to `sink`. Its reply has the number of rows, and
    /// is always among those of [`take`](Self::take).
    ///
    /// # Errors
    /// `InvalidArgument` for bytes that are not such a request.
    pub fn query_into(&self, request: &[u8], sink: Arc<dyn Sink>) -> Result<()> {
        let (head, mut request) = only(request)?;
        if head.op != op::QUERY {
            return Err(malformed());
        }
        self.catch_up();
        let timed = self.0.timed(head);
        let work = self.0.query_into(head, &mut request, sink, timed.as_deref());
        match work.and_then(|work| self.0.start(head, work, timed.as_ref())).transpose() {
            Some(done) => self.0.reply(head.id, timed.as_deref(), &done),
            None => self.0.hand_over(),
        }
        Ok(())
    }
}

impl ServerInner {
    fn query_into(
        self: &Arc<Self>,
        head: RequestHead,
        payload: &mut ByteReader<'_>,
        sink: Arc<dyn Sink>,
        timed: Option<&Timed>,
    ) -> Result<RequestFuture> {
        self.check_number(head)?;
        let (sql, params) = (payload.str()?.to_owned(), payload.params()?);
        if let Some(timed) = timed {
            timed.describe_sql(&sql);
        }
        let on = self.target(head.handle)?;
        let ticket = on.ticket();
        let inner = Arc::clone(self);
        Ok(Box::pin(async move {
            if let Some(ticket) = &ticket {
                ticket.first().await?;
            }
            on.check(HandleUse::Use)?;
            // Closing also waits until the rows are finished.
            let (_entered, target) = on.target(head.timeout).enter()?;
            let step = Step::new(&sql, params, Fetch::Described);
            let program = Program { access: head.access(), ..Program::one(step) };
            let output = target.run(program, Some(&SinkPages(Arc::clone(&sink)))).await;
            if on.wrote() {
                inner.state().remember(head.id, head.handle);
            }
            let outcome = output?.steps.pop().unwrap_or_default();
            // The next call need not wait for work that no longer involves SQLite.
            drop(ticket);
            let description = outcome.description.map_or_else(Description::default, |it| *it);
            let rest = outcome.rows.into_pages().collect();
            sink.finish(description, rest).await.map(Outcome::Count)
        }))
    }
}
