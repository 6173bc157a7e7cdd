//! Writes of one statement or program: those waiting together share a commit.

use std::sync::Arc;
use std::time::Duration;

use super::write_queue::PermitWait;
use super::{SingleThreadShared, checkpoint, connection_cell};
use crate::backend::group::{GroupedWrite, run_together, split_shareable};
use crate::backend::{Completer, Reply, call, cancelled};
use crate::engine::Connection;
use crate::engine::context::{self, Caller};
use crate::error::Result;
use crate::platform;
use crate::program::{Output, Program};

/// The most writes that share a transaction.
pub(super) const MOST: usize = 256;

/// A program waiting for the write permit.
#[derive(Debug)]
pub(super) struct WaitingWrite {
    program: Program<'static>,
    completer: Completer<Output>,
    caller: Option<Caller>,
    /// Since when it waits, if it found somebody before it.
    pub(super) since: Option<Duration>,
}

impl GroupedWrite for WaitingWrite {
    fn program(&self) -> &Program<'static> {
        &self.program
    }

    fn completer(&self) -> &Completer<Output> {
        &self.completer
    }
}

/// Runs a program when its turn comes.
pub(super) fn wait(shared: &Arc<SingleThreadShared>, program: Program<'static>) -> Reply<Output> {
    let (completer, call) = call();
    let write = WaitingWrite { program, completer, caller: context::current(), since: None };
    shared.queue.push(shared, write);
    let queue = Arc::clone(&shared.queue);
    Reply::driven(PermitWait::new(call, queue, shared.options.busy_timeout))
}

/// How long writes run before checking for messages, one of which may cancel a waiting write.
const LONG: Duration = Duration::from_millis(8);

/// Runs writes in as few transactions as possible, completing each once it is committed. Returns
/// the writes that are left because the others took long. The caller has the permit.
pub(super) fn run(shared: &Arc<SingleThreadShared>, batch: Vec<WaitingWrite>) -> Vec<WaitingWrite> {
    // A single write keeps nobody waiting, and needs no clock.
    let start = (batch.len() > 1).then(platform::now);
    let is_late = || start.is_some_and(|start| platform::now().saturating_sub(start) >= LONG);
    let groups = shared.with_writer(|connection| Ok(split_shareable(connection, batch)));
    let mut groups = groups.unwrap_or_default().into_iter();
    let mut left = Vec::new();
    for group in groups.by_ref() {
        left = run_group(shared, group, &is_late);
        if !left.is_empty() || is_late() {
            break;
        }
    }
    checkpoint::after_commit(shared);
    left.extend(groups.flatten());
    left
}

fn run_group(
    shared: &Arc<SingleThreadShared>,
    group: Vec<WaitingWrite>,
    is_late: &impl Fn() -> bool,
) -> Vec<WaitingWrite> {
    let mut group = group;
    let since = platform::now();
    let ran = || shared.counters.write_runs.add(platform::now().saturating_sub(since));
    if group.len() > 1 {
        let results =
            shared.with_writer(|connection| run_together(connection, &group, shared_run, is_late));
        match results {
            Ok(Some(results)) => {
                let left = group.split_off(results.len());
                ran();
                shared.counters.committed(results.iter().filter(|it| it.is_ok()).count());
                for (write, result) in group.into_iter().zip(results) {
                    write.completer.complete(result);
                }
                return left;
            }
            Ok(None) => {}
            Err(error) => {
                for write in group {
                    write.completer.complete(Err(error.duplicate()));
                }
                return Vec::new();
            }
        }
    }
    let mut writes = group.into_iter();
    for write in writes.by_ref() {
        let result = alone(shared, &write);
        ran();
        shared.counters.ended_alone(result.is_ok());
        write.completer.complete(result);
        if is_late() {
            break;
        }
    }
    writes.collect()
}

/// Runs a write in the open transaction. `None`: it left something behind.
fn shared_run(connection: &mut Connection, write: &WaitingWrite) -> Option<Result<Output>> {
    let interrupt = Some(write.completer.interrupt());
    let result = connection_cell::for_caller(write.caller, interrupt, connection, |connection| {
        connection.run_shared(&write.program).transpose()
    });
    result.transpose()
}

/// Runs one write in a transaction of its own.
fn alone(shared: &Arc<SingleThreadShared>, write: &WaitingWrite) -> Result<Output> {
    if !write.completer.start() {
        return Err(cancelled());
    }
    let interrupt = Some(write.completer.interrupt());
    let mut special = false;
    let result = shared.with_writer(|connection| {
        let result = connection_cell::for_caller(write.caller, interrupt, connection, |it| {
            it.run_alone(&write.program)
        });
        special = connection.take_ran_alone();
        result
    });
    shared.replace_marked_writer();
    if special {
        shared.note_mode();
    }
    result
}
