//! Beginning and ending what a client holds: transactions, savepoints, sessions
//! and snapshots.

use std::sync::Arc;

use super::handles::{End, Handle, Kind, Lent, Place, What};
use super::numbers::op;
use super::read::malformed;
use super::reply::Answer;
use super::request::Head;
use super::run::lend;
use super::server::Inner;
use crate::api::transaction::Transaction;
use crate::backend::rules::Ask;
use crate::backend::{Control, Intent};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::nested::Nested;
use crate::exec::target::limited;
use crate::program::Begin;

impl Inner {
    /// Runs a request that begins, nests or ends something.
    pub(super) async fn control(&self, head: Head, place: &Place, mode: Begin) -> Result<Answer> {
        let limit = head.timeout;
        let lent = match (head.op, place) {
            (op::BEGIN, Place::Database(database)) => {
                let begun = database.limited(limit).begin_with(mode).await?;
                let session = begun.shared().ok_or_else(|| Error::closed("transaction"))?;
                Lent::outermost(Kind::Transaction, session, Some(What::Transaction(begun)))
            }
            (op::BEGIN, Place::Lent(outer)) if outer.kind == Kind::Session => {
                outer.check(Ask::Use)?;
                let session = Arc::clone(&outer.session);
                // If it is dropped midway, it undoes what may have begun.
                let begun =
                    Transaction::lent(crate::exec::held::Held::Shared(Arc::clone(&session)), None);
                match limited(session.control(Control::Begin(mode)), limit, false).await {
                    Err(error) if error.kind() != ErrorKind::OutcomeUnknown => {
                        // What is open, if anything, was begun by an SQL statement.
                        begun.disarm();
                        return Err(error);
                    }
                    begun => begun?,
                }
                let end = What::Transaction(begun);
                Lent::inside(Kind::Transaction, outer, head.handle, end)?
            }
            (op::SAVEPOINT, Place::Lent(outer))
                if matches!(outer.kind, Kind::Transaction | Kind::Savepoint) =>
            {
                outer.check(Ask::Use)?;
                let session = Arc::clone(&outer.session);
                let held = crate::exec::held::Held::Shared(session);
                let nested = Nested::begin(held, outer.depth + 1, limit).await?;
                let end = What::Savepoint(nested);
                Lent::inside(Kind::Savepoint, outer, head.handle, end)?
            }
            (op::SNAPSHOT, _) => Lent::snapshot(lend(place, limit, Intent::Snapshot).await?),
            (op::ACQUIRE, _) => {
                let session = lend(place, limit, Intent::Own).await?;
                Lent::outermost(Kind::Session, session, None)
            }
            (op::COMMIT | op::ROLLBACK | op::RELEASE, Place::Lent(lent)) => {
                return self.end(head, lent).await;
            }
            _ => return Err(malformed()),
        };
        self.held().handles.put(head.id, Handle::Lent(Arc::new(lent)));
        Ok(Answer::Handle)
    }

    /// Ends a transaction or savepoint, by keeping or undoing it. Its handle is gone in any case.
    async fn end(&self, head: Head, lent: &Lent) -> Result<Answer> {
        if !matches!(lent.kind, Kind::Transaction | Kind::Savepoint) {
            return Err(malformed());
        }
        let ask = if head.op == op::ROLLBACK { Ask::Undo } else { Ask::Keep };
        let refused = lent.check(ask).err();
        // Innermost first: each is undone before the one that it is in.
        let mut gone = self.held().handles.remove(head.handle);
        drop(gone.pop());
        gone.into_iter().for_each(let_go);
        let End { what, cover } = lent.take_end();
        let what = what.ok_or_else(|| Error::closed("transaction"))?;
        let ended = match (if refused.is_some() { op::ROLLBACK } else { head.op }, what) {
            (op::COMMIT, What::Transaction(transaction)) => {
                transaction.limited(head.timeout).commit().await
            }
            (op::RELEASE, What::Savepoint(nested)) => {
                let released = nested.release().await;
                if released.is_ok() {
                    // It can still be given up when what it kept is part of the outer one.
                    self.held().remember(head.id, lent.parent);
                }
                released
            }
            (op::ROLLBACK, What::Savepoint(nested)) => nested.rollback().await,
            (op::ROLLBACK, What::Transaction(transaction)) => {
                transaction.limited(head.timeout).rollback().await
            }
            _ => Err(malformed()),
        };
        // The outer handle is free once the end, or what undoes it, is on its way.
        drop(cover);
        match (refused, ended) {
            (Some(refused), Ok(())) => Err(refused.followed("it was rolled back")),
            (Some(refused), Err(_)) => Err(refused),
            (None, ended) => ended.map(|()| Answer::Done),
        }
    }
}

/// Undoes what a handle has open.
pub(super) fn let_go((_, handle): (u32, Handle)) {
    if let Handle::Lent(lent) = &handle {
        drop(lent.take_end());
    }
    drop(handle);
}
