//! A backend's reply: ready immediately, or later.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::PendingCall;
use crate::error::{Error, ErrorKind, Result};
use crate::platform::coop;
use crate::platform::{BoxFuture, MaybeSend};

/// A backend's reply: ready immediately, or later. It is a future; dropping it cancels the call.
#[must_use = "a reply that is dropped gives the call up"]
pub struct Reply<T>(ReplyState<T>);

enum ReplyState<T> {
    Ready(Option<Result<T>>),
    /// Ready immediately, but others must have their turn before it is taken.
    InTurn(Option<Result<T>>),
    /// On its way. With `true`, others must have their turn before it is looked at: on one processor
    /// the thread that runs it may always be done before its caller looks.
    Call(PendingCall<T>, bool),
    Future(BoxFuture<'static, Result<T>>),
    Driven(Box<dyn DrivenCall<T>>),
}

/// A call that proceeds while it is polled, and can be stopped or detached.
pub(crate) trait DrivenCall<T>: Future<Output = Result<T>> + Unpin + MaybeSend {
    /// See [`Reply::interrupt`].
    fn interrupt(&self);

    /// See [`Reply::detach`].
    fn detach(self: Box<Self>);
}

impl<T> Reply<T> {
    /// Returns a reply that is ready immediately.
    #[inline]
    pub fn ready(result: Result<T>) -> Self {
        Self(ReplyState::Ready(Some(result)))
    }

    /// Returns an error that is ready immediately.
    pub fn err(error: Error) -> Self {
        Self::ready_in_turn(Err(error))
    }

    /// Returns a reply that is ready immediately, but counted. Now and then it is pending for one
    /// poll, so that a caller that loops gives the executor its turn. The reply keeps the result
    /// until then, so use this only where dropping the result is harmless.
    #[inline]
    pub(crate) fn ready_in_turn(result: Result<T>) -> Self {
        Self(if coop::is_over() {
            ReplyState::InTurn(Some(result))
        } else {
            ReplyState::Ready(Some(result))
        })
    }

    /// Whether the result is ready.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.0, ReplyState::Ready(_) | ReplyState::InTurn(_))
    }

    /// Takes the result if it is ready immediately and nobody else must have a turn.
    #[inline]
    pub(crate) fn take_in_turn(self) -> Result<Result<T>, Self> {
        match self.0 {
            ReplyState::InTurn(_) => Err(self),
            _ => self.try_now(),
        }
    }

    /// Returns a reply whose result comes from a future.
    pub fn later(future: BoxFuture<'static, Result<T>>) -> Self {
        Self(ReplyState::Future(future))
    }

    pub(crate) fn call(call: PendingCall<T>) -> Self {
        Self(ReplyState::Call(call, false))
    }

    /// Returns the reply of a call, before which others have their turn.
    pub(crate) fn call_in_turn(call: PendingCall<T>) -> Self {
        Self(ReplyState::Call(call, true))
    }

    pub(crate) fn driven(call: impl DrivenCall<T> + 'static) -> Self {
        Self(ReplyState::Driven(Box::new(call)))
    }

    /// Takes the result if it is ready immediately: without an executor, from any language.
    ///
    /// # Errors
    /// Returns the reply itself if the result comes later.
    pub fn try_now(mut self) -> Result<Result<T>, Self> {
        match &mut self.0 {
            ReplyState::Ready(result) | ReplyState::InTurn(result) if result.is_some() => {
                Ok(result.take().unwrap_or_else(polled_again))
            }
            _ => Err(self),
        }
    }

    /// Lets the call complete although nobody waits for its result. A backend's future is dropped:
    /// what it does immediately is done, what it would do later is not.
    pub(crate) fn detach(self) {
        match self.0 {
            ReplyState::Call(call, _) => call.detach(),
            ReplyState::Driven(call) => call.detach(),
            ReplyState::Ready(_) | ReplyState::InTurn(_) | ReplyState::Future(_) => {}
        }
    }

    /// Requests that the call stop without cancelling it: its result says whether it did. Returns
    /// whether the backend can do so.
    pub(crate) fn interrupt(&self) -> bool {
        match &self.0 {
            ReplyState::Ready(_) | ReplyState::InTurn(_) => true,
            ReplyState::Call(call, _) => {
                call.interrupt();
                true
            }
            ReplyState::Driven(call) => {
                call.interrupt();
                true
            }
            ReplyState::Future(_) => false,
        }
    }
}

#[cold]
pub(crate) fn polled_again<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Internal, "a call was polled again after it completed"))
}

// Nothing in it is pinned in place: the future is behind a pointer.
impl<T> Unpin for Reply<T> {}

impl<T> Future for Reply<T> {
    type Output = Result<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match &mut self.0 {
            ReplyState::Ready(result) => Poll::Ready(result.take().unwrap_or_else(polled_again)),
            ReplyState::InTurn(result) => {
                let result = result.take();
                self.0 = ReplyState::Ready(result);
                coop::poll_once(&mut false, cx).map(|()| polled_again())
            }
            ReplyState::Call(_, in_turn) if *in_turn => {
                *in_turn = false;
                coop::poll_once(&mut false, cx).map(|()| polled_again())
            }
            ReplyState::Call(call, _) => {
                let polled = Pin::new(call).poll(cx);
                if polled.is_pending() {
                    coop::rest();
                }
                polled
            }
            ReplyState::Future(future) => future.as_mut().poll(cx),
            ReplyState::Driven(call) => Pin::new(call).poll(cx),
        }
    }
}
