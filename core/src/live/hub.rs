//! The watched queries of one database, and what commits mean for them.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use foldhash::fast::RandomState;

use super::affected::Index;
use super::feed::CommitFeeds;
use super::poll::Round;
use super::queries::{Queries, QueryId, Watched};
use super::waiting::Waiting;
use super::written::Written;
use crate::changes::{Commit, CommitObserver, Observation};
use crate::platform::Sleep;

/// Identifies a watch of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WatchId(u64);

/// The watched queries of one database.
pub(crate) struct Hub {
    observation: Arc<Observation>,
    state: Mutex<HubState>,
    pub(super) waiting: Arc<Waiting>,
}

/// What a hub knows.
#[derive(Default)]
pub(super) struct HubState {
    pub(super) queries: Queries,
    pub(super) watches: HashMap<WatchId, WatchState, RandomState>,
    pub(super) index: Index,
    pub(super) written: Written,
    /// Who reads the commits themselves.
    pub(super) feeds: CommitFeeds,
    /// The queries that are to run again, and perhaps some that are not any more.
    pub(super) dirty: Vec<QueryId>,
    /// The index is not of the present queries.
    pub(super) stale: bool,
    /// The moment of the last change of the schema.
    pub(super) schema_moment: u64,
    /// The number of commits so far.
    pub(super) moment: u64,
    /// The number of rounds so far.
    pub(super) rounds: u64,
    /// What runs now.
    pub(super) round: Round,
    pub(super) closed: bool,
    /// The number of times that a query has run.
    pub(super) runs: u64,
    next: u64,
}

/// One watch: queries whose results belong together.
#[derive(Default)]
pub(super) struct WatchState {
    pub(super) queries: Box<[QueryOfWatch]>,
    /// The number of rounds when the watcher began to wait.
    pub(super) asked: Option<u64>,
    /// Its queries do not run before this is over.
    pub(super) rest: Option<Pin<Box<Sleep>>>,
}

/// One query of a watch.
#[derive(Clone, Copy)]
pub(super) struct QueryOfWatch {
    pub(super) id: QueryId,
    /// The version of its result that was delivered last; 0 before the first.
    pub(super) seen: u64,
}

impl WatchState {
    pub(super) fn ids(&self) -> impl Iterator<Item = QueryId> + Clone {
        self.queries.iter().map(|query| query.id)
    }
}

impl Hub {
    /// Creates a hub that is told of the commits of a database.
    pub(crate) fn new(observation: &Arc<Observation>) -> Arc<Self> {
        let hub = Arc::new(Self {
            observation: Arc::clone(observation),
            state: Mutex::default(),
            waiting: Arc::default(),
        });
        let observer: Weak<Self> = Arc::downgrade(&hub);
        observation.observe(observer);
        hub
    }

    pub(super) fn state(&self) -> MutexGuard<'_, HubState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a watch of queries whose results belong to one moment.
    pub(crate) fn add(&self, watched: Vec<Watched>) -> WatchId {
        let mut state = self.state();
        let id = state.next_id();
        let mut queries = Vec::with_capacity(watched.len());
        for query in watched {
            let query = state.queries.add(query, id);
            if state.queries.get(query).is_some_and(|query| query.dirty) {
                state.dirty.push(query);
            }
            queries.push(QueryOfWatch { id: query, seen: 0 });
        }
        let queries = queries.into();
        state.watches.insert(id, WatchState { queries, ..WatchState::default() });
        state.stale = true;
        id
    }

    /// Removes a watch.
    pub(crate) fn remove(&self, id: WatchId) {
        let mut state = self.state();
        let Some(watch) = state.watches.remove(&id) else { return };
        for query in watch.ids() {
            state.stale |= state.queries.remove(query, id);
        }
        // Too much recorded does no harm; nothing is recorded once nobody watches.
        if state.watches.is_empty() {
            self.renew_index(&mut state);
        }
        let own = self.waiting.take([id]);
        // It may have been the one that drove what is under way.
        let idle = matches!(state.round, Round::Idle);
        let tasks = if idle { Vec::new() } else { self.waiting.take_all() };
        drop(state);
        drop(own);
        wake(tasks);
    }

