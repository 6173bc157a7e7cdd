//! The writer's connection lent to one holder, for a transaction.

use std::sync::{Arc, Mutex, PoisonError};

use super::turns::Turn;
use super::{Shared, checkpoint, lent, read, stream};
use crate::backend::course::Course;
use crate::backend::{Control, Pages, Reply, Session};
use crate::engine::Connection;
use crate::error::{Error, Result};
use crate::program::Begin;
use crate::program::{Early, Output, Program};
use crate::sql::Params;

/// The writer's connection lent to one holder. Dropping it rolls back what is open before passing
/// on the turn.
struct WriterSession {
    shared: Arc<Shared>,
    // Passed on by the commit, so that the next holder need not wait for this one.
    turn: Mutex<Option<Turn>>,
    course: Arc<Course>,
}

/// Lends the writer's connection, now or when it is this caller's turn.
pub(super) fn lend(shared: &Arc<Shared>, kind: Begin) -> Reply<Box<dyn Session>> {
    if let Some(turn) = shared.turns.try_take() {
        return Reply::ready(begin(shared, turn, kind));
    }
    let waiting = shared.turns.take(shared.options.busy_timeout);
    let shared = Arc::clone(shared);
    Reply::later(Box::pin(async move {
        let turn = waiting.await?;
        begin(&shared, turn, kind)
    }))
}

fn begin(shared: &Arc<Shared>, turn: Turn, kind: Begin) -> Result<Box<dyn Session>> {
    shared.with_writer(|connection| connection.begin_for_another(kind))?;
    let course = Arc::<Course>::default();
    course.set_open(true);
    let (shared, turn) = (Arc::clone(shared), Mutex::new(Some(turn)));
    Ok(Box::new(WriterSession { shared, turn, course }))
}

impl WriterSession {
    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        self.check_begun()?;
        read::with(&self.shared, &self.shared.writer, work)
    }

    /// Checks that the transaction has not ended.
    fn check_begun(&self) -> Result<()> {
        if !self.course.is_open() {
            return Err(Error::closed("transaction"));
        }
        Ok(())
    }

    fn run_on(
        &self,
        connection: &mut Connection,
        program: &Program<'_>,
        early: Option<&dyn Early>,
    ) -> Result<Output> {
        self.course.check(connection)?;
        if !connection.only_reads(program) {
            self.course.note_write();
        }
        let answer = if connection.in_transaction() {
            connection.run_nested(program, early)
        } else {
            connection.run_whole(program)
        };
        self.course.note_statement(answer.is_ok(), connection);
        answer
    }

    fn end(&self) {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner).take();
        checkpoint::after_commit(&self.shared);
        drop(turn);
    }
}

impl Session for WriterSession {
    fn run(&self, program: Program<'_>, early: Option<&dyn Early>) -> Reply<Output> {
        Reply::ready(self.with(|connection| self.run_on(connection, &program, early)))
    }

    fn control(&self, control: Control) -> Reply<()> {
        let done = self.with(|connection| self.course.control(control, connection));
        let over = matches!(control, Control::Commit | Control::Rollback) && done.is_ok();
        if over {
            self.end();
        }
        Reply::ready(done)
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        let cursor = self.with(|connection| {
            self.course.check(connection)?;
            connection.open_cursor(sql, params)
        });
        Reply::ready(cursor.map(|cursor| {
            let (shared, course) = (&self.shared, Some(&self.course));
            Box::new(stream::LocalPages::inside(shared, &shared.writer, cursor, course))
                as Box<dyn Pages>
        }))
    }

    fn interrupt(&self) {}

    fn wrote(&self) -> bool {
        self.course.wrote()
    }

    fn give_up(&self, savepoints: usize) {
        self.course.spoil(savepoints);
    }
}

impl Drop for WriterSession {
    fn drop(&mut self) {
        if self.turn.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return;
        }
        if self.course.is_open() {
            // A closed connection has already rolled back.
            lent::with(&self.shared.writer, Connection::rollback);
        }
        self.end();
    }
}
