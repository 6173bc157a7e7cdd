//! A call that waits for its turn and completes as soon as it has it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use crate::backend::reply::DrivenCall;
use crate::backend::{Reply, cancelled};
use crate::error::Result;
use crate::platform::{BoxFuture, MaybeSend};

/// See [`stoppable`].
struct StoppableFuture<T> {
    future: Option<BoxFuture<'static, Result<T>>>,
    stopped: AtomicBool,
}

/// Returns the reply of a call that has not begun while its future is pending. It can be stopped
/// until then, and its result then says that it never ran.
pub(super) fn stoppable<T: MaybeSend + 'static>(future: BoxFuture<'static, Result<T>>) -> Reply<T> {
    Reply::driven(StoppableFuture { future: Some(future), stopped: AtomicBool::new(false) })
}

impl<T: MaybeSend> DrivenCall<T> for StoppableFuture<T> {
    fn interrupt(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn detach(self: Box<Self>) {}
}

impl<T> Future for StoppableFuture<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if self.stopped.load(Ordering::Relaxed) {
            self.future = None;
        }
        match &mut self.future {
            Some(future) => future.as_mut().poll(cx),
            None => Poll::Ready(Err(cancelled())),
        }
    }
}
