//! Beginning and ending what a client holds: transactions, savepoints, sessions
//! and snapshots.

use std::sync::Arc;

use super::handles::{End, Handle, Kind, Lent, Place};
use super::numbers::op;
use super::read::malformed;
use super::reply::Answer;
use super::request::Head;
use super::run::lend;
use super::server::Inner;
use crate::backend::{Begin, Control, Intent};
use crate::error::{Error, Result};
use crate::nested::Nested;
use crate::target::limited;
use crate::transaction::Transaction;

impl Inner {
    /// Begins, ends and nests.
    pub(super) async fn control(&self, head: Head, place: &Place, mode: Begin) -> Result<Answer> {
        let limit = head.timeout;
        let lent = match (head.op, place) {
            (op::BEGIN, Place::Database(database)) => {
                let begun = database.limited(limit).begin_with(mode).await?;
                let session = begun.shared().ok_or_else(|| Error::closed("transaction"))?;
                Lent::new(Kind::Transaction, session, Some(End::Transaction(begun)), None)
            }
            (op::BEGIN, Place::Lent(outer)) if outer.kind == Kind::Session => {
                let session = Arc::clone(&outer.session);
                // Dropped in the middle, it undoes what may have begun.
                let begun =
                    Transaction::lent(crate::held::Held::Shared(Arc::clone(&session)), None);
                limited(session.control(Control::Begin(mode)), limit, false).await?;
                let end = Some(End::Transaction(begun));
                Lent::new(Kind::Transaction, session, end, Some((outer, head.handle)))
            }
            (op::SAVEPOINT, Place::Lent(outer))
                if matches!(outer.kind, Kind::Transaction | Kind::Savepoint) =>
            {
                let session = Arc::clone(&outer.session);
                let held = crate::held::Held::Shared(Arc::clone(&session));
                let nested = Nested::begin(held, outer.depth + 1, limit).await?;
                let end = Some(End::Savepoint(nested));
                Lent::new(Kind::Savepoint, session, end, Some((outer, head.handle)))
            }
            (op::SNAPSHOT, _) => {
                let session = lend(place, limit, Intent::Snapshot).await?;
                Lent::new(Kind::Snapshot, session, None, None)
            }
            (op::ACQUIRE, _) => {
                let session = lend(place, limit, Intent::Own).await?;
                Lent::new(Kind::Session, session, None, None)
            }
            (op::COMMIT | op::ROLLBACK | op::RELEASE, Place::Lent(lent)) => {
                return self.end(head, lent).await;
            }
            _ => return Err(malformed()),
        };
        self.held().handles.put(head.id, Handle::Lent(Arc::new(lent)));
        Ok(Answer::Handle)
    }

    /// Ends a transaction or savepoint, well or by undoing it: its handle is
    /// gone in any case.
    async fn end(&self, head: Head, lent: &Lent) -> Result<Answer> {
        let end = match (head.op, lent.take_end()) {
            (op::COMMIT, Some(End::Savepoint(nested))) => {
                drop(nested);
                return Err(malformed());
            }
            (_, Some(end)) => end,
            (_, None) => return Err(Error::closed("transaction")),
        };
        let gone = self.held().handles.remove(head.handle);
        let parts = gone.len().saturating_sub(1);
        gone.into_iter().take(parts).for_each(let_go);
        match (head.op, end) {
            (op::COMMIT, End::Transaction(transaction)) => {
                transaction.limited(head.timeout).commit().await?;
            }
            (op::RELEASE, End::Savepoint(nested)) => nested.release().await?,
            (op::ROLLBACK, End::Savepoint(nested)) => nested.rollback().await?,
            (op::ROLLBACK, End::Transaction(transaction)) => {
                transaction.limited(head.timeout).rollback().await?;
            }
            _ => return Err(malformed()),
        }
        Ok(Answer::Done)
    }
}

/// Undoes what a handle has open.
pub(super) fn let_go((_, handle): (u32, Handle)) {
    if let Handle::Lent(lent) = &handle {
        drop(lent.take_end());
    }
    drop(handle);
}
