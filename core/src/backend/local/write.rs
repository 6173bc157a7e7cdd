//! Writes of one statement or program: those that wait together share a commit.

use std::sync::Arc;

use super::turns::Waiting;
use super::{Shared, checkpoint, lent};
use crate::backend::group::{Job, split, together};
use crate::backend::{Completer, Output, Program, Reply, call, cancelled};
use crate::engine::Connection;
use crate::engine::context::{self, Caller};
use crate::error::Result;

/// The most writes that share a transaction.
pub(super) const MOST: usize = 256;

/// A program that waits for the turn to write.
#[derive(Debug)]
pub(super) struct Write {
    program: Program<'static>,
    completer: Completer<Output>,
    caller: Option<Caller>,
}

impl Job for Write {
    fn program(&self) -> &Program<'static> {
        &self.program
    }

    fn completer(&self) -> &Completer<Output> {
        &self.completer
    }
}

/// Has a program run when its turn comes.
pub(super) fn wait(shared: &Arc<Shared>, program: Program<'static>) -> Reply<Output> {
    let (completer, call) = call();
    let write = Write { program, completer, caller: context::current() };
    shared.turns.push(shared, write);
    let turns = Arc::clone(&shared.turns);
    Reply::driven(Waiting::new(call, turns, shared.options.busy_timeout))
}

/// Runs writes in as few transactions as they need, and answers each when it is
/// committed. The turn is the caller's.
pub(super) fn run(shared: &Arc<Shared>, batch: Vec<Write>) {
    for group in split(batch) {
        run_group(shared, group);
    }
    checkpoint::after_commit(shared);
}

fn run_group(shared: &Shared, group: Vec<Write>) {
    if group.len() > 1 {
        let answers = shared.with_writer(|connection| together(connection, &group, shared_run));
        match answers {
            Ok(Some(answers)) => {
                for (write, answer) in group.into_iter().zip(answers) {
                    write.completer.answer(answer);
                }
                return;
            }
            Ok(None) => {}
            Err(error) => {
                for write in group {
                    write.completer.answer(Err(error.duplicate()));
                }
                return;
            }
        }
    }
    for write in group {
        let answer = alone(shared, &write);
        write.completer.answer(answer);
    }
}

/// Runs a write in the transaction that is open. `None`: it left something behind.
fn shared_run(connection: &mut Connection, write: &Write) -> Option<Result<Output>> {
    let interrupt = Some(write.completer.interrupt());
    let answer = lent::for_caller(write.caller, interrupt, connection, |connection| {
        connection.run_shared(&write.program).transpose()
    });
    answer.transpose()
}

/// Runs one write in a transaction of its own.
fn alone(shared: &Shared, write: &Write) -> Result<Output> {
    if !write.completer.start() {
        return Err(cancelled());
    }
    let special = !write.shares();
    if special {
        shared.make_way();
    }
    let interrupt = Some(write.completer.interrupt());
    let answer = shared.with_writer(|connection| {
        lent::for_caller(write.caller, interrupt, connection, |it| it.run_whole(&write.program))
    });
    if special {
        shared.note_mode();
    }
    answer
}
