//! The answer of a backend: there at once, or later.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::platform::{BoxFuture, MaybeSend};

/// The answer of a backend: there at once, or later. It is a future, and
/// dropping it gives the call up.
#[must_use = "a reply that is dropped gives the call up"]
pub struct Reply<T>(State<T>);

enum State<T> {
    Ready(Option<Result<T>>),
    Call(Call<T>),
    Future(BoxFuture<'static, Result<T>>),
    Driven(Box<dyn Driven<T>>),
}

/// A call that goes on while it is polled, and can be stopped or left alone.
pub(crate) trait Driven<T>: Future<Output = Result<T>> + Unpin + MaybeSend {
    /// See [`Reply::interrupt`].
    fn interrupt(&self);

    /// See [`Reply::detach`].
    fn detach(self: Box<Self>);
}

impl<T> Reply<T> {
    /// An answer that is there at once.
    #[inline]
    pub fn ready(answer: Result<T>) -> Self {
        Self(State::Ready(Some(answer)))
    }

    /// An error that is there at once.
    pub fn err(error: Error) -> Self {
        Self::ready(Err(error))
    }

    /// An answer that a future gives.
    pub fn later(future: BoxFuture<'static, Result<T>>) -> Self {
        Self(State::Future(future))
    }

    pub(crate) fn call(call: Call<T>) -> Self {
        Self(State::Call(call))
    }

    pub(crate) fn driven(call: impl Driven<T> + 'static) -> Self {
        Self(State::Driven(Box::new(call)))
    }

    /// Takes the answer if it is there at once: without an executor, from any
    /// language.
    ///
    /// # Errors
    /// Gives the reply back if the answer comes later.
    pub fn try_now(mut self) -> Result<Result<T>, Self> {
        match &mut self.0 {
            State::Ready(answer) if answer.is_some() => {
                Ok(answer.take().unwrap_or_else(asked_again))
            }
            _ => Err(self),
        }
    }

    /// Has the call done though nobody waits for its answer. A backend's future
    /// is dropped: what it does at once is done, what it does later is not.
    pub(crate) fn detach(self) {
        match self.0 {
            State::Call(call) => call.detach(),
            State::Driven(call) => call.detach(),
            State::Ready(_) | State::Future(_) => {}
        }
    }

    /// Asks the call to stop without giving it up: its answer tells whether it
    /// did. Answers whether the backend can do so.
    pub(crate) fn interrupt(&self) -> bool {
        match &self.0 {
            State::Ready(_) => true,
            State::Call(call) => {
                call.interrupt();
                true
            }
            State::Driven(call) => {
                call.interrupt();
                true
            }
            State::Future(_) => false,
        }
    }
}

fn asked_again<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Internal, "a reply was asked again after its answer"))
}

// Nothing in it is pinned in place: the future is behind a pointer.
impl<T> Unpin for Reply<T> {}

impl<T> Future for Reply<T> {
    type Output = Result<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match &mut self.0 {
            State::Ready(answer) => Poll::Ready(answer.take().unwrap_or_else(asked_again)),
            State::Call(call) => Pin::new(call).poll(cx),
            State::Future(future) => future.as_mut().poll(cx),
            State::Driven(call) => Pin::new(call).poll(cx),
        }
    }
}
