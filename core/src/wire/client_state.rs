//! The state a server keeps between calls.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::feed::RecordFeed;
use super::handles::{Handle, Handles};
use super::task::Task;

/// What a client has created or requested and is not over yet.
#[derive(Default)]
pub(super) struct ClientState {
    pub(super) handles: Handles,
    pub(super) tasks: HashMap<u32, Arc<Task>, FixedState>,
    feeds: HashMap<u32, Arc<RecordFeed>, FixedState>,
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
    /// Notes where the rows of a call come from that follow in other requests.
    pub(super) fn open_feed(&mut self, id: u32, feed: &Arc<RecordFeed>) {
        self.feeds.insert(id, Arc::clone(feed));
    }

    pub(super) fn feed(&self, id: u32) -> Option<&Arc<RecordFeed>> {
        self.feeds.get(&id)
    }

    pub(super) fn has_no_feeds(&self) -> bool {
        self.feeds.is_empty()
    }

    /// Forgets where a call's rows come from. Returns the requests that brought some which nobody
    /// will take: their client waits for a reply.
    #[must_use = "each of these requests needs its reply"]
    pub(super) fn close_feed(&mut self, id: u32) -> Vec<u32> {
        self.feeds.remove(&id).map(|feed| feed.close()).unwrap_or_default()
    }

    /// Forgets everything, and returns what is under way and what is open: the client is gone.
    pub(super) fn drain(&mut self) -> (Vec<Arc<Task>>, Vec<(u32, Handle)>) {
        self.feeds.clear();
        self.begun.clear();
        self.waiting.clear();
        (self.tasks.drain().map(|(_, task)| task).collect(), self.handles.drain())
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
