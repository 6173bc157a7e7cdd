//! When a connection learns what is to be recorded, and when it reports what it has committed.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Arc;

use super::Connection;
use super::changes::{HookContext, Recorder, Touched, UNKNOWN};
use crate::changes::{Account, Observation, WrittenPages};
use crate::ffi;

impl Connection {
    /// Makes this connection record its commits for `observation`.
    pub(crate) fn record_commits(&mut self, observation: Arc<Observation>) {
        self.recorder = Some(Box::new(Recorder::new(observation, self.authorizer.recompiled())));
    }

    /// Must be called before a statement that may change something runs.
    #[inline]
    pub(super) fn renew_recorder(&mut self) {
        self.renew_interest();
        self.begin_recording();
    }

    /// Takes over what is wanted now, if it is anything else.
    #[inline]
    pub(super) fn renew_interest(&mut self) {
        if self.recorder.as_ref().is_some_and(|recorder| recorder.is_outdated()) {
            self.learn_interest();
        }
    }

    /// Takes over what is wanted now.
    #[cold]
    fn learn_interest(&mut self) {
        let Some(recorder) = self.recorder.take() else { return };
        self.authorizer.rows.set(None);
        let (version, interest) = recorder.observation().interest();
        let (interest, facts) = self.facts_of_all(interest);
        let schema = self.integer("PRAGMA schema_version").ok();
        recorder.learned_within.set(self.in_transaction());
        recorder.schema.set(schema);
        recorder.data.set(if self.wal { None } else { self.integer("PRAGMA data_version").ok() });
        recorder.version.set(version);
        {
            let mut pending = recorder.context.pending.borrow_mut();
            let whole = pending.whole;
            pending.clear();
            // Of the time when nothing was wanted.
            recorder.observation().forget_own(std::mem::take(&mut pending.own));
            pending.touched = vec![Touched::default(); facts.len()];
            pending.last = (Vec::new(), None);
            (pending.interest, pending.facts) = (interest, facts);
            pending.whole = whole;
            // What this transaction did before was recorded by another interest, or not at all.
            pending.whole.everything |= self.in_transaction();
        }
        self.authorizer.rows.set(recorder.row_context());
        self.recorder = Some(recorder);
        self.count_commits();
    }

    /// Makes SQLite count this connection's commits, while something is wanted.
    fn count_commits(&self) {
        let Some(recorder) = &self.recorder else { return };
        let every = recorder.context.pending.borrow().checkpoint_every;
        let Some(context) = recorder.hook_context() else {
            // SAFETY: the connection is open. This takes the hook out, or puts SQLite's own back.
            unsafe { ffi::sqlite3_wal_autocheckpoint(self.raw, every) };
            self.hook_commits();
            return;
        };
        let context = context.cast_mut().cast::<c_void>();
        // SAFETY: the connection is open, and takes the hook out before the context goes.
        let before = unsafe { ffi::sqlite3_wal_hook(self.raw, Some(on_wal), context) };
        if before != context {
            // SQLite's own hook has the number of frames in place of a pointer.
            let every = c_int::try_from(before as isize).unwrap_or(0);
            recorder.context.pending.borrow_mut().checkpoint_every = every;
        }
        self.hook_commits();
    }

    /// Reports a commit if one has happened. Must be called after everything that may commit.
    #[inline]
    pub(super) fn report_commit(&mut self, failed: bool) {
        if self.recorder.is_none() || self.in_transaction() {
            return;
        }
        if let Some(recorder) = &self.recorder {
            recorder.end_outbox();
        }
        self.report_commit_now(failed);
        if let Some(recorder) = &self.recorder {
            recorder.end_committing();
        }
    }

