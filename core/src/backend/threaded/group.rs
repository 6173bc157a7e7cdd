//! Group commit on the writer's thread.

use std::any::Any;
use std::sync::{Arc, Weak};
use std::time::Instant;

use super::Shared;
use super::checkpoint;
use super::foreign::PausedLookout;
use super::replica::PausedReplicas;
use super::slot::Slot;
use super::writer;
use crate::backend::group::{GroupedWrite, run_together, split_shareable};
use crate::backend::{Completer, cancelled};
use crate::engine::{Connection, OtherConnections};
use crate::error::{Error, Result};
use crate::program::{Output, Program};

/// The most writes that share a transaction.
pub(super) const MOST: usize = 256;

/// A program waiting for the writer.
#[derive(Debug)]
pub(super) struct QueuedWrite {
    pub(super) program: Program<'static>,
    pub(super) completer: Completer<Output>,
    pub(super) since: Instant,
}

impl GroupedWrite for QueuedWrite {
    fn program(&self) -> &Program<'static> {
        &self.program
    }

    fn completer(&self) -> &Completer<Output> {
        &self.completer
    }
}

/// Runs waiting writes until none are left or a transaction is next. This thread has the writer on
/// entry, and passes it on at the end.
pub(super) fn serve(shared: &Arc<Shared>, connection: &mut Option<Connection>) {
    let pass = WriterPass(Arc::clone(shared));
    loop {
        let batch = shared.writer.take_batch(&shared.counters.write_waits);
        if batch.is_empty() {
            return;
        }
        let opened = match shared.open_writer(connection) {
            Ok(connection) => connection,
            Err(error) => {
                refuse(shared, batch, &error);
                continue;
            }
        };
        let groups = split_shareable(opened, batch);
        let mut last = Results::new();
        for group in groups {
            complete(std::mem::take(&mut last));
            let opened = match shared.open_writer(connection) {
                Ok(opened) => opened,
                Err(error) => {
                    refuse(shared, group, &error);
                    continue;
                }
            };
            last = run(shared, opened, group);
            if opened.is_marked() {
                complete(std::mem::take(&mut last));
                // A script left settings or temporary tables that concern nobody else. The new
                // connection comes first: closing a file's last connection closes the file.
                *connection = shared.connect_writer().ok();
            }
        }
        let Some(opened) = connection else {
            complete(last);
            continue;
        };
        if shared.writer.has_waiting() || checkpoint::is_due(shared, opened) {
            complete(last);
            checkpoint::after_commit(shared, opened);
        } else {
            // The callers find the writer free: who writes one by one would otherwise meet this
            // thread each time, and wait for it.
            shared.committed();
            shared.writer.slot.do_afterwards(move || {
                drop(pass);
                complete(last);
            });
            return;
        }
    }
}

/// Results that their callers do not have yet.
type Results = Vec<(Completer<Output>, Result<Output>)>;

fn complete(results: Results) {
    for (completer, result) in results {
        completer.complete(result);
    }
}

fn refuse(shared: &Shared, writes: Vec<QueuedWrite>, error: &Error) {
    for write in writes {
        write.completer.complete(shared.writer.slot.closed_if_stopping(Err(error.duplicate())));
    }
}

/// Passes on the writer when dropped, whatever happened before.
pub(super) struct WriterPass(pub(super) Arc<Shared>);

impl Drop for WriterPass {
    fn drop(&mut self) {
        writer::next(&self.0);
    }
}

/// Runs one group, completing each of its writes once it is committed, but for the last ones, whose
/// results it returns.
fn run(shared: &Shared, connection: &mut Connection, group: Vec<QueuedWrite>) -> Results {
    let slot = &shared.writer.slot;
    if group.len() > 1 {
        let run = |connection: &mut Connection, write: &QueuedWrite| {
            let interrupt = write.completer.interrupt();
            slot.interruptible(connection, interrupt, |it| it.run_shared(&write.program))
        };
        let since = Instant::now();
        let together = run_together(connection, &group, run, || false);
        match together {
            Ok(Some(results)) => {
                shared.counters.write_runs.add(since.elapsed());
                shared.counters.committed(results.iter().filter(|it| it.is_ok()).count());
                let results = results.into_iter().map(|it| slot.closed_if_stopping(it));
                return group.into_iter().map(|write| write.completer).zip(results).collect();
            }
            Ok(None) => {}
            Err(error) => {
                refuse(shared, group, &error);
                return Results::new();
            }
        }
    }
    let mut last = Results::new();
    for write in group {
        complete(std::mem::take(&mut last));
        let since = Instant::now();
        let result = alone(shared, connection, &write);
        shared.counters.write_runs.add(since.elapsed());
        shared.counters.ended_alone(result.is_ok());
        last.push((write.completer, slot.closed_if_stopping(result)));
    }
    last
}

/// Runs one write in a transaction of its own.
fn alone(shared: &Shared, connection: &mut Connection, write: &QueuedWrite) -> Result<Output> {
    if !write.completer.start() {
        return Err(cancelled());
    }
    let interrupt = write.completer.interrupt();
    let result = shared
        .writer
        .slot
        .interruptible(connection, interrupt, |connection| connection.run_alone(&write.program));
    if connection.take_ran_alone() && connection.note_journal_mode().is_ok() {
        shared.note_mode(connection);
    }
    result.map_err(|error| shared.explain_busy(&shared.writer.slot, connection, error))
}

/// Clears the database's other connections out of the way of a statement that acts on the whole
/// file: all of them for a change of the journal mode, otherwise only leases.
#[derive(Debug)]
pub(super) struct PooledConnections {
    pub(super) shared: Weak<Shared>,
    /// The slot of the connection that runs the statement, unless that is a reader's or the
    /// writer's.
    pub(super) except: Option<Weak<Slot>>,
}

impl OtherConnections for PooledConnections {
    fn clear(&self, all: bool) -> Box<dyn Any> {
        let Some(shared) = self.shared.upgrade() else { return Box::new(()) };
        shared.end_all_leases();
        // It may be a checkpoint.
        shared.replicas.before_restart(&shared);
        if !all {
            return Box::new(());
        }
        let except = self.except.as_ref().and_then(Weak::upgrade);
        let paused = (PausedLookout::of(&shared), PausedReplicas::of(&shared));
        Box::new((shared.close_other_connections(except.as_ref()), paused))
    }
}
