//! Whether a session's transaction can go on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backend::rules::{Ask, Standing};
use crate::backend::{Control, Receipt};
use crate::engine::Connection;
use crate::error::Result;

/// What is known of a session's transaction. It is looked at and changed by the
/// session's jobs only, which run one after another.
#[derive(Debug, Default)]
pub(in crate::backend) struct Course {
    /// The holder has a transaction open. SQLite may have ended it by itself.
    open: AtomicBool,
    /// The call that runs may have changed something.
    wrote: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The depths of the open savepoints.
    savepoints: Vec<u32>,
    /// A call was dropped while it ran, inside so many savepoints: what it did is
    /// not known to the holder, so it must not be committed.
    spoiled: Option<usize>,
    /// The calls that may have changed something, inside so many savepoints, of which it
    /// was not known yet whether the holder would take the answer.
    answered: Vec<(Arc<dyn Receipt>, usize)>,
}

impl State {
    /// Learns what became of the replies.
    fn settle(&mut self) {
        let spoiled = &mut self.spoiled;
        self.answered.retain(|(receipt, depth)| match receipt.was_given_up() {
            Some(true) => {
                *spoiled = Some(spoiled.map_or(*depth, |known| known.min(*depth)));
                false
            }
            Some(false) => false,
            None => true,
        });
    }
}

impl Course {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::backend) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    pub(in crate::backend) fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Release);
        if !open {
            *self.state() = State::default();
        }
    }

    /// Whether SQLite has ended the transaction that the holder has open.
    pub(in crate::backend) fn is_lost(&self, connection: &Connection) -> bool {
        self.is_open() && !connection.in_transaction()
    }

    /// How the transaction stands to be asked something, or to be ended, or a savepoint
    /// in it: what was begun later must have ended before.
    fn standing(&self, ends: Option<Control>, connection: &Connection) -> Standing {
        if self.is_lost(connection) {
            return Standing::Lost;
        }
        let mut state = self.state();
        state.settle();
        let inner = match ends {
            Some(Control::Commit) => !state.savepoints.is_empty(),
            Some(Control::Release(depth)) => {
                state.savepoints.contains(&depth) && state.savepoints.last() != Some(&depth)
            }
            _ => false,
        };
        match state.spoiled {
            Some(_) => Standing::Spoiled,
            None if inner => Standing::Covered,
            None => Standing::Open,
        }
    }

    /// Whether the next call may run.
    ///
    /// # Errors
    /// `Cancelled` if all that is left is to roll back.
    pub(in crate::backend) fn check(&self, connection: &Connection) -> Result<()> {
        self.standing(None, connection).allows(Ask::Use)?;
        self.wrote.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Whether a control may run: one that leads out of a transaction may even
    /// where no other call may.
    ///
    /// # Errors
    /// As [`check`](Self::check); `InvalidArgument` for what is to be kept while a
    /// savepoint in it is open, which would be kept or lost in silence.
    pub(in crate::backend) fn check_control(
        &self,
        control: Control,
        connection: &Connection,
    ) -> Result<()> {
        let ask = match control {
            Control::Begin(_) | Control::Savepoint(_) => return self.check(connection),
            Control::Commit | Control::Release(_) => Ask::Keep,
            Control::Rollback => Ask::Undo,
            Control::RollbackTo(_) => Ask::EndPart,
        };
        self.standing(Some(control), connection).allows(ask)?;
        // A release keeps what was written before it: it may be the end of the same call.
        if !matches!(control, Control::Release(_)) {
            self.wrote.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Does what a control asks, where it may.
    ///
    /// # Errors
    /// As [`check`](Self::check), and what SQLite returns.
    #[cfg(any(target_family = "wasm", test, feature = "local"))]
    pub(in crate::backend) fn control(
        &self,
        control: Control,
        connection: &mut Connection,
    ) -> Result<()> {
        self.check_control(control, connection)?;
        if control == Control::Rollback && !connection.in_transaction() {
            self.set_open(false);
            return Ok(());
        }
        let done = connection.control(&control.sql());
        self.note_control(control, done.is_ok(), connection);
        done
    }

    /// Says that the call that runs may change something.
    pub(in crate::backend) fn note_write(&self) {
        self.wrote.store(true, Ordering::Relaxed);
    }

    /// Whether the last call may have changed something.
    pub(in crate::backend) fn wrote(&self) -> bool {
        self.wrote.load(Ordering::Relaxed)
    }

    /// Says that a call which may have changed something, inside so many
    /// savepoints, was given up after it was done.
    pub(in crate::backend) fn spoil(&self, savepoints: usize) {
        if self.is_open() {
            let mut state = self.state();
            let depth = state.spoiled.map_or(savepoints, |known| known.min(savepoints));
            state.spoiled = Some(depth);
        }
    }

    /// To be called after a call: what it may have changed is the holder's when he has
    /// the answer. If he gives the call up, that spoils the transaction.
    #[cfg(not(target_family = "wasm"))]
    pub(in crate::backend) fn note_answer(
        &self,
        receipt: Option<Arc<dyn Receipt>>,
        connection: &Connection,
    ) {
        if self.wrote() && connection.in_transaction() {
            let mut state = self.state();
            let depth = state.savepoints.len();
            state.answered.extend(receipt.map(|receipt| (receipt, depth)));
        }
    }

    /// To be called after statements of the holder's, which in a session of its
    /// own may begin and end transactions.
    pub(in crate::backend) fn note_statement(&self, done: bool, connection: &Connection) {
        if connection.in_transaction() {
            self.open.store(true, Ordering::Release);
        } else if done {
            // It ended by a statement of the holder's.
            self.set_open(false);
        }
    }

    /// To be called after a control.
    pub(in crate::backend) fn note_control(
        &self,
        control: Control,
        done: bool,
        connection: &Connection,
    ) {
        match (control, done) {
            (Control::Begin(_), true) => self.set_open(true),
            (Control::Commit, true) | (Control::Rollback, _) => self.set_open(false),
            (Control::Savepoint(depth), true) => {
                self.state().savepoints.push(depth);
                // Outside a transaction, a savepoint begins one.
                self.open.store(true, Ordering::Release);
            }
            (Control::RollbackTo(depth), true) => {
                let mut state = self.state();
                let place = state.savepoints.iter().rposition(|open| *open == depth);
                if let Some(place) = place {
                    state.savepoints.truncate(place + 1);
                    state.spoiled = state.spoiled.filter(|spoiled| *spoiled <= place);
                    state.answered.retain(|(_, depth)| *depth <= place);
                }
            }
            (Control::Release(depth), true) => {
                let mut state = self.state();
                if let Some(place) = state.savepoints.iter().rposition(|open| *open == depth) {
                    state.savepoints.truncate(place);
                    // What was done in it is part of what is around it.
                    for (_, depth) in &mut state.answered {
                        *depth = (*depth).min(place);
                    }
                }
                drop(state);
                if !connection.in_transaction() {
                    self.set_open(false);
                }
            }
            // What was to be undone may still be there.
            (Control::RollbackTo(_) | Control::Release(_), false) => {
                if connection.in_transaction() {
                    self.state().spoiled = Some(0);
                }
            }
            (Control::Begin(_) | Control::Commit | Control::Savepoint(_), false) => {}
        }
    }
}
