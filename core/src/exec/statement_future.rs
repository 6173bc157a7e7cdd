//! One statement under way: most are done as soon as they have begun.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::backend::Reply;
use crate::backend::reply::polled_again;
use crate::error::Result;
use crate::exec::target::{Target, limited};
use crate::exec::trace::{self, CallTrace};
use crate::platform::BoxFuture;
use crate::program::{Fetch, Output, Program, Step, StepOutcome};
use crate::sql::Params;

/// One statement, done already or under way: the future of what `read` makes of its outcome.
///
/// The statement begins when this is created. This is not an async function: each would
/// move the parameters once more, which takes a tenth of a cached point read.
pub(crate) struct StatementFuture<R> {
    state: StatementState,
    trace: CallTrace,
    read: Option<R>,
}

enum StatementState {
    /// `None` once it is taken.
    Done(Option<Result<Output>>),
    /// Ready, but others must have their turn before it is taken.
    InTurn(Reply<Output>),
    Waiting(BoxFuture<'static, Result<Output>>),
}

impl<R> StatementFuture<R> {
    /// Begins a statement.
    #[inline]
    pub(crate) fn begin<T>(
        target: Target<'_>,
        sql: &str,
        params: Params,
        keep: Fetch,
        read: R,
    ) -> Self
    where
        R: FnOnce(StepOutcome) -> Result<T>,
    {
        let mut trace = CallTrace::begin(target.trace, sql, 1);
        let begun = trace.within(|| match params.check() {
            Ok(()) => target.begin(Program::one(Step::new(sql, params, keep)), None),
            Err(error) => Err(error),
        });
        let state = match begun.map(Reply::take_in_turn) {
            Ok(Ok(done)) => {
                trace::end_program(&mut trace, &done);
                StatementState::Done(Some(done))
            }
            Ok(Err(reply)) if reply.is_ready() => StatementState::InTurn(reply),
            Ok(Err(reply)) => {
                StatementState::Waiting(Box::pin(limited(reply, target.limit, false)))
            }
            // It counts towards the executor's turn like a statement that is done at once.
            Err(error) => StatementState::InTurn(Reply::err(error)),
        };
        Self { state, trace, read: Some(read) }
    }
}

// Nothing in it is pinned in place: what waits is behind a pointer.
impl<R> Unpin for StatementFuture<R> {}

impl<T, R: FnOnce(StepOutcome) -> Result<T>> Future for StatementFuture<R> {
    type Output = Result<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let Self { state, trace, .. } = &mut *self;
        let polled = match state {
            StatementState::Done(done) => Poll::Ready(done.take().unwrap_or_else(polled_again)),
            StatementState::InTurn(reply) => trace.within(|| Pin::new(reply).poll(cx)),
            StatementState::Waiting(future) => trace.within(|| future.as_mut().poll(cx)),
        };
        let Poll::Ready(done) = polled else { return Poll::Pending };
        trace::end_program(trace, &done);
        self.state = StatementState::Done(None);
        Poll::Ready(done.and_then(|mut output| match self.read.take() {
            Some(read) => read(output.steps.pop().unwrap_or_default()),
            None => polled_again(),
        }))
    }
}
