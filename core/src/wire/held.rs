//! What a server keeps between its calls.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::feed::Feed;
use super::handles::Handles;
use super::task::Task;

/// What a client has made or asked for, and is not over.
#[derive(Default)]
pub(super) struct Held {
    pub(super) handles: Handles,
    pub(super) tasks: HashMap<u32, Arc<Task>, FixedState>,
    pub(super) feeds: HashMap<u32, Arc<Feed>, FixedState>,
    /// Calls that were answered a moment ago and may have changed something in
    /// the transaction of a handle: the client may be giving them up.
    pub(super) recent: VecDeque<(u32, u32)>,
    /// Those of the batch that is being taken which were not done at once.
    pub(super) begun: Vec<Arc<Task>>,
    /// Requests that have not begun.
    pub(super) waiting: VecDeque<Box<[u8]>>,
    /// Requests took long: the host is to look for messages before the next.
    pub(super) behind: bool,
}

/// So many calls are remembered.
const RECENT: usize = 256;

impl Held {
    /// To be called when a call is done. Answers whether it was under way, and
    /// where its rows came from.
    pub(super) fn done(&mut self, id: u32, handle: u32) -> (bool, Option<Arc<Feed>>) {
        let known = self.tasks.remove(&id).is_some();
        let feed = self.feeds.remove(&id);
        if handle == 0 {
            return (known, feed);
        }
        if self.handles.lent(handle).is_ok_and(|lent| lent.session.wrote()) {
            self.remember(id, handle);
        }
        (known, feed)
    }

    /// Remembers a call that has changed something in a handle's transaction.
    pub(super) fn remember(&mut self, id: u32, handle: u32) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((id, handle));
    }
}