    /// Returns how often queries have run.
    pub(crate) fn runs(&self) -> u64 {
        self.state().runs
    }

    /// Returns how many queries are watched, equal ones once.
    pub(crate) fn watched(&self) -> u32 {
        u32::try_from(self.state().queries.iter().count()).unwrap_or(u32::MAX)
    }

    /// Ends all watches.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let round = std::mem::take(&mut state.round);
        let mut tasks = self.waiting.take_all();
        tasks.extend(state.feeds.take_tasks());
        drop(state);
        drop(round);
        wake(tasks);
    }

    /// Makes commits be recorded for the present queries.
    pub(super) fn renew_index(&self, state: &mut HubState) {
        if !state.stale {
            return;
        }
        state.stale = false;
        let before = Arc::clone(state.index.interest());
        state.index = Index::of(&state.queries, state.feeds.followed(), &before);
        if !Arc::ptr_eq(&before, state.index.interest()) {
            self.observation.set_interest(Arc::clone(state.index.interest()));
        }
    }

    /// Takes a change of these tables for granted.
    pub(crate) fn touch(&self, tables: &[&str]) {
        let mut state = self.state();
        state.moment += 1;
        let reads = |query: &super::queries::Query| match &query.reads {
            Some(reads) => {
                let named = |name: &str| tables.iter().any(|it| it.eq_ignore_ascii_case(name));
                reads.anything || reads.tables.iter().any(|read| named(&read.name))
            }
            None => true,
        };
        let touched: Vec<_> =
            state.queries.iter().filter(|(_, query)| reads(query)).map(|(id, _)| id).collect();
        let tasks = self.mark(&mut state, touched);
        drop(state);
        wake(tasks);
    }

    /// Marks queries to run again, and takes the tasks that wait for them.
    fn mark(&self, state: &mut HubState, queries: Vec<QueryId>) -> Vec<Waker> {
        let mut watchers = Vec::new();
        for id in queries {
            if let Some(query) = state.queries.get_mut(id)
                && !std::mem::replace(&mut query.dirty, true)
            {
                watchers.extend_from_slice(&query.watchers);
                state.dirty.push(id);
            }
        }
        self.waiting.take(watchers)
    }
}

impl HubState {
    /// Returns a number for a watch or a feed.
    pub(super) fn next_id(&mut self) -> WatchId {
        self.next += 1;
        WatchId(self.next)
    }
}

impl CommitObserver for Hub {
    fn committed(&self, commit: &Commit) {
        let mut state = self.state();
        state.moment += 1;
        let mut found = Vec::new();
        if !state.index.affected(commit, |query| found.push(query)) {
            found = state.queries.iter().map(|(id, _)| id).collect();
        }
        let unknown = commit.schema || (commit.everything && commit.pages.is_none());
        state.written.add(commit.pages.as_ref());
        if commit.pages.is_some() && !unknown {
            let HubState { queries, written, .. } = &mut *state;
            found.retain(|id| queries.get_mut(*id).is_some_and(|it| it.may_read(written)));
        }
        if unknown {
            state.schema_moment = state.moment;
            for query in state.queries.iter_mut() {
                query.reads = None;
            }
            state.stale = true;
        }
        let mut tasks = self.mark(&mut state, found);
        let moment = state.moment;
        tasks.extend(state.feeds.committed(commit, moment));
        if commit.schema && !state.feeds.is_empty() {
            // Each connection is to find the tables that there are now.
            self.observation.set_interest(Arc::clone(state.index.interest()));
        }
        drop(state);
        wake(tasks);
    }
}

pub(super) fn wake(tasks: Vec<Waker>) {
    for task in tasks {
        task.wake();
    }
}
