//! A session as seen by one of several handles.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::rules::{Chain, HandleUse};
use super::{BackendSession, Control, Pages, Reply};
use crate::error::Result;
use crate::program::{Output, PageSink, Program};
use crate::sql::Params;

/// One of the handles on a session: the session itself, a transaction or a savepoint. It forwards
/// what the [rules](super::rules) allow. The check and the forwarding are one step: a handle that
/// is released on another thread accepts no more calls once its undoing is under way.
pub(crate) struct GuardedSession {
    session: Arc<dyn BackendSession>,
    chain: Arc<Mutex<Chain>>,
    number: u32,
}

impl GuardedSession {
    /// The outermost handle of a session.
    pub(crate) fn outermost(session: Arc<dyn BackendSession>) -> Self {
        let mut chain = Chain::default();
        let number = chain.begin();
        Self { session, chain: Arc::new(Mutex::new(chain)), number }
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the handle of what was just begun from this one.
    ///
    /// # Errors
    /// `Closed` if this one was released in the meantime, `InvalidArgument` if something else was
    /// begun from it. What was begun must then be undone.
    pub(crate) fn begun(&self) -> Result<Self> {
        let mut chain = self.chain();
        chain.standing(self.number).allows(HandleUse::Use)?;
        let number = chain.begin();
        Ok(Self { session: Arc::clone(&self.session), chain: Arc::clone(&self.chain), number })
    }

    /// Checks whether the handle allows this request.
    ///
    /// # Errors
    /// See the [rules](super::rules).
    pub(crate) fn check(&self, ask: HandleUse) -> Result<()> {
        self.chain().standing(self.number).allows(ask)
    }

    /// Stops accepting calls. Returns what covers the handle around this one, to be dropped once
    /// the end is on its way to the session.
    pub(crate) fn close(self: &Arc<Self>) -> Cover {
        self.chain().close(self.number);
        Cover(Arc::clone(self))
    }

    fn pass<T>(&self, ask: impl FnOnce(&dyn BackendSession) -> Reply<T>) -> Reply<T> {
        let chain = self.chain();
        match chain.standing(self.number).allows(HandleUse::Use) {
            Ok(()) => ask(&*self.session),
            Err(error) => Reply::err(error),
        }
    }
}

/// A handle that is ending but still covers the one around it.
pub(crate) struct Cover(Arc<GuardedSession>);

impl Drop for Cover {
    fn drop(&mut self) {
        self.0.chain().end(self.0.number);
    }
}

impl BackendSession for GuardedSession {
    fn run(&self, program: Program<'_>, sink: Option<&dyn PageSink>) -> Reply<Output> {
        self.pass(|session| session.run(program, sink))
    }

    /// Begins a part of this handle, or ends one.
    fn control(&self, control: Control) -> Reply<()> {
        let chain = self.chain();
        let allowed = chain.standing(self.number).allows(match control {
            Control::Begin(_) | Control::Savepoint(_) => HandleUse::Use,
            // This ends a part, which covers this handle until then.
            _ => HandleUse::EndPart,
        });
        match allowed {
            Ok(()) => self.session.control(control),
            // The end of this handle undoes its parts; whatever is open on the session afterwards
            // is not theirs.
            Err(_) if matches!(control, Control::Rollback | Control::RollbackTo(_)) => {
                Reply::ready(Ok(()))
            }
            Err(error) => Reply::err(error),
        }
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        self.pass(|session| session.stream(sql, params))
    }

    fn interrupt(&self) {
        self.session.interrupt();
    }

    fn wrote(&self) -> bool {
        self.session.wrote()
    }

    fn mark_rollback_only(&self, savepoints: usize) {
        self.session.mark_rollback_only(savepoints);
    }
}
