//! A savepoint that is undone unless it is released.

use std::time::Duration;

use crate::backend::{Control, Session};
use crate::error::Result;
use crate::target::limited;

/// A savepoint that is undone when it is dropped: the session runs what is asked
/// of it in order, so the undoing comes before whatever the caller does next.
pub(crate) struct Nested<'a> {
    session: &'a dyn Session,
    depth: u32,
    limit: Option<Duration>,
    open: bool,
}

impl<'a> Nested<'a> {
    /// A depth that no caller's savepoint reaches.
    pub(crate) const MANY: u32 = u32::MAX;

    pub(crate) async fn begin(
        session: &'a dyn Session,
        depth: u32,
        limit: Option<Duration>,
    ) -> Result<Self> {
        // Made before the await: if this future is dropped there, the savepoint
        // is undone whether or not it was begun.
        let nested = Self { session, depth, limit, open: true };
        limited(session.control(Control::Savepoint(depth)), limit, false).await?;
        Ok(nested)
    }

    pub(crate) fn session(&self) -> &'a dyn Session {
        self.session
    }

    /// Keeps what was done since.
    pub(crate) async fn release(mut self) -> Result<()> {
        limited(self.session.control(Control::Release(self.depth)), self.limit, false).await?;
        self.open = false;
        Ok(())
    }

    /// Undoes what was done since.
    pub(crate) async fn rollback(mut self) -> Result<()> {
        limited(self.session.control(Control::RollbackTo(self.depth)), self.limit, false).await?;
        limited(self.session.control(Control::Release(self.depth)), self.limit, false).await?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Nested<'_> {
    fn drop(&mut self) {
        if self.open {
            self.session.control(Control::RollbackTo(self.depth)).detach();
            self.session.control(Control::Release(self.depth)).detach();
        }
    }
}
