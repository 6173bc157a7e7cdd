//! Calls and handles that a client gives up.

use std::sync::Arc;

use super::control::let_go;
use super::server::Inner;
use super::task::Task;

impl Inner {
    pub(super) fn cancel(&self, id: u32) {
        let mut held = self.held();
        let task = held.give_up(id);
        held.feeds.remove(&id);
        // What the request made is nobody's.
        let made = held.handles.remove(id);
        let late = held.recent.iter().find(|(done, _)| *done == id).copied();
        let spoiled = late.and_then(|(_, handle)| held.handles.lent(handle).ok());
        drop(held);
        if let Some(task) = task {
            task.cancel();
            if task.ends {
                // One that waited in line would leave what it was to end to nobody.
                self.drop_handle(task.handle);
            }
        }
        if let Some(lent) = spoiled {
            lent.session.give_up(lent.depth as usize);
        }
        made.into_iter().for_each(let_go);
    }

    pub(super) fn drop_handle(&self, handle: u32) {
        let mut held = self.held();
        let gone = held.handles.remove(handle);
        let numbers: Vec<u32> = gone.iter().map(|(number, _)| *number).collect();
        let tasks: Vec<Arc<Task>> =
            held.tasks.values().filter(|task| numbers.contains(&task.handle)).cloned().collect();
        for task in &tasks {
            held.tasks.remove(&task.id);
            held.feeds.remove(&task.id);
        }
        drop(held);
        for task in tasks {
            task.cancel();
        }
        gone.into_iter().for_each(let_go);
    }
}
