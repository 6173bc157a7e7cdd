//! Feeds of commits: who reads them, and what each has not read yet.

use std::task::{Context, Poll, Waker};

use super::event::CommitEvent;
use super::hub::{Hub, WatchId};
use crate::changes::{Commit, Followed};

/// How many commits are kept apart for a reader that does not ask. The last of them also has what
/// was changed after it.
const MOST_EVENTS: usize = 32;

/// The feeds of one database.
#[derive(Default)]
pub(super) struct CommitFeeds(Vec<CommitFeed>);

struct CommitFeed {
    id: WatchId,
    /// The tables that it follows; `None`: all.
    tables: Option<Box<[Box<str>]>>,
    /// What its reader has not taken yet, in order.
    pending: Vec<CommitEvent>,
    task: Option<Waker>,
}

impl CommitFeeds {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the tables that somebody follows.
    pub(super) fn followed(&self) -> Followed {
        let mut followed = Followed::None;
        for feed in &self.0 {
            followed.add(feed.tables.as_deref());
        }
        followed
    }

    /// Takes over a commit. Returns the tasks to wake.
    pub(super) fn committed(&mut self, commit: &Commit, moment: u64) -> Vec<Waker> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let all = CommitEvent::of(commit, moment);
        let mut tasks = Vec::new();
        for feed in &mut self.0 {
            let tables = feed.tables.as_deref();
            // What was recorded for less was committed before this feed began.
            let recorded = commit.everything || commit.interest.followed.covers(tables);
            let Some(event) = all.only(tables).filter(|_| recorded) else { continue };
            match feed.pending.get_mut(MOST_EVENTS - 1) {
                Some(last) => last.join(event),
                None => feed.pending.push(event),
            }
            tasks.extend(feed.task.take());
        }
        tasks
    }

    /// Takes all tasks that wait.
    pub(super) fn take_tasks(&mut self) -> Vec<Waker> {
        self.0.iter_mut().filter_map(|feed| feed.task.take()).collect()
    }

    fn get_mut(&mut self, id: WatchId) -> Option<&mut CommitFeed> {
        self.0.iter_mut().find(|feed| feed.id == id)
    }
}

impl Hub {
    /// Begins a feed of all tables: it has each commit that happens after this returns.
    pub(crate) fn follow(&self) -> WatchId {
        let mut state = self.state();
        let id = state.next_id();
        state.feeds.0.push(CommitFeed { id, tables: None, pending: Vec::new(), task: None });
        state.stale = true;
        self.renew_index(&mut state);
        id
    }

    /// Restricts a feed to these tables. It then begins anew.
    pub(crate) fn restrict(&self, id: WatchId, tables: Vec<Box<str>>) {
        let mut state = self.state();
        if let Some(feed) = state.feeds.get_mut(id) {
            feed.pending.clear();
            feed.tables = Some(tables.into());
            state.stale = true;
            self.renew_index(&mut state);
        }
    }

    /// Ends a feed.
    pub(crate) fn unfollow(&self, id: WatchId) {
        let mut state = self.state();
        let Some(position) = state.feeds.0.iter().position(|feed| feed.id == id) else { return };
        let feed = state.feeds.0.swap_remove(position);
        state.stale = true;
        self.renew_index(&mut state);
        drop(state);
        // With its task, other feeds may go.
        drop(feed);
    }

    /// Returns the next commit of a feed, or the next few in one; `None` once the database is closed.
    pub(crate) fn poll_commit(
        &self,
        id: WatchId,
        cx: &mut Context<'_>,
    ) -> Poll<Option<CommitEvent>> {
        let mut state = self.state();
        let closed = state.closed;
        let Some(feed) = state.feeds.get_mut(id) else { return Poll::Ready(None) };
        if !feed.pending.is_empty() {
            let mut event = feed.pending.remove(0);
            drop(state);
            event.settle();
            return Poll::Ready(Some(event));
        }
        if closed {
            return Poll::Ready(None);
        }
        let before = feed.task.replace(cx.waker().clone());
        drop(state);
        drop(before);
        Poll::Pending
    }
}
