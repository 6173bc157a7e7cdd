//! Beginning and ending what a client holds: transactions, savepoints, sessions
//! and snapshots.

use std::sync::Arc;

use super::handles::{CallTarget, Handle, HandleEnd, HandleEnding, HandleKind, SessionHandle};
use super::numbers::op;
use super::read::malformed;
use super::reply::Outcome;
use super::request::RequestHead;
use super::run::acquire_session;
use super::server::ServerInner;
use crate::api::transaction::Transaction;
use crate::backend::rules::HandleUse;
use crate::backend::{Capabilities, Control, Intent};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::savepoint_guard::SavepointGuard;
use crate::exec::target::limited;
use crate::program::Begin;

impl ServerInner {
    /// Runs a request that begins, nests or ends something.
    pub(super) async fn control(
        &self,
        head: RequestHead,
        on: &CallTarget,
        mode: Begin,
    ) -> Result<Outcome> {
        let limit = head.timeout;
        let session_handle = match (head.op, on) {
            (op::BEGIN, CallTarget::Database(database)) => {
                let begun = database.limited(limit).begin_with(mode).await?;
                let session = begun.shared().ok_or_else(|| Error::closed("transaction"))?;
                SessionHandle::outermost(
                    HandleKind::Transaction,
                    session,
                    Some(HandleEnding::Transaction(begun)),
                )
            }
            (op::BEGIN, CallTarget::Handle(outer)) if outer.kind == HandleKind::Session => {
                outer.check(HandleUse::Use)?;
                let session = Arc::clone(&outer.session);
                // If it is dropped midway, it undoes what may have begun.
                let begun = Transaction::on_session(
                    crate::exec::session_ref::SessionRef::Shared(Arc::clone(&session)),
                    None,
                );
                match limited(session.control(Control::Begin(mode)), limit, false).await {
                    Err(error) if error.kind() != ErrorKind::OutcomeUnknown => {
                        // What is open, if anything, was begun by an SQL statement.
                        begun.disarm();
                        return Err(error);
                    }
                    begun => begun?,
                }
                let end = HandleEnding::Transaction(begun);
                SessionHandle::inside(HandleKind::Transaction, outer, head.handle, end)?
            }
            (op::SAVEPOINT, CallTarget::Handle(outer))
                if matches!(outer.kind, HandleKind::Transaction | HandleKind::Savepoint) =>
            {
                outer.check(HandleUse::Use)?;
                let session = Arc::clone(&outer.session);
                let state = crate::exec::session_ref::SessionRef::Shared(session);
                let nested = SavepointGuard::begin(state, outer.depth + 1, limit).await?;
                let end = HandleEnding::Savepoint(nested);
                SessionHandle::inside(HandleKind::Savepoint, outer, head.handle, end)?
            }
            (op::SNAPSHOT, _) => {
                SessionHandle::snapshot(acquire_session(on, limit, Intent::Snapshot).await?)
            }
            (op::ACQUIRE, _) => {
                let session = acquire_session(on, limit, Intent::Dedicated).await?;
                SessionHandle::outermost(HandleKind::Session, session, None)
            }
            (op::COMMIT | op::ROLLBACK | op::RELEASE, CallTarget::Handle(session_handle)) => {
                return self.end(head, session_handle).await;
            }
            _ => return Err(malformed()),
        };
        self.state().handles.put(head.id, Handle::Session(Arc::new(session_handle)));
        Ok(Outcome::Handle)
    }

    /// Ends a transaction or savepoint, by keeping or undoing it. Its handle is gone in any case.
    async fn end(&self, head: RequestHead, session_handle: &SessionHandle) -> Result<Outcome> {
        if !matches!(session_handle.kind, HandleKind::Transaction | HandleKind::Savepoint) {
            return Err(malformed());
        }
        let ask = if head.op == op::ROLLBACK { HandleUse::Undo } else { HandleUse::Keep };
        let refused = session_handle.check(ask).err();
        // Innermost first: each is undone before the one that it is in.
        let mut gone = self.state().handles.remove(head.handle);
        drop(gone.pop());
        gone.into_iter().for_each(release);
        let HandleEnd { what, cover } = session_handle.take_end();
        let what = what.ok_or_else(|| Error::closed("transaction"))?;
        let ended = match (if refused.is_some() { op::ROLLBACK } else { head.op }, what) {
            (op::COMMIT, HandleEnding::Transaction(transaction)) => {
                transaction.limited(head.timeout).commit().await
            }
            (op::RELEASE, HandleEnding::Savepoint(nested)) => {
                let released = nested.release().await;
                if released.is_ok() {
                    // It can still be cancelled when what it kept is part of the outer one.
                    self.state().remember(head.id, session_handle.parent);
                }
                released
            }
            (op::ROLLBACK, HandleEnding::Savepoint(nested)) => nested.rollback().await,
            (op::ROLLBACK, HandleEnding::Transaction(transaction)) => {
                transaction.limited(head.timeout).rollback().await
            }
            _ => Err(malformed()),
        };
        // The outer handle is free once the end, or what undoes it, is on its way.
        drop(cover);
        match (refused, ended) {
            (Some(refused), Ok(())) => Err(refused.followed("it was rolled back")),
            (Some(refused), Err(_)) => Err(refused),
            (None, ended) => ended.map(|()| Outcome::Done),
        }
    }
}

/// Undoes what a handle has open.
pub(super) fn release((_, handle): (u32, Handle)) {
    if let Handle::Session(session_handle) = &handle {
        drop(session_handle.take_end());
    }
    drop(handle);
}

/// Returns what a backend can do as bits.
pub(super) fn bits_of(it: Capabilities) -> u32 {
    u32::from(it.transactions)
        | u32::from(it.cursors) << 1
        | u32::from(it.snapshots) << 2
        | u32::from(it.sessions) << 3
        | u32::from(it.watches) << 4
        | u32::from(it.row_changes) << 5
        | u32::from(it.changesets) << 6
        | u32::from(it.backups) << 7
        | u32::from(it.replicas) << 8
}
