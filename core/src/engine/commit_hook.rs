//! SQLite's commit hook, which is asked before every commit, however it comes about. A connection
//! has one, and several things to ask.
//! <https://sqlite.org/c3ref/commit_hook.html>

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::changes::HookContext;
use super::outbox::{SeenCommits, began_meanwhile};
use super::{Connection, disk_wait, moved_files};
use crate::error::{Error, ErrorKind};
use crate::ffi;

/// What the hook has of a connection that is committing.
#[derive(Debug)]
pub(super) struct Committing {
    raw: Cell<*mut ffi::sqlite3>,
    /// Its files are a host's.
    hosted: Cell<bool>,
    /// Its commits are refused once the files have moved.
    watched: Cell<bool>,
    /// They are counted, for live queries.
    counted: Cell<bool>,
    /// How often it has begun to commit since that was taken.
    pub(super) begun: Cell<u32>,
    /// The data version at which it was read last which tables are recorded.
    pub(super) seen: SeenCommits,
    /// The open transaction writes, so that nobody else can commit.
    pub(super) locked: Cell<bool>,
    /// SQLite has compiled a statement anew since.
    pub(super) recompiled: Arc<AtomicBool>,
    /// Why the last commit was refused, unless it was because the files have moved.
    refused: Cell<Option<RefusedCommit>>,
}

/// What the outbox has against a commit.
#[derive(Debug, Clone, Copy)]
enum RefusedCommit {
    /// What was recorded would be left out.
    LeavesOut,
    /// It is not known any more what is to be recorded.
    Outdated,
}

impl Committing {
    pub(super) fn new(recompiled: Arc<AtomicBool>) -> Self {
        Self {
            raw: Cell::new(std::ptr::null_mut()),
            hosted: Cell::default(),
            watched: Cell::default(),
            counted: Cell::default(),
            begun: Cell::default(),
            seen: SeenCommits::default(),
            locked: Cell::default(),
            recompiled,
            refused: Cell::default(),
        }
    }
}

impl Connection {
    /// Sets the hook. Must be called when the recorder begins or ends to want anything.
    pub(super) fn hook_commits(&self) {
        // Without a recorder nothing is wanted but what `moved_files.rs` has set.
        let Some(recorder) = &self.recorder else { return };
        let committing = &recorder.context.committing;
        committing.raw.set(self.raw);
        committing.hosted.set(self.hosted);
        committing.watched.set(self.watched);
        committing.counted.set(recorder.hook_context().is_some());
        let context = std::ptr::from_ref(&*recorder.context).cast_mut().cast::<c_void>();
        // SAFETY: the connection is open, and takes the hook out before the context goes.
        unsafe { ffi::sqlite3_commit_hook(self.raw, Some(on_commit), context) };
    }
}

impl Connection {
    /// Returns why a statement has failed, if that is because the outbox has refused its commit.
    #[cold]
    pub(super) fn explain_refusal(&mut self, error: Error) -> Error {
        let explained = self.explain_outbox(error);
        // The schema may be another because of a newer program.
        self.refuse_older_read().err().unwrap_or(explained)
    }

    fn explain_outbox(&mut self, error: Error) -> Error {
        let refused = self.recorder.as_ref().and_then(|it| {
            it.context.committing.seen.forget_commit();
            it.context.committing.refused.take()
        });
        match refused {
            Some(refusal) if error.is_moved() => match refusal {
                RefusedCommit::LeavesOut => Error::new(
                    ErrorKind::Unsupported,
                    "code that runs within a statement has committed changes of tables that are recorded for the outbox, which would have been left out; nothing was committed",
                ),
                RefusedCommit::Outdated => began_meanwhile(),
            },
            _ => error,
        }
    }
}

unsafe extern "C" fn on_commit(context: *mut c_void) -> c_int {
    // SAFETY: the connection takes the hook out before the context goes.
    let context = unsafe { &*context.cast::<HookContext>() };
    let committing = &context.committing;
    if disk_wait::has_given_up() {
        return 1;
    }
    // Nobody holds it while a statement runs.
    if context.outbox.try_borrow().map_or(true, |outbox| outbox.is_dirty()) {
        committing.refused.set(Some(RefusedCommit::LeavesOut));
        return 1;
    }
    // SAFETY: it is the connection that is committing.
    let is_current = || unsafe { committing.seen.is_current(committing.raw.get()) };
    let locked = committing.locked.take();
    if !locked && committing.recompiled.load(Ordering::Relaxed) && !is_current() {
        committing.refused.set(Some(RefusedCommit::Outdated));
        return 1;
    }
    if committing.counted.get() {
        context.observation.note_committing();
        committing.begun.set(committing.begun.get() + 1);
    }
    // SAFETY: it is the connection that is committing.
    let moved = unsafe {
        committing.watched.get()
            && moved_files::has_moved(committing.raw.get(), committing.hosted.get())
    };
    if locked && !moved {
        committing.seen.note_current_commit();
    } else if !moved {
        // SAFETY: as above.
        unsafe { committing.seen.note_commit(committing.raw.get()) };
    }
    c_int::from(moved)
}
