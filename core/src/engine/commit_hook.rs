//! SQLite's commit hook, which is asked before every commit, however it comes about. A connection
//! has one, and several things to ask.
//! <https://sqlite.org/c3ref/commit_hook.html>

use std::cell::Cell;
use std::ffi::{c_int, c_void};

use super::changes::HookContext;
use super::{Connection, moved_files};
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
}

impl Default for Committing {
    fn default() -> Self {
        let raw = Cell::new(std::ptr::null_mut());
        let (hosted, watched, counted) = <(Cell<bool>, Cell<bool>, Cell<bool>)>::default();
        Self { raw, hosted, watched, counted, begun: Cell::default() }
    }
}

impl Connection {
    /// Sets the hook that is needed now. Must be called when the recorder begins or ends to want
    /// anything.
    pub(super) fn hook_commits(&self) {
        let recorder = self.recorder.as_ref();
        let Some((recorder, context)) = recorder.and_then(|it| Some((it, it.row_context()?))) else {
            // SAFETY: the connection is open.
            unsafe {
                if self.watched {
                    moved_files::ask(self.raw, self.hosted);
                } else {
                    ffi::sqlite3_commit_hook(self.raw, None, std::ptr::null_mut());
                }
            }
            return;
        };
        let committing = &recorder.context.committing;
        committing.raw.set(self.raw);
        committing.hosted.set(self.hosted);
        committing.watched.set(self.watched);
        committing.counted.set(recorder.hook_context().is_some());
        let context = context.cast_mut().cast::<c_void>();
        // SAFETY: the connection is open, and takes the hook out before the context goes.
        unsafe { ffi::sqlite3_commit_hook(self.raw, Some(on_commit), context) };
    }
}

unsafe extern "C" fn on_commit(context: *mut c_void) -> c_int {
    // SAFETY: the connection takes the hook out before the context goes.
    let context = unsafe { &*context.cast::<HookContext>() };
    // What was recorded would be left out. Nobody holds it while a statement runs.
    if context.outbox.try_borrow().map_or(true, |outbox| outbox.is_dirty()) {
        return 1;
    }
    let committing = &context.committing;
    if committing.counted.get() {
        context.observation.note_committing();
        committing.begun.set(committing.begun.get() + 1);
    }
    // SAFETY: it is the connection that is committing.
    let moved = unsafe {
        committing.watched.get()
            && moved_files::has_moved(committing.raw.get(), committing.hosted.get())
    };
    c_int::from(moved)
}
