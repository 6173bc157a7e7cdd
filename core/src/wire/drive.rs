//! Requests that are not done at once: who polls them, and how they end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use super::reply::Outcome;
use super::request::RequestHead;
use super::server::{RequestFuture, ServerInner};
use super::task::{Drive, Task};
use super::timed::Timed;
use crate::backend::call_times;
use crate::engine::context::{self, Caller};
use crate::error::Result;

impl ServerInner {
    /// Polls a request for the first time; if that does not complete it, the host drives it.
    pub(super) fn start(
        self: &Arc<Self>,
        head: RequestHead,
        mut work: RequestFuture,
        timed: Option<&Arc<Timed>>,
    ) -> Result<Option<Outcome>> {
        let caller = self.caller(head);
        let entered = context::enter(Some(caller));
        let times = call_times::enter(timed.map(|timed| &timed.times));
        let first = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop((times, entered));
        if let Poll::Ready(outcome) = first {
            self.done(head);
            return outcome.map(Some);
        }
        self.drive(head, caller, timed.cloned(), work);
        Ok(None)
    }

    /// Makes the host drive work that is not done at once.
    pub(super) fn drive(
        self: &Arc<Self>,
        head: RequestHead,
        caller: Caller,
        timed: Option<Arc<Timed>>,
        work: RequestFuture,
    ) {
        let (inner, told) = (Arc::clone(self), timed.clone());
        let future = Box::pin(async move {
            let outcome = work.await;
            if inner.done(head) {
                inner.reply(head.id, told.as_deref(), &outcome);
            } else {
                // It was cancelled on another thread while this one ended it. That is as good as a
                // moment later: nobody waits for the outcome.
                inner.cancel(head.id);
            }
        });
        let task = Arc::new(Task::new(head, caller, timed, future));
        self.state().tasks.insert(head.id, Arc::clone(&task));
        self.state().begun.push(task);
        self.has_begun.store(true, Ordering::Release);
    }

    /// Continues what the requests of a batch have begun: writes that wait for others of the same
    /// moment need not wait any longer. The host drives what is not done by then.
    pub(super) fn go_on(&self) {
        if !self.has_begun.swap(false, Ordering::AcqRel) {
            return;
        }
        let begun = std::mem::take(&mut self.state().begun);
        for task in begun {
            if task.poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                self.exit.host.spawn(Box::pin(Drive(task)));
            }
        }
    }

    /// Makes the host drive what was begun.
    pub(super) fn hand_over(&self) {
        let begun = std::mem::take(&mut self.state().begun);
        for task in begun {
            self.exit.host.spawn(Box::pin(Drive(task)));
        }
    }

    /// Called when a request is done. Returns whether it was under way: not if it was cancelled in
    /// the meantime, or was done at once.
    pub(super) fn done(&self, head: RequestHead) -> bool {
        let mut state = self.state();
        let known = state.tasks.remove(&head.id).is_some();
        let unpaid = state.close_feed(head.id);
        drop(state);
        self.credit_all(unpaid);
        known
    }
}
