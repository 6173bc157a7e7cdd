//! Whether SQLite may compile a statement anew by itself when it runs, because the schema is another.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Allowed,
    /// The next statement that runs must be as it is.
    #[cfg_attr(target_family = "wasm", allow(dead_code, reason = "nothing there asks for it"))]
    Unwanted,
    /// It runs.
    Forbidden,
    /// It runs, and SQLite has begun to compile it.
    Refusing,
    /// It has failed because of that.
    Refused,
}

/// The statements of a connection that SQLite compiles anew by itself.
#[derive(Debug, Default)]
pub(super) struct Recompiling {
    happened: Arc<AtomicBool>,
    /// What is to become of the next one that runs.
    state: Cell<State>,
}

impl Recompiling {
    /// Returns what is set when SQLite has compiled a statement anew by itself: it has seen another
    /// schema than before.
    pub(super) fn happened(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.happened)
    }

    /// Makes the next statement fail before it does anything, if it would be compiled anew.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn forbid(&self) {
        self.state.set(State::Unwanted);
    }

    /// Ends that. Returns whether the statement has failed because of it.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn was_refused(&self) -> bool {
        self.state.replace(State::Allowed) == State::Refused
    }

    /// Must be called before a statement of the connection's user runs.
    #[inline]
    pub(super) fn begin_run(&self) {
        if self.state.get() == State::Unwanted {
            self.state.set(State::Forbidden);
        }
    }

    /// Must be called after it: what this library runs next may be compiled anew.
    #[inline]
    pub(super) fn end_run(&self) {
        match self.state.get() {
            State::Forbidden => self.state.set(State::Allowed),
            State::Refusing => self.state.set(State::Refused),
            State::Allowed | State::Unwanted | State::Refused => {}
        }
    }

    /// Notes that SQLite begins to compile a statement by itself. Returns whether it must not.
    pub(super) fn note(&self) -> bool {
        self.happened.store(true, Ordering::Relaxed);
        // It may do something else than what was taken for short work.
        super::disk_wait::give_up();
        let refuses = matches!(self.state.get(), State::Forbidden | State::Refusing);
        if refuses {
            // SQLite may try more than once.
            self.state.set(State::Refusing);
        }
        refuses
    }
}
