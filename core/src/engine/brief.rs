//! Short work on a caller's thread: it ends after about 2,000 steps of SQLite's
//! virtual machine, and waits for no lock.

use super::run::collect;
use super::{Connection, Read};
use crate::backend::{Outcome, Output, Program};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{Class, classify};

impl Connection {
    /// Whether the program may be tried on a caller's thread: a plain statement
    /// that has not been found long before. Where it is found long, it is undone
    /// whole and runs again elsewhere, so nothing that can't be undone is tried.
    pub(crate) fn is_brief(&mut self, program: &Program<'_>) -> bool {
        program.steps.iter().all(|step| {
            let single =
                step.extra.as_ref().is_none_or(|extra| extra.each.len() <= 1 && !extra.script);
            single
                && match self.cache.get(&step.sql) {
                    Some(statement) => statement.class == Class::Plain && !statement.is_long(),
                    None => classify(&step.sql) == Class::Plain,
                }
        })
    }

    /// Runs a short read of one statement that is prepared: what nearly all reads
    /// are, with a single look into the cache. `None`: it is something else.
    #[inline]
    pub(crate) fn read_known(&mut self, program: &Program<'_>) -> Option<Read> {
        let [step] = program.steps.as_slice() else { return None };
        if step.extra.is_some() || program.schema.is_some() {
            return None;
        }
        if !self.is_current() {
            // Not for what turns out to be no read.
            self.cache.get(&step.sql)?;
            if let Err(error) = self.renew_lease() {
                return Some(Read::Done(Err(error)));
            }
        }
        let statement = self.cache.get(&step.sql)?;
        if !statement.readonly || statement.class != Class::Plain {
            return None;
        }
        if statement.is_long() {
            return Some(Read::TooLong);
        }
        self.handlers.begin_brief();
        // SAFETY: the parameters outlive the reset.
        let run = unsafe { statement.bind(&step.params) }
            .and_then(|()| collect(statement, step.keep, None));
        statement.reset();
        self.handlers.end_brief();
        Some(match run {
            Ok(rows) => {
                let outcome = Outcome { rows, ..Outcome::default() };
                Read::Done(Ok(Output { steps: smallvec::smallvec![outcome] }))
            }
            Err(error) => {
                if is_too_long(&error) {
                    statement.strike();
                    return Some(Read::TooLong);
                }
                self.after_failed_read();
                Read::Done(Err(error))
            }
        })
    }

    /// Runs a short write. `None`: it was too long or met a lock, and is undone.
    pub(crate) fn write_brief(&mut self, program: &Program<'_>) -> Option<Result<Output>> {
        let answer = self.brief(|connection| connection.run_alone(program));
        if answer.is_none() {
            for step in &program.steps {
                if let Some(statement) = self.cache.get(&step.sql) {
                    statement.strike();
                }
            }
        }
        answer
    }

    /// Runs short work. `None`: it was too long or met a lock.
    pub(crate) fn brief<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Option<Result<T>> {
        self.handlers.begin_brief();
        let answer = work(self);
        self.handlers.end_brief();
        match answer {
            Err(error) if is_too_long(&error) => None,
            answer => Some(answer),
        }
    }
}

/// Whether short work failed because it was not: it ran out of steps, or met a
/// lock that it may not wait for.
pub(super) fn is_too_long(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Busy)
}
