//! The state a server keeps between calls.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::feed::Feed;
use super::handles::Handles;
use super::task::Task;

/// What a client has created or requested and is not over yet.
#[derive(Default)]
pub(super) struct Held {
    pub(super) handles: Handles,
    pub(super) tasks: HashMap<u32, Arc<Task>, FixedState>,
    pub(super) feeds: HashMap<u32, Arc<Feed>, FixedState>,
    /// Calls that finished a moment ago and may have changed something in a handle's transaction:
    /// the client may be giving them up.
    pub(super) recent: VecDeque<(u32, u32)>,
    /// Calls that were given up a moment ago and may be running on another thread.
    given_up: VecDeque<u32>,
    /// Tasks of the current batch that did not finish at once.
    pub(super) begun: Vec<Arc<Task>>,
    /// Requests that have not begun.
    pub(super) waiting: VecDeque<Box<[u8]>>,
}

/// How many calls are remembered in each list.
const RECENT: usize = 256;

impl Held {
    /// Called when a call is done. Returns whether it was under way, and where its rows came from.
    pub(super) fn done(&mut self, id: u32) -> (bool, Option<Arc<Feed>>) {
        (self.tasks.remove(&id).is_some(), self.feeds.remove(&id))
    }

    /// Remembers a call that changed something in a handle's transaction. Must be called before the
    /// next one gets its turn. If the call was given up on another thread while it ran, the
    /// transaction is spoiled now.
    pub(super) fn remember(&mut self, id: u32, handle: u32) {
        if let Some(place) = self.given_up.iter().position(|given_up| *given_up == id) {
            self.given_up.remove(place);
            if let Ok(lent) = self.handles.lent(handle) {
                lent.session.give_up(lent.depth as usize);
            }
            return;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((id, handle));
    }

    /// Removes a request that is given up from those under way.
    pub(super) fn give_up(&mut self, id: u32) -> Option<Arc<Task>> {
        let task = self.tasks.remove(&id)?;
        if self.given_up.len() == RECENT {
            self.given_up.pop_front();
        }
        self.given_up.push_back(id);
        Some(task)
    }
}
