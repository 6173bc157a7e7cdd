//! Prepared statements by their SQL text.

use crate::ffi;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::statement::Statement;
use crate::error::Result;

/// The prepared statements of one connection; the one unused for longest makes
/// room for a new one.
#[derive(Debug)]
pub(super) struct Cache {
    // A statement runs under at most one call at a time, so none is in use when
    // another is looked up.
    statements: HashMap<Box<str>, Statement, FixedState>,
    capacity: usize,
    clock: u64,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        // The least is one: the statement that runs lives here.
        Self { statements: HashMap::default(), capacity: capacity.max(1), clock: 0 }
    }

    /// The statement of this text, if it is prepared.
    #[inline]
    pub(super) fn get(&mut self, sql: &str) -> Option<&mut Statement> {
        let statement = self.statements.get_mut(sql)?;
        self.clock += 1;
        statement.used = self.clock;
        Some(statement)
    }

    /// Whether the statement of this text is prepared.
    #[inline]
    pub(super) fn contains(&self, sql: &str) -> bool {
        self.statements.contains_key(sql)
    }

    /// The statement of this text, prepared if need be.
    ///
    /// # Safety
    /// `db` is the connection of this cache: open, and used by this thread alone.
    #[inline]
    pub(super) unsafe fn prepare(
        &mut self,
        db: *mut ffi::sqlite3,
        sql: &str,
    ) -> Result<&mut Statement> {
        // Looked up twice, since a reference from `get` can't be returned and
        // the map changed on the other path.
        if !self.contains(sql) {
            // SAFETY: by this function's contract.
            let statement = unsafe { Statement::prepare(db, sql, true)? };
            self.make_room();
            self.statements.insert(sql.into(), statement);
        }
        self.get(sql).ok_or_else(|| crate::Error::invalid("the statement is not there"))
    }

    /// Takes a statement out, for a cursor that outlives the call.
    pub(super) fn take(&mut self, sql: &str) -> Option<Statement> {
        self.statements.remove(sql)
    }

    /// Puts a statement back.
    pub(super) fn put(&mut self, sql: &str, mut statement: Statement) {
        self.clock += 1;
        statement.used = self.clock;
        self.make_room();
        self.statements.insert(sql.into(), statement);
    }

    fn make_room(&mut self) {
        while self.statements.len() >= self.capacity {
            let oldest = self.statements.iter().min_by_key(|(_, statement)| statement.used);
            let Some((sql, _)) = oldest else { return };
            let sql = sql.clone();
            self.statements.remove(&sql);
        }
    }

    pub(super) fn clear(&mut self) {
        self.statements.clear();
    }
}
