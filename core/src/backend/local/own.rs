//! Sessions with a connection of their own, for whatever the holder does.

use std::sync::{Arc, Mutex, PoisonError};

use super::pool::{self, Place, Which};
use super::turns::Turn;
use super::unbegun::unbegun;
use super::{Shared, checkpoint, lent, read, stream};
use crate::backend::course::Course;
use crate::backend::{Control, Pages, Reply, Session};
use crate::engine::{Class, Connection, Role, context};
use crate::error::{Error, Result};
use crate::program::Begin;
use crate::program::{Access, Early, Outcome, Output, Program};
use crate::sql::Params;

/// A connection lent to one holder.
struct OwnSession(Arc<Own>);

/// See [`OwnSession`].
pub(super) struct Own {
    place: Place,
    /// It is a transaction, and ends with it.
    transaction: bool,
    /// The turn to write, kept while this connection holds SQLite's write lock. Outside WAL mode
    /// also while it reads or is in a transaction, since no commit gets past those.
    turn: Mutex<Option<Turn>>,
    course: Arc<Course>,
}

/// Lends a connection.
pub(super) fn lend(shared: &Arc<Shared>) -> Reply<Box<dyn Session>> {
    lend_to(shared, |place| Ok(OwnSession::new(place, false)))
}

/// Lends a connection for a transaction without a lock, which keeps nobody from writing until it
/// writes itself.
pub(super) fn lend_deferred(shared: &Arc<Shared>) -> Reply<Box<dyn Session>> {
    lend_to(shared, |place| {
        // As in any transaction, a bare COMMIT is refused.
        place.open_as(Role::Writer)?;
        let session = OwnSession::new(place, true);
        session.0.control(Control::Begin(Begin::Deferred))?;
        Ok(session)
    })
}

fn lend_to(
    shared: &Arc<Shared>,
    session: impl FnOnce(Place) -> Result<OwnSession> + crate::platform::MaybeSend + 'static,
) -> Reply<Box<dyn Session>> {
    let session = |place| session(place).map(|it| Box::new(it) as Box<dyn Session>);
    match pool::try_take(shared, Which::Sessions) {
        Some(place) => Reply::ready(place.and_then(session)),
        None => {
            let place = pool::take(shared, Which::Sessions);
            Reply::later(Box::pin(async move { session(place.await?) }))
        }
    }
}

impl OwnSession {
    fn new(place: Place, transaction: bool) -> Self {
        lent::with(place.slot(), Connection::forget_last_row_id);
        let (turn, course) = (Mutex::default(), Arc::default());
        Self(Arc::new(Own { place, transaction, turn, course }))
    }
}