    fn report_commit_now(&mut self, failed: bool) {
        let Some(recorder) = &self.recorder else { return };
        if recorder.context.pending.borrow().interest.is_empty() {
            return recorder.report(None);
        }
        if self.authorizer.rows.take_taken() {
            recorder.note_unknown();
        }
        let NewCommits { own, foreign, pages } = self.look(failed);
        let Some(recorder) = &self.recorder else { return };
        // What others have committed was recorded by nobody.
        let unknown = foreign || recorder.context.pending.borrow().whole.everything;
        let mut another = false;
        if unknown {
            another = pages.as_ref().is_none_or(|it| it.first) && self.has_new_schema();
            let Some(recorder) = &self.recorder else { return };
            let whole = &mut recorder.context.pending.borrow_mut().whole;
            (whole.everything, whole.external) = (true, whole.external || foreign);
            whole.schema |= another;
        }
        let Some(recorder) = &self.recorder else { return };
        if own || foreign || another {
            recorder.report(pages);
        } else {
            // It was rolled back, or changed nothing.
            recorder.forget();
        }
    }

    /// Whether the schema is another than it was when this was asked last, by any connection of this
    /// database. The schema's version is on page 1.
    fn has_new_schema(&mut self) -> bool {
        let schema = self.integer("PRAGMA schema_version").ok();
        let Some(recorder) = &self.recorder else { return true };
        if schema.is_none() || schema != recorder.schema.replace(schema) {
            recorder.version.set(UNKNOWN);
        }
        recorder.observation().is_new_schema(schema)
    }

    /// Returns who has committed since this was asked last, by any connection of this database.
    fn look(&mut self, failed: bool) -> NewCommits {
        let Some(position) = self.log_position() else {
            // Outside WAL mode it is not known whether a statement that failed has kept a part.
            let data = self.integer("PRAGMA data_version").ok();
            let before = self.recorder.as_ref().and_then(|recorder| recorder.data.replace(data));
            let foreign = failed || data.is_none() || before != data;
            return NewCommits { own: true, foreign, pages: None };
        };
        let Some(recorder) = &self.recorder else {
            return NewCommits { own: true, foreign: true, pages: None };
        };
        let own = std::mem::take(&mut recorder.context.pending.borrow_mut().own);
        let Account { foreign, frames } = recorder.observation().account(own, position);
        let pages = frames.and_then(|frames| self.pages_of(frames));
        NewCommits { own: own > 0, foreign, pages }
    }

    /// Must be called after a statement of this library's own has run.
    #[inline]
    pub(super) fn after_control(&mut self, sql: &str) {
        if let Some(recorder) = &self.recorder {
            recorder.after_control(sql);
            if sql.starts_with("BEGIN") {
                self.confirm_recorded(true);
            }
            self.report_commit(false);
        }
    }
}

/// What has been committed since the last look, and by whom.
struct NewCommits {
    /// This connection.
    own: bool,
    /// Somebody else, or it is not known who.
    foreign: bool,
    /// The pages that were written, if they are known.
    pages: Option<WrittenPages>,
}

/// Called by SQLite after a commit that has written to the log.
unsafe extern "C" fn on_wal(
    context: *mut c_void,
    raw: *mut ffi::sqlite3,
    database: *const c_char,
    frames: c_int,
) -> c_int {
    // SAFETY: the recorder takes the hook out before it goes; SQLite passes a C string.
    let (context, main) = unsafe {
        (&*context.cast::<HookContext>(), CStr::from_ptr(database).to_bytes() == b"main")
    };
    let mut every = 0;
    context.with_pending(|pending| {
        if main {
            pending.own += 1;
            context.observation.note_own();
        }
        every = pending.checkpoint_every;
    });
    if every > 0 && frames >= every {
        // What SQLite's own hook does, whose place this one has taken.
        // SAFETY: as SQLite does there.
        unsafe {
            ffi::sqlite3_wal_checkpoint_v2(
                raw,
                database,
                ffi::SQLITE_CHECKPOINT_PASSIVE,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            );
        }
    }
    ffi::SQLITE_OK
}
