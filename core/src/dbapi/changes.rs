//! Statements that change something.

use crate::ffi;

use super::DbapiResult;
use super::connection::DbapiInner;
use super::statement::DbapiStatement;
use crate::engine::Stepped;
use crate::error::{Error, Result};
use crate::sql::Params;

impl DbapiInner {
    /// Begins a transaction for a statement that changes something.
    pub(super) fn begin(
        &mut self,
        begin: &str,
        statement: &mut DbapiStatement,
        sql: &str,
    ) -> Result<()> {
        self.control(begin)?;
        if self.learn_recorded(true)
            && let Some(anew) = self.take(sql)?
        {
            *statement = anew;
        }
        Ok(())
    }

    /// Runs a statement that changes something.
    pub(super) fn change<T>(
        &mut self,
        statement: &mut DbapiStatement,
        sql: &str,
        params: &Params,
        run: impl Fn(&mut DbapiStatement) -> Result<T>,
    ) -> Result<T> {
        loop {
            // SAFETY: the caller keeps the parameters until the statement is reset.
            unsafe { statement.bind(params, self.named_by_position)? };
            self.note_running(statement);
            let ran = run(statement);
            self.forget_running();
            let again = match ran {
                Err(error) if self.may_run_again(&error) => error,
                ran => {
                    let ran = ran?;
                    match self.check_recorded() {
                        Ok(()) => return Ok(ran),
                        // It has more rows, and is not committed yet.
                        Err(error) if self.is_unsure() && !self.in_transaction() => error,
                        Err(error) => return Err(error),
                    }
                }
            };
            // Its commit was or is refused, so nothing has happened yet. It repeats the error.
            let _ = statement.reset();
            self.learn_recorded(false);
            let anew = if self.knows_recorded() { self.take(sql)? } else { None };
            let Some(anew) = anew else { return Err(again) };
            *statement = anew;
        }
    }

    pub(super) fn execute_many(
        &mut self,
        cursor: u32,
        sql: String,
        each: &[Params],
        begin: Option<&'static str>,
    ) -> Result<DbapiResult> {
        self.reset(cursor)?;
        let Some(mut statement) = self.take(&sql)? else { return Ok(self.done()) };
        if !statement.readonly && self.learn_recorded(false) {
            let Some(anew) = self.take(&sql)? else { return Ok(self.done()) };
            statement = anew;
        }
        let done = self.each(&mut statement, &sql, each, begin);
        let reset = statement.reset();
        self.keep(sql, statement);
        let changed = Some(done?);
        reset?;
        Ok(DbapiResult { changed, ran: true, ..self.done() })
    }

    fn each(
        &mut self,
        statement: &mut DbapiStatement,
        sql: &str,
        each: &[Params],
        begin: Option<&'static str>,
    ) -> Result<u64> {
        if !statement.changes {
            return Err(Error::invalid("executemany() can only execute DML statements."));
        }
        if let Some(begin) = begin.filter(|_| !self.in_transaction()) {
            self.begin(begin, statement, sql)?;
        }
        let mut changed = 0;
        for params in each {
            self.change(statement, sql, params, run_to_end)?;
            // SAFETY: the connection is open.
            changed += unsafe { ffi::sqlite3_changes64(self.raw).cast_unsigned() };
            statement.reset()?;
        }
        Ok(changed)
    }
}

/// Runs a statement to its end, without its rows.
pub(super) fn run_to_end(statement: &mut DbapiStatement) -> Result<()> {
    while statement.step()? == Stepped::Row {}
    Ok(())
}
