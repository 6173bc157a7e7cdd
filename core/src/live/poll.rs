//! Delivering results, and running the queries that are to run again.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::hub::{Hub, HubState, WatchId, wake};
use super::queries::{Query, QueryId};
use crate::backend::{Backend, Reply};
use crate::changes::{ReadSet, Reads};
use crate::error::{Error, ErrorKind, Result};
use crate::platform;
use crate::program::{Access, Output, Program};
use crate::row::Rows;

/// Queries may run this much sooner than their rest would be over; of shorter rests a timer would
/// make longer ones.
const GRACE: Duration = Duration::from_millis(1);

/// The most that counts as the time that a query took.
const LONGEST_RUN: Duration = Duration::from_secs(1);

/// How long a query waits after it met a lock, or found no connection free.
const LATER: Duration = Duration::from_millis(50);

/// What a watcher gets.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// Every commit up to this one is in the results.
    pub(crate) moment: u64,
    /// One for each query of the watch, all of one moment.
    pub(crate) results: Vec<Arc<Rows>>,
}

/// What a hub runs.
#[derive(Default)]
pub(super) enum Round {
    #[default]
    Idle,
    /// A task is polling it.
    Busy,
    Running(Running),
}

/// Lets others begin a round if this one ended by a panic.
struct Unfinished<'a>(&'a Hub);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.round = Round::Idle;
        // What ran has no result, and runs again for whoever asks.
        state.mark_all();
        let tasks = self.0.waiting.take_all();
        drop(state);
        wake(tasks);
    }
}

/// Queries under way.
pub(super) struct Running {
    queries: Vec<QueryId>,
    moment: u64,
    number: u64,
    started: Duration,
    reply: Reply<Output>,
}

