//! Group commit on the writer's thread.

use std::sync::Arc;
use std::time::Instant;

use super::Shared;
use super::checkpoint;
use super::pool::Claim;
use super::slot::Slot;
use super::writer;
use crate::backend::group::{Job, split, together};
use crate::backend::{Completer, Output, Program, cancelled};
use crate::engine::Connection;
use crate::error::Result;
use crate::sql::{Class, classify};

/// The most writes that share a transaction.
pub(super) const MOST: usize = 256;

/// A program that waits for the writer.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) program: Program<'static>,
    pub(super) completer: Completer<Output>,
    pub(super) since: Instant,
}

impl Job for Write {
    fn program(&self) -> &Program<'static> {
        &self.program
    }

    fn completer(&self) -> &Completer<Output> {
        &self.completer
    }
}

/// Runs what waits, until nothing does or a transaction comes next. The writer
/// is this thread's when it begins, and is given on at the end.
pub(super) fn serve(shared: &Arc<Shared>, connection: &mut Option<Connection>) {
    let _turn = Turn(shared);
    let opened = match shared.open_writer(connection) {
        Ok(connection) => connection,
        Err(error) => {
            for write in shared.writer.take_batch() {
                write.completer.answer(Err(error.duplicate()));
            }
            return;
        }
    };
    loop {
        let batch = shared.writer.take_batch();
        if batch.is_empty() {
            break;
        }
        for group in split(batch) {
            run(shared, opened, group);
        }
        checkpoint::after_commit(shared, opened);
    }
}

/// Gives the writer on, whatever happens meanwhile.
struct Turn<'a>(&'a Arc<Shared>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        writer::next(self.0);
    }
}

/// Runs one group, and answers each of its writes when it is committed.
fn run(shared: &Shared, connection: &mut Connection, group: Vec<Write>) {
    if group.len() > 1 {
        let slot = &shared.writer.slot;
        let run = |connection: &mut Connection, write: &Write| {
            let interrupt = write.completer.interrupt();
            slot.interruptible(connection, interrupt, |it| it.run_shared(&write.program))
        };
        let together = together(connection, &group, run, || false);
        match together {
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
        let answer = alone(shared, connection, &write);
        write.completer.answer(answer);
    }
}

/// Runs one write in a transaction of its own.
fn alone(shared: &Shared, connection: &mut Connection, write: &Write) -> Result<Output> {
    if !write.completer.start() {
        return Err(cancelled());
    }
    let _way = way_for(shared, &write.program, None);
    let interrupt = write.completer.interrupt();
    let answer = shared
        .writer
        .slot
        .interruptible(connection, interrupt, |connection| connection.run_alone(&write.program));
    if !write.shares() && connection.note_journal_mode().is_ok() {
        shared.note_mode(connection);
    }
    answer
}

/// Gets the other connections out of the way of a statement that needs it: a
/// change of the journal mode all of them, the others only their leases.
pub(super) fn way_for(
    shared: &Shared,
    program: &Program<'_>,
    except: Option<&Arc<Slot>>,
) -> Vec<Claim> {
    let mut claims = Vec::new();
    for step in &program.steps {
        if classify(&step.sql) == Class::Alone {
            shared.end_all_leases();
            if step.sql.to_ascii_lowercase().contains("journal_mode") && claims.is_empty() {
                claims = shared.make_way(except);
            }
        }
    }
    claims
}
