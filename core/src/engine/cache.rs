//! Prepared statements by their SQL text, limited in number and memory.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::statement::Statement;

/// The most bytes that one connection's statements keep: their texts, and what SQLite made of them.
/// A single statement that exceeds it is kept until the next one comes.
const MOST_BYTES: usize = 4 << 20;

/// The prepared statements of one connection. The one unused for longest makes room for a new one.
#[derive(Debug)]
pub(super) struct Cache {
    // A statement runs under at most one call at a time, so none is in use when another is looked
    // up.
    statements: HashMap<Box<str>, CacheEntry, FixedState>,
    capacity: usize,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct CacheEntry {
    statement: Statement,
    bytes: usize,
}

impl Cache {
    pub(super) fn new(capacity: usize) -> Self {
        // The minimum is one: the running statement lives here.
        Self { statements: HashMap::default(), capacity: capacity.max(1), bytes: 0, clock: 0 }
    }

    /// Returns the statement for this text, if it is prepared.
    #[inline]
    pub(super) fn get(&mut self, sql: &str) -> Option<&mut Statement> {
        let kept = self.statements.get_mut(sql)?;
        self.clock += 1;
        kept.statement.used = self.clock;
        Some(&mut kept.statement)
    }

    /// Whether the statement for this text is prepared.
    #[inline]
    pub(super) fn contains(&self, sql: &str) -> bool {
        self.statements.contains_key(sql)
    }

    /// Takes out a statement: for a cursor that outlives the call, or for good.
    pub(super) fn take(&mut self, sql: &str) -> Option<Statement> {
        let kept = self.statements.remove(sql)?;
        self.bytes -= kept.bytes;
        Some(kept.statement)
    }

    /// Stores a statement, or puts one back.
    pub(super) fn put(&mut self, sql: &str, mut statement: Statement) {
        self.clock += 1;
        statement.used = self.clock;
        let bytes = statement.memory() + sql.len();
        self.make_room(bytes);
        self.bytes += bytes;
        if let Some(before) = self.statements.insert(sql.into(), CacheEntry { statement, bytes }) {
            self.bytes -= before.bytes;
        }
    }

    fn make_room(&mut self, bytes: usize) {
        while self.statements.len() >= self.capacity
            || (self.bytes + bytes > MOST_BYTES && !self.statements.is_empty())
        {
            let oldest = self.statements.iter().min_by_key(|(_, kept)| kept.statement.used);
            let Some((sql, _)) = oldest else { return };
            let sql = sql.clone();
            self.take(&sql);
        }
    }

    pub(super) fn clear(&mut self) {
        self.statements.clear();
        self.bytes = 0;
    }
}
