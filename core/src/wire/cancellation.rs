//! Calls and handles that a client cancels.

use std::sync::{Arc, OnceLock};

use super::control::release;
use super::request::RequestHead;
use super::server::ServerInner;
use super::task::Task;
use crate::error::Error;

/// Reports whether a request of a client may begin.
pub(super) type Leave = fn(client: u32, request: u32) -> bool;

static LEAVE: OnceLock<Leave> = OnceLock::new();

/// Sets the function that is asked before a request begins; the first one stays.
pub(super) fn set_leave(leave: Leave) {
    // A second one would be the same function.
    let _ = LEAVE.set(leave);
}

/// Whether a request was not cancelled through a channel that is faster than its messages.
pub(super) fn may_begin(client: u32, request: u32) -> bool {
    LEAVE.get().is_none_or(|leave| leave(client, request))
}

impl ServerInner {
    /// Withdraws a request, which still must report its outcome. If it is not under way, its reply
    /// is on its way.
    pub(super) fn withdraw(&self, id: u32) {
        let state = self.state();
        let Some(task) = state.tasks.get(&id).cloned() else { return };
        // From here on it waits for rows that it never gets, so nothing of it is committed.
        let unfinished = state.feed(id).is_some_and(|feed| feed.refuse_missing());
        drop(state);
        if unfinished {
            if self.cancel(id) {
                self.out(|out| out.result(id, &Err(Error::withdrawn())));
            }
            return;
        }
        task.withdraw();
    }

    /// Refuses a request that was cancelled before it began. The client has already cancelled what
    /// the request was to end.
    pub(super) fn refuse(&self, head: RequestHead) {
        if head.ends() {
            self.release_handle(head.id, head.handle, true);
        }
        self.out(|out| out.result(head.id, &Err(Error::withdrawn())));
    }

    /// Cancels a request, and returns whether it was under way.
    pub(super) fn cancel(&self, id: u32) -> bool {
        let mut state = self.state();
        let task = state.cancel(id);
        let unpaid = state.close_feed(id);
        // What the request made belongs to nobody.
        let made = state.handles.remove(id);
        let late = state.recent.iter().find(|(done, _)| *done == id).copied();
        let marked = late.and_then(|(_, handle)| state.handles.session_handle(handle).ok());
        drop(state);
        let known = task.is_some();
        if let Some(task) = task {
            task.cancel();
            if task.ends {
                // If it still waited for its lock, nothing else would end what it was to end.
                self.release_handle(id, task.handle, true);
            }
        }
        if let Some(session_handle) = marked {
            session_handle.session.mark_rollback_only(session_handle.depth as usize);
        }
        made.into_iter().for_each(release);
        self.credit_all(unpaid);
        known
    }

    /// Drops a handle, after its client cancelled all calls on it.
    pub(super) fn drop_handle(&self, handle: u32) {
        self.release_handle(0, handle, false);
    }

    /// Drops a handle whose end, the request `by`, does not begin any more. If `tell`, the calls on
    /// it that are under way report that they are undone.
    pub(super) fn release_handle(&self, by: u32, handle: u32, tell: bool) {
        let mut state = self.state();
        let gone = state.handles.remove(handle);
        let numbers: Vec<u32> = gone.iter().map(|(number, _)| *number).collect();
        let on_it = |task: &&Arc<Task>| task.id != by && numbers.contains(&task.handle);
        let tasks: Vec<Arc<Task>> = state.tasks.values().filter(on_it).cloned().collect();
        let mut unpaid = Vec::new();
        for task in &tasks {
            state.tasks.remove(&task.id);
            unpaid.extend(state.close_feed(task.id));
        }
        drop(state);
        for task in tasks {
            task.cancel();
            if tell {
                self.out(|out| out.result(task.id, &Err(Error::withdrawn())));
            }
        }
        gone.into_iter().for_each(release);
        self.credit_all(unpaid);
    }
}