impl Own {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        self.place.shared()
    }

    pub(super) fn slot(&self) -> &lent::Slot {
        self.place.slot()
    }

    pub(super) fn course(&self) -> &Arc<Course> {
        &self.course
    }

    fn check_begun(&self) -> Result<()> {
        if self.transaction && !self.course.is_open() {
            return Err(Error::closed("transaction"));
        }
        Ok(())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        read::with(self.shared(), self.place.slot(), work)
    }

    fn has_turn(&self) -> bool {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn keep(&self, turn: Turn) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = Some(turn);
    }

    /// Passes on the turn, unless a transaction or a stream still needs it.
    pub(super) fn end_turn(&self) {
        let several = self.shared().several();
        let needed = lent::with(self.place.slot(), |connection| {
            connection.is_writing()
                || (!several && (connection.in_transaction() || connection.is_reading()))
        });
        if needed == Some(true) {
            return;
        }
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner).take();
        if turn.is_some() {
            checkpoint::after_commit(self.shared());
        }
        drop(turn);
    }

    /// Runs `work`, with the turn if `needs_turn`.
    fn then<T: crate::platform::MaybeSend + 'static>(
        self: &Arc<Self>,
        needs_turn: bool,
        work: impl FnOnce(&Arc<Self>) -> Result<T> + crate::platform::MaybeSend + 'static,
    ) -> Reply<T> {
        if !needs_turn || self.has_turn() {
            return Reply::ready(work(self));
        }
        if let Some(turn) = self.shared().turns.try_take() {
            self.keep(turn);
            return Reply::ready(work(self));
        }
        let waiting = self.shared().turns.take(self.shared().options.busy_timeout);
        let own = Arc::clone(self);
        let caller = context::current();
        unbegun(Box::pin(async move {
            own.keep(waiting.await?);
            let _caller = context::enter(caller);
            work(&own)
        }))
    }

    /// Whether the program needs the turn.
    fn writes(&self, program: &Program<'_>) -> Result<bool> {
        if program.access == Access::Write {
            return Ok(true);
        }
        let several = self.shared().several();
        self.with(|connection| {
            for step in &program.steps {
                let (nature, readonly) = connection.inspect(&step.sql)?;
                let begins = nature.class == Class::Control && !several;
                if !readonly || nature.class == Class::Alone || begins {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Whether the next call may run. `Some`: it is a rollback of what SQLite has already rolled
    /// back.
    fn admit(&self, program: &Program<'_>) -> Result<Option<Output>> {
        self.check_begun()?;
        self.with(|connection| {
            if !connection.is_rollback(program) {
                self.course.check(connection)?;
            } else if self.course.is_lost(connection) {
                self.course.set_open(false);
                return Ok(Some(Output { steps: smallvec::smallvec![Outcome::default()] }));
            }
            Ok(None)
        })
    }

    fn run(
        &self,
        program: &Program<'_>,
        writes: bool,
        early: Option<&dyn Early>,
    ) -> Result<Output> {
        let answer = self.with(|connection| {
            if writes {
                self.course.note_write();
            }
            let answer = if connection.in_transaction() || !writes {
                connection.run_nested(program, early)
            } else {
                connection.run_whole(program)
            };
            self.course.note_statement(answer.is_ok(), connection);
            answer
        });
        self.end_turn();
        answer
    }

    fn stream(self: &Arc<Self>, sql: &str, params: Params) -> Result<Box<dyn Pages>> {
        let cursor = self.with(|connection| {
            self.course.check(connection)?;
            connection.open_cursor(sql, params)
        });
        match cursor {
            Ok(cursor) => Ok(Box::new(stream::LocalPages::of_session(self, cursor))),
            Err(error) => {
                self.end_turn();
                Err(error)
            }
        }
    }

    fn control(&self, control: Control) -> Result<()> {
        let done = self.with(|connection| self.course.control(control, connection));
        self.end_turn();
        done
    }
}

impl Session for OwnSession {
    fn run(&self, program: Program<'_>, early: Option<&dyn Early>) -> Reply<Output> {
        match self.0.admit(&program) {
            Ok(None) => {}
            Ok(Some(output)) => return Reply::ready(Ok(output)),
            Err(error) => return Reply::err(error),
        }
        match self.0.writes(&program) {
            Ok(false) => {
                let answer = self.0.run(&program, false, early);
                if self.0.shared().several() || self.0.has_turn() || !read::is_busy(&answer) {
                    return Reply::ready(answer);
                }
                let program = program.into_owned();
                self.0.then(true, move |own| own.run(&program, false, None))
            }
            Ok(true) => {
                let program = program.into_owned();
                self.0.then(true, move |own| own.run(&program, true, None))
            }
            Err(error) => Reply::err(error),
        }
    }

    fn control(&self, control: Control) -> Reply<()> {
        if let Err(error) = self.0.check_begun() {
            return Reply::err(error);
        }
        let locks = match control {
            Control::Begin(Begin::Deferred) => !self.0.shared().several(),
            Control::Begin(_) => true,
            _ => false,
        };
        self.0.then(locks, move |own| own.control(control))
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        if self.0.shared().several() {
            return Reply::ready(self.0.stream(sql, params));
        }
        let sql = sql.to_owned();
        self.0.then(true, move |own| own.stream(&sql, params))
    }

    fn interrupt(&self) {}

    fn wrote(&self) -> bool {
        self.0.course.wrote()
    }

    fn give_up(&self, savepoints: usize) {
        self.0.course.spoil(savepoints);
    }
}

impl Drop for OwnSession {
    fn drop(&mut self) {
        let marked = lent::with(self.0.place.slot(), |connection| {
            connection.rollback();
            connection.is_marked()
        });
        // Its settings, temporary tables and attached files concern nobody else.
        if marked == Some(true) || self.0.transaction {
            self.0.place.forget();
        }
        self.0.end_turn();
    }
}
