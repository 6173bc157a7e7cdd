//! Compiling statements: what a connection accepts from its user, and what is known about a
//! statement before it runs.

use super::authorizer::{Admit, Class, Instead, Nature};
use super::statement::Statement;
use super::{Connection, Role, opcodes};
use crate::error::{Error, Result};
use crate::ffi;
use crate::program::Program;

/// A longer text takes too long to compile on a caller's thread.
pub(crate) const LONGEST_INLINE_SQL: usize = 16 * 1024;

impl Connection {
    /// Returns what this connection accepts from its user.
    pub(super) fn admits(&self) -> Admit {
        match self.role {
            _ if self.scripting => Admit::Own,
            Role::Dedicated => Admit::Own,
            Role::Writer => Admit::Shared,
            Role::Reader => Admit::Reading,
        }
    }

    /// Returns one of this library's own statements, preparing it if necessary.
    pub(super) fn own_statement(&mut self, sql: &str) -> Result<&mut Statement> {
        if !self.controls.contains(sql) {
            let (raw, authorizer) = (self.raw, &self.authorizer);
            // SAFETY: the connection is open and this thread alone uses it.
            let (statement, _) =
                unsafe { Statement::prepare(raw, authorizer, Admit::Everything, sql) };
            self.controls.put(sql, statement?);
        }
        self.controls.get(sql).ok_or_else(|| Error::invalid("the prepared statement is missing"))
    }

    /// Returns a statement of the user's, preparing it if necessary.
    ///
    /// # Errors
    /// What compiling returns, and `InvalidArgument` for a statement that this connection does not
    /// accept.
    pub(super) fn statement(&mut self, sql: &str) -> Result<&mut Statement> {
        if !self.cache.contains(sql) {
            self.counters.compiled.add(1);
            let statement = self.compile(sql).0?;
            self.cache.put(sql, statement);
        }
        self.cache.get(sql).ok_or_else(|| Error::invalid("the prepared statement is missing"))
    }

    /// Returns the nature of a statement, and whether it only reads.
    ///
    /// # Errors
    /// As [`statement`](Self::statement).
    pub(crate) fn inspect(&mut self, sql: &str) -> Result<(Nature, bool)> {
        if !self.cache.contains(sql) {
            self.counters.compiled.add(1);
            let (statement, nature) = self.compile(sql);
            match statement {
                Ok(statement) => self.cache.put(sql, statement),
                Err(_) if nature.is_writers() => return Ok((nature, false)),
                Err(error) => return Err(error),
            }
        }
        let statement = self.statement(sql)?;
        Ok((statement.nature, statement.readonly))
    }

    fn compile(&mut self, sql: &str) -> (Result<Statement>, Nature) {
        let (compiled, nature) = self.compile_anew(sql);
        (compiled.map_err(|error| self.explain_compiling(error)), nature)
    }

    fn compile_anew(&mut self, sql: &str) -> (Result<Statement>, Nature) {
        let (mut statement, mut nature) = self.compile_once(sql);
        // SQLite may have seen another schema meanwhile. What is recorded must not be emptied in
        // one step.
        if self.learns_recorded() {
            (statement, nature) = self.compile_once(sql);
        }
        match statement {
            // What SQLite knows about the schema may be older than the file. For some errors it
            // checks again by itself, for others only when a statement runs.
            Err(error)
                if error.code() == Some(ffi::SQLITE_ERROR)
                    && self.control("SELECT 1 FROM sqlite_schema LIMIT 1").is_ok() =>
            {
                self.compile_once(sql)
            }
            compiled => (compiled, nature),
        }
    }

    /// Returns the error of a statement that does not compile, or of a newer program that has
    /// removed what it names.
    #[cold]
    fn explain_compiling(&mut self, error: Error) -> Error {
        self.confirm_recorded(false);
        self.refuse_older().err().unwrap_or(error)
    }

    fn compile_once(&mut self, sql: &str) -> (Result<Statement>, Nature) {
        let admit = self.admits();
        // SAFETY: the connection is open and this thread alone uses it.
        let (statement, nature) =
            unsafe { Statement::prepare(self.raw, &self.authorizer, admit, sql) };
        let statement = statement.and_then(|mut statement| {
            self.take_effect(&mut statement)?;
            if let Some(writes) = &statement.writes
                && self.writes_virtual(writes)
            {
                statement.set_slow(true);
            }
            if statement.nature.sweeps {
                statement.sweeps = opcodes::of(self, sql).is_ok_and(|found| found.sweeps);
            }
            if statement.nature.makes_trigger
                && opcodes::of(self, sql)?.temporary
                && !statement.nature.note_temporary(admit)
            {
                return Err(statement
                    .nature
                    .refused()
                    .unwrap_or_else(|| Error::closed("statement")));
            }
            Ok(statement)
        });
        (statement, nature)
    }

    /// Must be called for each statement compiled for the user: some have already taken effect, and
    /// some are carried out by this library itself.
    pub(super) fn take_effect(&mut self, statement: &mut Statement) -> Result<()> {
        let nature = statement.nature;
        self.marked |= nature.class == Class::Connection;
        if let Some(Instead::BusyTimeout(set)) = nature.instead {
            if let Some(milliseconds) = set {
                let milliseconds = u64::try_from(milliseconds).unwrap_or(0);
                self.set_busy_timeout(std::time::Duration::from_millis(milliseconds));
            }
            let sql = format!("SELECT {} AS timeout", self.busy_timeout.as_millis());
            // SAFETY: the connection is open and this thread alone uses it.
            let (result, _) =
                unsafe { Statement::prepare(self.raw, &self.authorizer, Admit::Everything, &sql) };
            *statement = result?;
            statement.nature = nature;
        }
        Ok(())
    }

    /// Whether all statements of the program only read.
    pub(crate) fn only_reads(&mut self, program: &Program<'_>) -> bool {
        program.access != crate::program::Access::Write
            && program.steps.iter().all(|step| matches!(self.inspect(&step.sql), Ok((_, true))))
    }

    /// Whether the program is a `ROLLBACK`, and not one to a savepoint.
    pub(crate) fn is_rollback(&mut self, program: &Program<'_>) -> bool {
        let [step] = program.steps.as_slice() else { return false };
        let script = step.extra.as_ref().is_some_and(|extra| extra.script);
        !script
            && self
                .inspect(&step.sql)
                .is_ok_and(|(nature, _)| nature.verb == Some(super::Verb::Rollback))
    }

    /// Whether the program may share a transaction with others: none of its statements needs a rule
    /// of its own. If a statement can't be compiled now, running it will show.
    pub(crate) fn is_shareable(&mut self, program: &Program<'_>) -> bool {
        program.steps.iter().all(|step| {
            let apart =
                step.extra.as_ref().is_some_and(|extra| extra.script || extra.apply.is_some());
            !apart
                && self.inspect(&step.sql).map_or(true, |(nature, _)| nature.class == Class::Plain)
        })
    }
}
