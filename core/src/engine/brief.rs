//! Short work on a caller's thread: it ends after about 2,000 steps of SQLite's
//! virtual machine, and waits for no lock.

use super::Connection;
use crate::backend::{Output, Program};
use crate::error::{ErrorKind, Result};
use crate::sql::{Class, classify};

/// How often a statement may be too long before it is no longer tried.
pub(super) const STRIKES: u8 = 3;

impl Connection {
    /// Whether the program may be tried on a caller's thread: a plain statement
    /// that has not been found long before. Where it is found long, it is undone
    /// whole and runs again elsewhere, so nothing that can't be undone is tried.
    pub(crate) fn is_brief(&mut self, program: &Program<'_>) -> bool {
        program.steps.iter().all(|step| {
            let single = step.extra.as_ref().is_none_or(|extra| extra.each.len() <= 1);
            single
                && match self.cache.get(&step.sql) {
                    Some(statement) => {
                        statement.class == Class::Plain && statement.strikes < STRIKES
                    }
                    None => classify(&step.sql) == Class::Plain,
                }
        })
    }

    /// Runs a short write. `None`: it was too long or met a lock, and is undone.
    pub(crate) fn write_brief(&mut self, program: &Program<'_>) -> Option<Result<Output>> {
        let answer = self.brief(|connection| connection.run_whole(program));
        if answer.is_none() {
            for step in &program.steps {
                if let Some(statement) = self.cache.get(&step.sql) {
                    statement.strikes = statement.strikes.saturating_add(1);
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
            Err(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Busy) => None,
            answer => Some(answer),
        }
    }
}
