//! The tasks that wait for live queries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use foldhash::fast::RandomState;

use super::hub::WatchId;

/// The tasks that wait for live queries, and those that drive what is under way.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Tasks>);

#[derive(Debug, Default)]
struct Tasks {
    waiting: HashMap<WatchId, Waker, RandomState>,
    /// The watches whose tasks poll what is under way.
    drivers: Vec<WatchId>,
    /// The watches that found it in use, and did not look for what they want.
    turned_away: Vec<WatchId>,
}

impl Waiting {
    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the task of a watch that waits. Returns the one noted before, to be dropped when no
    /// lock is held: with it, its task may go, and the watches that that has.
    pub(super) fn add(&self, watch: WatchId, task: &Waker) -> Option<Waker> {
        let mut tasks = self.tasks();
        if tasks.waiting.get(&watch).is_some_and(|known| known.will_wake(task)) {
            return None;
        }
        tasks.waiting.insert(watch, task.clone())
    }

    /// Whether the watch's task waits.
    pub(super) fn has(&self, watch: WatchId) -> bool {
        self.tasks().waiting.contains_key(&watch)
    }

    /// Sets which watches are woken when what is under way makes progress.
    pub(super) fn set_drivers(&self, drivers: Vec<WatchId>) {
        self.tasks().drivers = drivers;
    }

    /// Adds a watch that is woken when what is under way makes progress.
    pub(super) fn add_driver(&self, watch: WatchId) {
        let mut tasks = self.tasks();
        if !tasks.drivers.contains(&watch) {
            tasks.drivers.push(watch);
        }
    }

    /// Notes a watch that found what is under way in use: it is woken when that is over.
    pub(super) fn turn_away(&self, watch: WatchId) {
        let mut tasks = self.tasks();
        if !tasks.turned_away.contains(&watch) {
            tasks.turned_away.push(watch);
        }
    }

    /// Takes the watches that were turned away.
    pub(super) fn take_turned_away(&self) -> Vec<WatchId> {
        std::mem::take(&mut self.tasks().turned_away)
    }

    /// Takes the tasks of these watches, to wake them when no lock is held.
    pub(super) fn take(&self, watches: impl IntoIterator<Item = WatchId>) -> Vec<Waker> {
        let mut tasks = self.tasks();
        watches.into_iter().filter_map(|watch| tasks.waiting.remove(&watch)).collect()
    }

    /// Takes all tasks.
    pub(super) fn take_all(&self) -> Vec<Waker> {
        self.tasks().waiting.drain().map(|(_, task)| task).collect()
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        let mut tasks = self.tasks();
        let drivers = std::mem::take(&mut tasks.drivers);
        let woken: Vec<_> =
            drivers.iter().filter_map(|watch| tasks.waiting.get(watch).cloned()).collect();
        tasks.drivers = drivers;
        drop(tasks);
        for task in woken {
            task.wake();
        }
    }
}
