//! Sessions with a connection of their own, for whatever the holder does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;
use super::checkpoint;
use super::group::OtherConnections;
use super::pin::{Busy, Pin};
use super::pool::{Claim, Waiter};
use super::slot::{Slot, Tenant, opened};
use super::stream;
use super::writer::{Entry, Tenure, Writer, WriterClaim};
use crate::backend::course::Course;
use crate::backend::{Completer, Control, Pages, Reply, Session, call, cancelled};
use crate::engine::{Class, Connection, Role};
use crate::error::{Error, Result};
use crate::program::Interrupt;
use crate::program::{Access, Outcome, Output, Program};
use crate::program::{Begin, Early};
use crate::sql::Params;

/// Waits for a session.
pub(super) struct Lend {
    pub(super) shared: Arc<Shared>,
    pub(super) completer: Completer<Box<dyn Session>>,
}

impl Waiter for Lend {
    fn is_given_up(&self) -> bool {
        self.completer.is_given_up()
    }

    fn grant(self: Box<Self>, claim: Claim) {
        let Self { shared, completer } = *self;
        let slot = Arc::clone(claim.slot());
        slot.submit(Box::new(move |connection| {
            let session = shared.open_own(connection, claim.slot()).map(|connection| {
                connection.forget_last_row_id();
                let (slot, pin) = (Arc::clone(claim.slot()), Pin::new());
                slot.set_tenant(Some(Tenant::Lent(Arc::clone(&pin))));
                let lent = OwnSession {
                    shared,
                    slot,
                    pin,
                    claim: Some(claim),
                    write: Arc::default(),
                    course: Arc::default(),
                };
                Box::new(lent) as Box<dyn Session>
            });
            drop(completer.answer(session));
        }));
    }

    fn refuse(self: Box<Self>, error: Error) {
        drop(self.completer.answer(Err(error)));
    }
}

struct OwnSession {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    pin: Arc<Pin>,
    // `None` only while the session ends.
    claim: Option<Claim>,
    /// The turn to write, kept while this connection holds SQLite's write lock.
    write: Arc<Mutex<Option<WriterClaim>>>,
    course: Arc<Course>,
}

impl OwnSession {
    fn submit<T: Send + std::fmt::Debug + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &Work<'_>) -> Result<T> + Send + 'static,
    ) -> Reply<T> {
        if let Err(error) = self.shared.check_session() {
            return Reply::err(error);
        }
        let (completer, call) = call();
        let (slot, busy) = (Arc::clone(&self.slot), Busy::new(&self.pin));
        let (pin, shared) = (Arc::clone(&self.pin), Arc::clone(&self.shared));
        let (write, course) = (Arc::clone(&self.write), Arc::clone(&self.course));
        self.slot.submit(Box::new(move |connection| {
            let _busy = busy;
            if !completer.start() {
                return;
            }
            if pin.is_revoked() {
                drop(completer.answer(Err(stream::stalled(&shared))));
                return;
            }
            let Some(connection) = connection else { return };
            let interrupt = completer.interrupt();
            let stop = Arc::clone(&interrupt);
            let around = Work {
                shared: &shared,
                slot: &slot,
                pin: &pin,
                write: &write,
                course: &course,
                stop: &stop,
            };
            let answer = slot.interruptible(connection, interrupt, |it| work(it, &around));
            course.note_answer(completer.receipt(), connection);
            completer.answer(slot.told(answer));
        }));
        Reply::call(call)
    }
}

/// What surrounds a session's work on its thread.
struct Work<'a> {
    shared: &'a Arc<Shared>,
    slot: &'a Arc<Slot>,
    pin: &'a Arc<Pin>,
    write: &'a Mutex<Option<WriterClaim>>,
    course: &'a Course,
    stop: &'a Interrupt,
}

/// Waits for the turn to write, so that writers of one process never meet `SQLITE_BUSY`.
///
/// # Errors
/// `Busy` after the busy timeout, or at once if the holder of the turn would wait for this
/// connection: outside WAL mode no commit gets past it while it reads.
fn take_turn(work: &Work<'_>, connection: &Connection) -> Result<()> {
    let shared = work.shared;
    let mut write = work.write.lock().unwrap_or_else(PoisonError::into_inner);
    if write.is_some() {
        return Ok(());
    }
    let tenure = Tenure { pin: Arc::clone(work.pin), slot: Arc::clone(work.slot) };
    if let Some(claim) = Writer::try_claim(shared, tenure.clone()) {
        *write = Some(claim);
        return Ok(());
    }
    if connection.is_reading() && !connection.is_wal() {
        return Err(Error::busy_here(
            "somebody else is writing, and outside WAL mode would wait for this session's transaction, which has read; roll it back, and begin one that writes with BEGIN IMMEDIATE",
        ));
    }
    let (completer, turn) = call();
    let since = Instant::now();
    Writer::enqueue(shared, Entry::Claim { completer, since, tenure });
    // The queue refuses callers that wait for a stalled transaction. Other work ends, or is stopped
    // on request. So is this wait, by its caller and by closing.
    let far = since + Duration::from_secs(24 * 3600);
    // A turn that is no longer wanted is passed on when dropped.
    let turn = turn.wait(far, Some(work.stop)).unwrap_or_else(|| Err(cancelled()))?;
    if work.stop.is_set() {
        return Err(cancelled());
    }
    *write = Some(turn);
    Ok(())
}

