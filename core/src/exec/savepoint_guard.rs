//! A savepoint that is undone unless it is released.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::backend::{BackendSession, Control, Reply};
use crate::error::Result;
use crate::exec::session_ref::SessionRef;
use crate::exec::target::limited;

/// A savepoint that is undone when it is dropped. The session runs its requests in
/// order, so the undo comes before whatever the caller does next.
pub(crate) struct SavepointGuard<'a> {
    session: SessionRef<'a>,
    depth: u32,
    limit: Option<Duration>,
    open: bool,
}

impl<'a> SavepointGuard<'a> {
    /// A depth that no caller's savepoint reaches.
    pub(crate) const MANY: u32 = u32::MAX;

    pub(crate) async fn begin(
        session: impl Into<SessionRef<'a>>,
        depth: u32,
        limit: Option<Duration>,
    ) -> Result<Self> {
        // Created before the await: if this future is dropped there, the savepoint still
        // begins, and dropping `nested` then undoes it, in that order. No limit applies:
        // it takes no time once its turn comes.
        let mut nested = Self { session: session.into(), depth, limit, open: true };
        let begun = nested.session.control(Control::Savepoint(depth));
        let begun = Certain(Some(begun)).await;
        nested.open = begun.is_ok();
        begun.map(|()| nested)
    }

    pub(crate) fn session(&self) -> &dyn BackendSession {
        &*self.session
    }

    /// Keeps the changes since its beginning.
    pub(crate) async fn release(mut self) -> Result<()> {
        limited(self.session.control(Control::Release(self.depth)), self.limit, false).await?;
        self.open = false;
        Ok(())
    }

    /// Undoes the changes since its beginning.
    pub(crate) async fn rollback(mut self) -> Result<()> {
        limited(self.session.control(Control::RollbackTo(self.depth)), self.limit, false).await?;
        limited(self.session.control(Control::Release(self.depth)), self.limit, false).await?;
        self.open = false;
        Ok(())
    }
}

/// A reply whose call runs even if nobody waits for it any more.
struct Certain<T>(Option<Reply<T>>);

impl<T> Future for Certain<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let Some(reply) = &mut self.0 else { return Poll::Pending };
        let result = std::task::ready!(Pin::new(reply).poll(cx));
        self.0 = None;
        Poll::Ready(result)
    }
}

impl<T> Drop for Certain<T> {
    fn drop(&mut self) {
        if let Some(reply) = self.0.take() {
            reply.detach();
        }
    }
}

impl Drop for SavepointGuard<'_> {
    fn drop(&mut self) {
        if self.open {
            self.session.control(Control::RollbackTo(self.depth)).detach();
            self.session.control(Control::Release(self.depth)).detach();
        }
    }
}
