//! Group commit: writes that wait together share one transaction.

use std::sync::Arc;
use std::time::Instant;

use super::Shared;
use super::checkpoint;
use super::pool::Claim;
use super::slot::Slot;
use super::writer;
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

impl Write {
    /// Whether it may share its transaction with others.
    fn shares(&self) -> bool {
        self.program.steps.iter().all(|step| classify(&step.sql) == Class::Plain)
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

/// Cuts a batch where a write needs a transaction, or none, of its own.
fn split(batch: Vec<Write>) -> Vec<Vec<Write>> {
    let mut groups: Vec<Vec<Write>> = Vec::new();
    let mut open = false;
    for write in batch {
        if write.completer.is_given_up() {
            continue;
        }
        let shares = write.shares();
        match groups.last_mut() {
            Some(group) if open && shares => group.push(write),
            _ => groups.push(vec![write]),
        }
        open = shares;
    }
    groups
}

/// Runs one group, and answers each of its writes when it is committed.
fn run(shared: &Shared, connection: &mut Connection, group: Vec<Write>) {
    if group.len() > 1 {
        match together(shared, connection, &group) {
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
        .interruptible(connection, interrupt, |connection| connection.run_whole(&write.program));
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

/// Runs a group in one transaction. `None`: something in it ended or endangered
/// the shared transaction, nothing has happened, and each is to run alone.
///
/// # Errors
/// The transaction could not begin; nothing has happened.
fn together(
    shared: &Shared,
    connection: &mut Connection,
    group: &[Write],
) -> Result<Option<Vec<Result<Output>>>> {
    let slot = &shared.writer.slot;
    connection.control("BEGIN IMMEDIATE")?;
    let mut answers = Vec::with_capacity(group.len());
    for write in group {
        if !write.completer.start() {
            answers.push(Err(cancelled()));
            continue;
        }
        connection.forget_last_row_id();
        let interrupt = write.completer.interrupt();
        let answer = slot.interruptible(connection, interrupt, |connection| {
            connection.run_shared(&write.program)
        });
        // ON CONFLICT ROLLBACK, RAISE(ROLLBACK), an interrupt or a full disk
        // ends the whole transaction; an unpaid deferred foreign key would let
        // one write's debt be paid, or charged, by another's.
        let whole = connection.in_transaction() && !connection.owes_foreign_keys();
        match answer {
            Some(answer) if whole => answers.push(answer),
            _ => {
                connection.rollback();
                return Ok(None);
            }
        }
    }
    if connection.control("COMMIT").is_err() {
        connection.rollback();
        return Ok(None);
    }
    Ok(Some(answers))
}
