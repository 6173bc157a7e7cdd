//! Queries whose rows do not travel: the client gets them where they are read.
//!
//! The request and its reply are like all others: in order, with a time limit, and able to be given
//! up. The rows go to a [`Sink`] of this process, page by page, on the thread that steps the
//! statement, where the backend supports that.

use std::sync::Arc;

use super::numbers::op;
use super::read::{Reader, malformed};
use super::reply::Answer;
use super::request::Head;
use super::server::{Inner, Server, Work, only};
use crate::backend::rules::Ask;
use crate::error::Result;
use crate::platform::{BoxFuture, MaybeSend, MaybeSync};
use crate::program::{Description, Early, Keep, Program, Step};
use crate::row::Page;

/// Takes the rows of one query.
pub trait Sink: MaybeSend + MaybeSync + 'static {
    /// Takes the next rows, on whichever thread steps the statement. The page belongs to its lender
    /// again afterwards. If the query fails, what was taken counts for nothing.
    fn take(&self, page: &Page);

    /// Ends the query, with the statement's description and the pages that were not taken. The
    /// future returns how many rows there were in all; it is dropped if the request is given up. It
    /// is polled on the client's own thread, so long work must run on another.
    fn finish(
        self: Arc<Self>,
        description: Description,
        rest: Vec<Arc<Page>>,
    ) -> BoxFuture<'static, Result<u64>>;
}

/// A sink as the backends see it.
struct Lent(Arc<dyn Sink>);

impl Early for Lent {
    fn take(&self, page: &Page) {
        self.0.take(page);
    }

    fn lasting(&self) -> Option<Arc<dyn Early>> {
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
        let work = self.0.query_into(head, &mut request, sink);
        match work.and_then(|work| self.0.start(head, work)).transpose() {
            Some(done) => self.0.out(|out| out.result(head.id, &done)),
            None => self.0.hand_over(),
        }
        Ok(())
    }
}

impl Inner {
    fn query_into(
        self: &Arc<Self>,
        head: Head,
        payload: &mut Reader<'_>,
        sink: Arc<dyn Sink>,
    ) -> Result<Work> {
        self.check_number(head)?;
        let (sql, params) = (payload.str()?.to_owned(), payload.params()?);
        let place = self.place(head.handle)?;
        let turn = place.turn();
        let inner = Arc::clone(self);
        Ok(Box::pin(async move {
            if let Some(turn) = &turn {
                turn.first().await?;
            }
            place.check(Ask::Use)?;
            // Closing also waits until the rows are finished.
            let (_entered, target) = place.target(head.timeout).enter()?;
            let step = Step::new(&sql, params, Keep::Described);
            let program = Program { access: head.access(), ..Program::one(step) };
            let output = target.run(program, Some(&Lent(Arc::clone(&sink)))).await;
            if place.wrote() {
                inner.held().remember(head.id, head.handle);
            }
            let outcome = output?.steps.pop().unwrap_or_default();
            // The next call need not wait for work that no longer involves SQLite.
            drop(turn);
            let description = outcome.description.map_or_else(Description::default, |it| *it);
            let rest = outcome.rows.into_pages().collect();
            sink.finish(description, rest).await.map(Answer::Count)
        }))
    }
}
