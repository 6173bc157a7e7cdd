//! Whether a session's transaction can continue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backend::rules::{HandleState, HandleUse};
use crate::backend::{Control, Receipt};
use crate::engine::Connection;
use crate::error::Result;

/// What is known about a session's transaction. Only the session's jobs, which run one after
/// another, read or change it.
#[derive(Debug, Default)]
pub(in crate::backend) struct TransactionState {
    /// The holder has a transaction open, which SQLite may have ended on its own.
    open: AtomicBool,
    /// The running call may have changed something.
    wrote: AtomicBool,
    state: Mutex<OpenSavepoints>,
}

#[derive(Debug, Default)]
struct OpenSavepoints {
    /// The depths of the open savepoints.
    savepoints: Vec<u32>,
    /// A call was dropped while it ran inside this many savepoints. The holder does not know what
    /// it did, so that must not be committed.
    rollback_only: Option<usize>,
    /// Calls that may have changed something, each with its number of savepoints, for which it was
    /// not yet known whether the holder would take the result.
    unseen: Vec<(Arc<dyn Receipt>, usize)>,
}

impl OpenSavepoints {
    /// Learns what became of the replies.
    fn settle(&mut self) {
        let spoiled = &mut self.rollback_only;
        self.unseen.retain(|(receipt, depth)| match receipt.was_cancelled() {
            Some(true) => {
                *spoiled = Some(spoiled.map_or(*depth, |known| known.min(*depth)));
                false
            }
            Some(false) => false,
            None => true,
        });
    }
}

impl TransactionState {
    fn state(&self) -> MutexGuard<'_, OpenSavepoints> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::backend) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    pub(in crate::backend) fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Release);
        if !open {
            *self.state() = OpenSavepoints::default();
        }
    }

    /// Whether SQLite has ended the transaction that the holder has open.
    pub(in crate::backend) fn is_lost(&self, connection: &Connection) -> bool {
        self.is_open() && !connection.in_transaction()
    }

    /// Returns how the transaction stands for a request, or for ending it or a savepoint in it:
    /// whatever was begun later must have ended first.
    fn standing(&self, ends: Option<Control>, connection: &Connection) -> HandleState {
        if self.is_lost(connection) {
            return HandleState::Lost;
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
        match state.rollback_only {
            Some(_) => HandleState::RollbackOnly,
            None if inner => HandleState::Covered,
            None => HandleState::Open,
        }
    }

    /// Whether the next call may run.
    ///
    /// # Errors
    /// `Cancelled` if the only option left is to roll back.
    pub(in crate::backend) fn check(&self, connection: &Connection) -> Result<()> {
        self.standing(None, connection).allows(HandleUse::Use)?;
        self.wrote.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Whether a control may run. One that leads out of a transaction may run even where no other
    /// call may.
    ///
    /// # Errors
    /// As [`check`](Self::check). `InvalidArgument` if something would be kept while a savepoint in
    /// it is open, since that savepoint would be silently kept or lost.
    pub(in crate::backend) fn check_control(
        &self,
        control: Control,
        connection: &Connection,
    ) -> Result<()> {
        let ask = match control {
            Control::Begin(_) | Control::Savepoint(_) => return self.check(connection),
            Control::Commit | Control::Release(_) => HandleUse::Keep,
            Control::Rollback => HandleUse::Undo,
            Control::RollbackTo(_) => HandleUse::EndPart,
        };
        self.standing(Some(control), connection).allows(ask)?;
        // A release keeps what was written before it: it may end the same call.
        if !matches!(control, Control::Release(_)) {
            self.wrote.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Runs a control, if it may run.
    ///
    /// # Errors
    /// As [`check`](Self::check), and what SQLite returns.
    #[cfg(any(target_family = "wasm", test, feature = "single-thread"))]
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

    /// Records that the running call may change something.
    pub(in crate::backend) fn note_write(&self) {
        self.wrote.store(true, Ordering::Relaxed);
    }

    /// Whether the last call may have changed something.
    pub(in crate::backend) fn wrote(&self) -> bool {
        self.wrote.load(Ordering::Relaxed)
    }

    /// Records that a call which may have changed something, inside `savepoints` savepoints, was
    /// cancelled after it was done.
    pub(in crate::backend) fn mark_rollback_only(&self, savepoints: usize) {
        if self.is_open() {
            let mut state = self.state();
            let depth = state.rollback_only.map_or(savepoints, |known| known.min(savepoints));
            state.rollback_only = Some(depth);
        }
    }

    /// Must be called after a call. What it may have changed belongs to the holder once it has the
    /// result. If the holder cancels the call, the transaction can only be rolled back.
    #[cfg(not(target_family = "wasm"))]
    pub(in crate::backend) fn note_reply(
        &self,
        receipt: Option<Arc<dyn Receipt>>,
        connection: &Connection,
    ) {
        if self.wrote() && connection.in_transaction() {
            let mut state = self.state();
            let depth = state.savepoints.len();
            state.unseen.extend(receipt.map(|receipt| (receipt, depth)));
        }
    }

    /// Must be called after the holder's statements, which may begin and end transactions in a
    /// session with its own connection.
    pub(in crate::backend) fn note_statement(&self, done: bool, connection: &Connection) {
        if connection.in_transaction() {
            self.open.store(true, Ordering::Release);
        } else if done {
            // One of the holder's statements ended it.
            self.set_open(false);
        }
    }

    /// Must be called after a control.
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
                let index = state.savepoints.iter().rposition(|open| *open == depth);
                if let Some(index) = index {
                    state.savepoints.truncate(index + 1);
                    state.rollback_only = state.rollback_only.filter(|spoiled| *spoiled <= index);
                    state.unseen.retain(|(_, depth)| *depth <= index);
                }
            }
            (Control::Release(depth), true) => {
                let mut state = self.state();
                if let Some(index) = state.savepoints.iter().rposition(|open| *open == depth) {
                    state.savepoints.truncate(index);
                    // What was done in it is now part of what surrounds it.
                    for (_, depth) in &mut state.unseen {
                        *depth = (*depth).min(index);
                    }
                }
                drop(state);
                if !connection.in_transaction() {
                    self.set_open(false);
                }
            }
            // What should have been undone may still be there.
            (Control::RollbackTo(_) | Control::Release(_), false) => {
                if connection.in_transaction() {
                    self.state().rollback_only = Some(0);
                }
            }
            (Control::Begin(_) | Control::Commit | Control::Savepoint(_), false) => {}
        }
    }
}
