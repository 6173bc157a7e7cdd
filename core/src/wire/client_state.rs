//! The state a server keeps between calls.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::feed::RecordFeed;
use super::handles::Handles;
use super::task::Task;

/// What a client has created or requested and is not over yet.
#[derive(Default)]
pub(super) struct ClientState {
    pub(super) handles: Handles,
    pub(super) tasks: HashMap<u32, Arc<Task>, FixedState>,
    pub(super) feeds: HashMap<u32, Arc<RecordFeed>, FixedState>,
    /// Calls that finished a moment ago and may have changed something in a handle's transaction:
    /// the client may be cancelling them.
    pub(super) recent: VecDeque<(u32, u32)>,
    /// Calls that were cancelled a moment ago and may be running on another thread.
    cancelled: VecDeque<u32>,
    /// Tasks of the current batch that did not finish at once.
    pub(super) begun: Vec<Arc<Task>>,
    /// Requests that have not begun.
    pub(super) waiting: VecDeque<Box<[u8]>>,
}

/// How many calls are remembered in each list.
const RECENT: usize = 256;

impl ClientState {
    /// Called when a call is done. Returns whether it was under way, and where its rows came from.
    pub(super) fn done(&mut self, id: u32) -> (bool, Option<Arc<RecordFeed>>) {
        (self.tasks.remove(&id).is_some(), self.feeds.remove(&id))
    }

    /// Remembers a call that changed something in a handle's transaction. Must be called before the
    /// next one runs. If the call was cancelled on another thread while it ran, the
    /// transaction is marked now.
    pub(super) fn remember(&mut self, id: u32, handle: u32) {
        if let Some(position) = self.cancelled.iter().position(|cancelled| *cancelled == id) {
            self.cancelled.remove(position);
            if let Ok(session_handle) = self.handles.session_handle(handle) {
                session_handle.session.mark_rollback_only(session_handle.depth as usize);
            }
            return;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((id, handle));
    }

    /// Removes a request that is cancelled from those under way.
    pub(super) fn cancel(&mut self, id: u32) -> Option<Arc<Task>> {
        let task = self.tasks.remove(&id)?;
        if self.cancelled.len() == RECENT {
            self.cancelled.pop_front();
        }
        self.cancelled.push_back(id);
        Some(task)
    }
}
