//! A backend's reply: ready immediately, or later.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::platform::coop;
use crate::platform::{BoxFuture, MaybeSend};

/// A backend's reply: ready immediately, or later. It is a future; dropping it gives up the call.
#[must_use = "a reply that is dropped gives the call up"]
pub struct Reply<T>(State<T>);

enum State<T> {
    Ready(Option<Result<T>>),
    /// Ready immediately, but others must have their turn before it is taken.
    InTurn(Option<Result<T>>),
    Call(Call<T>),
    Future(BoxFuture<'static, Result<T>>),
    Driven(Box<dyn Driven<T>>),
}

/// A call that proceeds while it is polled, and can be stopped or detached.
pub(crate) trait Driven<T>: Future<Output = Result<T>> + Unpin + MaybeSend {
    /// See [`Reply::interrupt`].
    fn interrupt(&self);

    /// See [`Reply::detach`].
    fn detach(self: Box<Self>);
}

impl<T> Reply<T> {
    /// Returns a reply that is ready immediately.
    #[inline]
    pub fn ready(answer: Result<T>) -> Self {
        Self(State::Ready(Some(answer)))
    }

    /// Returns an error that is ready immediately.
    pub fn err(error: Error) -> Self {
        Self::ready_in_turn(Err(error))
    }

    /// Returns a reply that is ready immediately, but counted. Now and then it is pending for one
    /// poll, so that a caller that loops gives the executor its turn. The reply keeps the result
    /// until then, so use this only where dropping the result is harmless.
    #[inline]
    pub(crate) fn ready_in_turn(answer: Result<T>) -> Self {
        Self(if coop::is_over() { State::InTurn(Some(answer)) } else { State::Ready(Some(answer)) })
    }

    /// Whether the result is ready.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.0, State::Ready(_) | State::InTurn(_))
    }

    /// Takes the result if it is ready immediately and nobody else must have a turn.
    #[inline]
    pub(crate) fn take_in_turn(self) -> Result<Result<T>, Self> {
        match self.0 {
            State::InTurn(_) => Err(self),
            _ => self.try_now(),
        }
    }

    /// Returns a reply whose result comes from a future.
    pub fn later(future: BoxFuture<'static, Result<T>>) -> Self {
        Self(State::Future(future))
    }

    pub(crate) fn call(call: Call<T>) -> Self {
        Self(State::Call(call))
    }

    pub(crate) fn driven(call: impl Driven<T> + 'static) -> Self {
        Self(State::Driven(Box::new(call)))
    }

    /// Takes the result if it is ready immediately: without an executor, from any language.
    ///
    /// # Errors
    /// Returns the reply itself if the result comes later.
    pub fn try_now(mut self) -> Result<Result<T>, Self> {
        match &mut self.0 {
            State::Ready(answer) | State::InTurn(answer) if answer.is_some() => {
                Ok(answer.take().unwrap_or_else(asked_again))
            }
            _ => Err(self),
        }
    }

    /// Lets the call complete although nobody waits for its result. A backend's future is dropped:
    /// what it does immediately is done, what it would do later is not.
    pub(crate) fn detach(self) {
        match self.0 {
            State::Call(call) => call.detach(),
            State::Driven(call) => call.detach(),
            State::Ready(_) | State::InTurn(_) | State::Future(_) => {}
        }
    }

    /// Requests that the call stop without giving it up: its result says whether it did. Returns
    /// whether the backend can do so.
    pub(crate) fn interrupt(&self) -> bool {
        match &self.0 {
            State::Ready(_) | State::InTurn(_) => true,
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

#[cold]
pub(crate) fn asked_again<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Internal, "a call was asked again after its answer"))
}

// Nothing in it is pinned in place: the future is behind a pointer.
impl<T> Unpin for Reply<T> {}

impl<T> Future for Reply<T> {
    type Output = Result<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match &mut self.0 {
            State::Ready(answer) => Poll::Ready(answer.take().unwrap_or_else(asked_again)),
            State::InTurn(answer) => {
                let answer = answer.take();
                self.0 = State::Ready(answer);
                coop::poll_once(&mut false, cx).map(|()| asked_again())
            }
            State::Call(call) => {
                let polled = Pin::new(call).poll(cx);
                if polled.is_pending() {
                    coop::rest();
                }
                polled
            }
            State::Future(future) => future.as_mut().poll(cx),
            State::Driven(call) => Pin::new(call).poll(cx),
        }
    }
}
