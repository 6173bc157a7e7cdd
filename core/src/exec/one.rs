//! One statement under way: most are done as soon as they have begun.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::backend::Reply;
use crate::backend::reply::asked_again;
use crate::error::Result;
use crate::exec::target::{Target, limited};
use crate::platform::BoxFuture;
use crate::program::{Keep, Outcome, Output, Program, Step};
use crate::sql::Params;

/// One statement, done already or under way: the future of what `read` makes of its outcome.
///
/// The statement begins when this is created. This is not an async function: each would
/// move the parameters once more, which takes a tenth of a cached point read.
pub(crate) struct One<R> {
    state: State,
    read: Option<R>,
}

enum State {
    /// `None` once it is taken.
    Done(Option<Result<Output>>),
    /// Ready, but others must have their turn before it is taken.
    InTurn(Reply<Output>),
    Waiting(BoxFuture<'static, Result<Output>>),
}

impl<R> One<R> {
    /// Begins a statement.
    #[inline]
    pub(crate) fn begin<T>(
        target: Target<'_>,
        sql: &str,
        params: Params,
        keep: Keep,
        read: R,
    ) -> Self
    where
        R: FnOnce(Outcome) -> Result<T>,
    {
        let begun = match params.check() {
            Ok(()) => target.begin(Program::one(Step::new(sql, params, keep)), None),
            Err(error) => Err(error),
        };
        let state = match begun.map(Reply::take_in_turn) {
            Ok(Ok(done)) => State::Done(Some(done)),
            Ok(Err(reply)) if reply.is_ready() => State::InTurn(reply),
            Ok(Err(reply)) => State::Waiting(Box::pin(limited(reply, target.limit, false))),
            // It counts towards the executor's turn like a statement that is done at once.
            Err(error) => State::InTurn(Reply::err(error)),
        };
        Self { state, read: Some(read) }
    }
}

// Nothing in it is pinned in place: what waits is behind a pointer.
impl<R> Unpin for One<R> {}

impl<T, R: FnOnce(Outcome) -> Result<T>> Future for One<R> {
    type Output = Result<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let polled = match &mut self.state {
            State::Done(done) => Poll::Ready(done.take().unwrap_or_else(asked_again)),
            State::InTurn(reply) => Pin::new(reply).poll(cx),
            State::Waiting(future) => future.as_mut().poll(cx),
        };
        let Poll::Ready(done) = polled else { return Poll::Pending };
        self.state = State::Done(None);
        Poll::Ready(done.and_then(|mut output| match self.read.take() {
            Some(read) => read(output.steps.pop().unwrap_or_default()),
            None => asked_again(),
        }))
    }
}