impl Hub {
    /// Returns the next results of a watch: its first, and then whenever one of them is another.
    /// `None` once the database is closed.
    pub(crate) fn poll(
        &self,
        id: WatchId,
        backend: &dyn Backend,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Delivery>>> {
        loop {
            // Dropped after the lock is released.
            let _no_longer_needed;
            let mut state = self.state();
            if state.closed {
                return Poll::Ready(None);
            }
            if let Some(ready) = state.deliver(id) {
                _no_longer_needed = self.waiting.take([id]);
                return Poll::Ready(Some(ready));
            }
            // Before anything else is looked at: a commit after this wakes the task.
            _no_longer_needed = self.waiting.add(id, cx.waker()).into_iter().collect::<Vec<_>>();
            match std::mem::replace(&mut state.round, Round::Busy) {
                Round::Busy => {
                    self.waiting.turn_away(id);
                    return Poll::Pending;
                }
                Round::Idle => {
                    let Some((program, running)) = self.begin(&mut state, id, cx) else {
                        state.round = Round::Idle;
                        return Poll::Pending;
                    };
                    drop(state);
                    let unfinished = Unfinished(self);
                    let reply = backend.run(program, None);
                    std::mem::forget(unfinished);
                    self.drive(Running { reply, ..running }, id);
                }
                Round::Running(running) => {
                    // As if it were turned away: when another task finds this done, it may begin
                    // the next round, which has drivers of its own, before those of this are woken.
                    self.waiting.turn_away(id);
                    drop(state);
                    if !self.drive(running, id) {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// Polls what runs, with no lock held: the reply may run other work, which commits. Returns
    /// whether it is done.
    fn drive(&self, mut running: Running, id: WatchId) -> bool {
        // It may have begun to watch after the round began, and be the only one left.
        self.waiting.add_driver(id);
        let waker = Waker::from(Arc::clone(&self.waiting));
        let unfinished = Unfinished(self);
        let polled = Pin::new(&mut running.reply).poll(&mut Context::from_waker(&waker));
        std::mem::forget(unfinished);
        let mut state = self.state();
        if state.closed {
            return true;
        }
        match polled {
            Poll::Pending => {
                state.round = Round::Running(running);
                false
            }
            Poll::Ready(result) => {
                state.round = Round::Idle;
                let tasks = self.finish(&mut state, running, result, id);
                drop(state);
                wake(tasks);
                true
            }
        }
    }

    /// Begins a round for a watch, and for whoever else waits: all queries that are to run again.
    /// `None`: there are none, or it is too early for them, and the task is woken in time.
    fn begin(
        &self,
        state: &mut HubState,
        id: WatchId,
        cx: &mut Context<'_>,
    ) -> Option<(Program<'static>, Running)> {
        let mut queries = state.queries_to_run(id);
        if queries.is_empty() {
            return None;
        }
        let now = platform::now();
        let own =
            state.watches.get(&id).map(|watch| watch.ids().collect::<Vec<_>>()).unwrap_or_default();
        let rest = |query: &QueryId| {
            let until = state.queries.get(*query).map_or(Duration::ZERO, |it| it.rests_until);
            until.saturating_sub(now)
        };
        let longest = own.iter().map(rest).max().unwrap_or_default();
        let watch = state.watches.get_mut(&id)?;
        if longest > GRACE {
            let sleep = watch.rest.get_or_insert_with(|| Box::pin(platform::sleep(longest)));
            if sleep.as_mut().poll(cx).is_pending() {
                return None;
            }
        }
        watch.rest = None;
        state.join_others(&self.waiting, id, &mut queries, now + GRACE);
        if let Some(alone) =
            queries.iter().copied().find(|it| state.queries.get(*it).is_some_and(|it| it.alone))
        {
            queries = vec![alone];
        }
        // From here on, what the queries may depend on is recorded.
        self.renew_index(state);
        state.rounds += 1;
        state.runs += queries.len() as u64;
        let mut program = Program { access: Access::Read, ..Program::default() };
        let mut drivers = Vec::new();
        for query in &queries {
            if let Some(query) = state.queries.get_mut(*query) {
                (query.dirty, query.runs) = (false, true);
                // Which pages it reads now is not known until it has run.
                (query.pages, query.pages_from) = (None, state.written.count());
                program.steps.push(query.step());
                drivers.extend_from_slice(&query.watchers);
            }
        }
        self.waiting.set_drivers(drivers);
        let (moment, number) = (state.moment, state.rounds);
        let reply = Reply::err(Error::closed("database"));
        Some((program, Running { queries, moment, number, started: now, reply }))
    }

    /// Takes over what a round returned. Returns the tasks to wake.
    fn finish(
        &self,
        state: &mut HubState,
        running: Running,
        result: Result<Output>,
        own: WatchId,
    ) -> Vec<Waker> {
        let Running { queries, moment, number, started, .. } = running;
        let mut watchers = Vec::new();
        let now = platform::now();
        // A reply that nobody polled for a while was ready long before.
        let took = now.saturating_sub(started).min(LONGEST_RUN);
        match result {
            Ok(output) => {
                for (id, outcome) in queries.into_iter().zip(output.steps) {
                    let Some(query) = state.queries.get_mut(id) else { continue };
                    // A query that was learned before the schema changed is learned again.
                    let known = outcome.reads.filter(|_| moment >= state.schema_moment);
                    let ReadSet { tables, pages } = known.map(|it| *it).unwrap_or_default();
                    if tables.is_some() {
                        query.reads = tables;
                        state.stale = true;
                    }
                    let in_pages = query.reads.as_ref().is_some_and(Reads::are_in_pages);
                    query.pages = pages.filter(|_| in_pages);
                    (query.round, query.moment, query.alone) = (number, moment, false);
                    query.runs = false;
                    query.rests_until = query.rests_until.max(started) + took * 2;
                    let same = query.result.as_ref().is_some_and(|it| it.is_same(&outcome.rows));
                    if !same {
                        query.result = Some(Arc::new(outcome.rows));
                        query.version += 1;
                    }
                    if !same || query.dirty {
                        watchers.extend_from_slice(&query.watchers);
                    }
                }
                self.renew_index(state);
            }
            Err(error) => {
                // An interrupt was meant for statements of the program's own; the others are of
                // a moment when too much was going on. It waits after either: on one thread, what
                // stopped the query may go on.
                let again = matches!(
                    error.kind(),
                    ErrorKind::Busy | ErrorKind::Timeout | ErrorKind::Cancelled
                );
                let several = queries.len() > 1;
                if error.kind() == ErrorKind::Closed {
                    state.closed = true;
                    let mut tasks = self.waiting.take_all();
                    tasks.extend(state.feeds.take_tasks());
                    return tasks;
                }
                for id in queries {
                    state.dirty.push(id);
                    let Some(query) = state.queries.get_mut(id) else { continue };
                    (query.dirty, query.runs) = (true, false);
                    query.alone = several;
                    if again {
                        query.rests_until = now + LATER;
                    }
                    if !several && !again {
                        query.failed = Some(error.duplicate());
                    }
                    watchers.extend_from_slice(&query.watchers);
                }
            }
        }
        // The task that is polling sees for itself.
        watchers.extend(self.waiting.take_turned_away());
        watchers.retain(|watch| *watch != own);
        self.waiting.take(watchers)
    }
}

impl HubState {
    /// Makes all queries run again.
    fn mark_all(&mut self) {
        let all: Vec<_> = self.queries.iter().map(|(id, _)| id).collect();
        for query in self.queries.iter_mut() {
            (query.dirty, query.runs) = (true, false);
        }
        self.dirty = all;
    }

    /// Returns what a watch is to get now, if it is anything.
    fn deliver(&mut self, id: WatchId) -> Option<Result<Delivery>> {
        let watch = self.watches.get_mut(&id)?;
        let queries: Vec<_> = watch.ids().filter_map(|it| self.queries.get(it)).collect();
        let failed = |(index, query): (usize, &&Query)| {
            query.failed.as_ref().map(|error| error.duplicate().with_index(index))
        };
        if let Some(error) = queries.iter().enumerate().find_map(failed) {
            return Some(Err(error));
        }
        let asked = *watch.asked.get_or_insert(self.rounds);
        let news =
            queries.iter().zip(&watch.queries).any(|(query, last)| query.version > last.seen);
        let round = queries.first().map_or(0, |query| query.round);
        let together = queries.iter().all(|query| query.round == round && query.result.is_some());
        // Under commits that never pause, what has run since the watcher asked is new enough.
        let fresh = round > asked || queries.iter().all(|query| query.is_current());
        if !(news && together && fresh) {
            return None;
        }
        let results = queries.iter().filter_map(|query| query.result.clone()).collect();
        let moment = queries.iter().map(|query| query.moment).min().unwrap_or_default();
        for (last, query) in watch.queries.iter_mut().zip(queries) {
            last.seen = query.version;
        }
        watch.asked = None;
        Some(Ok(Delivery { moment, results }))
    }

    /// Returns the queries that must run before a watch can get something new: all of them, since
    /// their results are to be of one moment.
    fn queries_to_run(&self, id: WatchId) -> Vec<QueryId> {
        let Some(watch) = self.watches.get(&id) else { return Vec::new() };
        let mut queries = watch.ids().filter_map(|it| self.queries.get(it));
        let dirty = queries.clone().any(|query| query.dirty || query.result.is_none());
        let round = queries.clone().next().map_or(0, |query| query.round);
        let apart = queries.any(|query| query.round != round);
        let news = watch
            .queries
            .iter()
            .any(|last| self.queries.get(last.id).is_some_and(|query| query.version > last.seen));
        if dirty || (apart && news) { watch.ids().collect() } else { Vec::new() }
    }

    /// Adds the queries that other watches wait for, unless they rest until after `now`.
    fn join_others(
        &mut self,
        waiting: &super::waiting::Waiting,
        own: WatchId,
        queries: &mut Vec<QueryId>,
        now: Duration,
    ) {
        let mut left = std::mem::take(&mut self.dirty);
        left.retain(|id| self.queries.get(*id).is_some_and(|query| query.dirty));
        for id in &left {
            let Some(query) = self.queries.get(*id).filter(|it| it.rests_until <= now) else {
                continue;
            };
            for watcher in query.watchers.iter().filter(|it| **it != own && waiting.has(**it)) {
                for other in self.queries_to_run(*watcher) {
                    if !queries.contains(&other) {
                        queries.push(other);
                    }
                }
            }
        }
        left.retain(|id| !queries.contains(id));
        self.dirty = left;
    }
}
