//! The statements of a DB-API connection: those that run, and those kept for the next
//! use.

use std::collections::HashMap;

use crate::ffi;

use super::statement::DbapiStatement;
use crate::error::{Error, Result};
use crate::sql::Params;

/// A statement that has more rows.
#[derive(Debug)]
pub(super) struct OpenCursor {
    pub(super) statement: DbapiStatement,
    pub(super) sql: String,
    /// Bound without copying: they live as long as the statement runs.
    pub(super) params: Params,
}

/// Prepared statements by their text. A running one is not among them, so two cursors with the same
/// text are two statements.
#[derive(Debug)]
pub(super) struct IdleStatements {
    idle: HashMap<String, DbapiStatement>,
    size: usize,
    clock: u64,
}

impl IdleStatements {
    pub(super) fn new(size: usize) -> Self {
        Self { idle: HashMap::new(), size, clock: 0 }
    }

    /// Whether the statement of this text is compiled.
    pub(super) fn has(&self, sql: &str) -> bool {
        self.idle.contains_key(sql)
    }

    /// Takes the statement of this text; none if the text has no statement.
    ///
    /// # Safety
    /// `db` is open and used by this thread alone; the statement is dropped before it
    /// closes.
    ///
    /// # Errors
    /// SQLite's; `InvalidArgument` for more than one statement.
    pub(super) unsafe fn take(
        &mut self,
        db: *mut ffi::sqlite3,
        sql: &str,
    ) -> Result<Option<DbapiStatement>> {
        if let Some(statement) = self.idle.remove(sql) {
            return Ok(Some(statement));
        }
        // SAFETY: by the contract.
        let (statement, rest) = unsafe { DbapiStatement::prepare(db, sql, self.size > 0)? };
        if !rest.is_empty() {
            return Err(Error::invalid("You can only execute one statement at a time."));
        }
        Ok(statement)
    }

    /// Keeps a statement that was reset.
    pub(super) fn keep(&mut self, sql: String, mut statement: DbapiStatement) {
        if self.size == 0 {
            return;
        }
        self.clock += 1;
        statement.used = self.clock;
        if self.idle.len() >= self.size && !self.idle.contains_key(&sql) {
            let oldest = self.idle.iter().min_by_key(|(_, statement)| statement.used);
            if let Some(oldest) = oldest.map(|(sql, _)| sql.clone()) {
                self.idle.remove(&oldest);
            }
        }
        self.idle.insert(sql, statement);
    }

    /// Ends them all.
    pub(super) fn clear(&mut self) {
        self.idle.clear();
    }
}