/// Returns the turn, unless a transaction still holds the write lock.
fn end_turn(shared: &Arc<Shared>, write: &Mutex<Option<WriterClaim>>, connection: &mut Connection) {
    if connection.is_writing() {
        return;
    }
    let claim = write.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(claim) = claim else { return };
    shared.committed();
    let due =
        connection.wal_frames().is_some_and(|frames| checkpoint::due(&shared.checkpoints, frames));
    if due {
        let slot = Arc::clone(claim.slot());
        let shared = Arc::clone(shared);
        slot.submit(Box::new(move |connection| {
            if let Some(connection) = connection {
                checkpoint::after_commit(&shared, connection);
            }
            drop(claim);
        }));
    }
}

fn run(work: &Work<'_>, connection: &mut Connection, program: &Program<'_>) -> Result<Output> {
    let (course, shared) = (work.course, work.shared);
    if connection.is_rollback(program) {
        if !connection.in_transaction() && course.is_open() {
            // SQLite has already rolled back.
            course.set_open(false);
            return Ok(Output { steps: smallvec::smallvec![Outcome::default()] });
        }
    } else {
        course.check(connection)?;
    }
    let mut writes = program.access == Access::Write;
    if !writes {
        for step in &program.steps {
            let (nature, readonly) = connection.inspect(&step.sql)?;
            writes |= !readonly || nature.class == Class::Alone;
        }
    }
    if writes {
        take_turn(work, connection)?;
        course.note_write();
    }
    let answer = if connection.in_transaction() || !writes {
        connection.run_nested(program, None)
    } else {
        connection.run_whole(program)
    };
    course.note_statement(answer.is_ok(), connection);
    if connection.take_ran_alone() {
        note_mode(work, connection);
    }
    let answer = answer.map_err(|error| shared.explain_busy(work.slot, connection, error));
    end_turn(shared, work.write, connection);
    answer
}

/// Notes that the journal mode may have changed. The writer, which nobody else has in the meantime,
/// checks too.
fn note_mode(work: &Work<'_>, connection: &mut Connection) {
    // What can't be checked now fails with the next statement.
    let _ = connection.note_journal_mode();
    if let Some(mut guard) = work.shared.writer.slot.try_connection()
        && let Some(writer) = guard.as_mut()
        && writer.note_journal_mode().is_ok()
    {
        work.shared.note_mode(writer);
    }
}

fn control(work: &Work<'_>, connection: &mut Connection, control: Control) -> Result<()> {
    work.course.check_control(control, connection)?;
    if control == Control::Rollback && !connection.in_transaction() {
        work.course.set_open(false);
        return Ok(());
    }
    if matches!(control, Control::Begin(Begin::Immediate | Begin::Exclusive)) {
        take_turn(work, connection)?;
    }
    let done = connection.control(&control.sql());
    work.course.note_control(control, done.is_ok(), connection);
    let done = done.map_err(|error| work.shared.explain_busy(work.slot, connection, error));
    end_turn(work.shared, work.write, connection);
    done
}

impl Session for OwnSession {
    fn run(&self, program: Program<'_>, _early: Option<&dyn Early>) -> Reply<Output> {
        let program = program.into_owned();
        self.submit(move |connection, work| run(work, connection, &program))
    }

    fn control(&self, asked: Control) -> Reply<()> {
        self.submit(move |connection, work| control(work, connection, asked))
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        if let Err(error) = self.shared.check_session() {
            return Reply::err(error);
        }
        let busy = Busy::new(&self.pin);
        let course = Arc::clone(&self.course);
        let admit = move |connection: &Connection| course.check(connection);
        stream::start_lent(&self.shared, &self.slot, &self.pin, sql, params, (busy, admit))
    }

    fn interrupt(&self) {
        self.slot.interrupt();
    }

    fn wrote(&self) -> bool {
        self.course.wrote()
    }

    fn give_up(&self, savepoints: usize) {
        self.course.spoil(savepoints);
    }
}

impl Drop for OwnSession {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        let (shared, write) = (Arc::clone(&self.shared), Arc::clone(&self.write));
        let slot = Arc::clone(&self.slot);
        self.slot.submit(Box::new(move |connection| {
            slot.set_tenant(None);
            if let Some(open) = connection {
                open.rollback();
                end_turn(&shared, &write, open);
                // Its settings, temporary tables and attached files concern nobody else.
                if open.is_marked() {
                    *connection = None;
                }
            }
            drop(claim);
        }));
    }
}

impl Shared {
    fn open_own<'a>(
        self: &Arc<Self>,
        connection: &'a mut Option<Connection>,
        slot: &Arc<Slot>,
    ) -> Result<&'a mut Connection> {
        opened(connection, || {
            let mut connection = self.connect(Role::Own)?;
            let (shared, except) = (Arc::downgrade(self), Some(Arc::downgrade(slot)));
            connection.set_way(Box::new(OtherConnections { shared, except }));
            Ok(connection)
        })
    }
}
