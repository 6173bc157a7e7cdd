//! Prepared statements by their SQL text, limited in number and memory.

use std::ops::DerefMut;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// The most bytes that one connection's statements keep: their texts, and what SQLite made of them.
/// A single statement that exceeds it is kept until the next one comes.
const MOST_BYTES: usize = 4 << 20;

/// What a cache asks of the statements that it keeps.
pub(crate) trait Cached {
    /// Returns roughly how many bytes SQLite keeps for it.
    fn memory(&mut self) -> usize;
}

/// The prepared statements of one connection. The one unused for longest makes room for a new one.
#[derive(Debug)]
pub(crate) struct StatementCache<S> {
    statements: HashMap<Box<str>, CacheEntry<S>, FixedState>,
    capacity: usize,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct CacheEntry<S> {
    statement: S,
    bytes: usize,
    used: u64,
}

impl<S: DerefMut<Target: Cached + Sized>> StatementCache<S> {
    pub(crate) fn new(capacity: usize) -> Self {
        // The minimum is one: the running statement may live here.
        Self { statements: HashMap::default(), capacity: capacity.max(1), bytes: 0, clock: 0 }
    }

    /// Returns the statement for this text, if it is prepared.
    #[inline]
    pub(crate) fn get(&mut self, sql: &str) -> Option<&mut S> {
        let entry = self.statements.get_mut(sql)?;
        self.clock += 1;
        entry.used = self.clock;
        Some(&mut entry.statement)
    }

    /// Whether the statement for this text is prepared.
    #[inline]
    pub(crate) fn contains(&self, sql: &str) -> bool {
        self.statements.contains_key(sql)
    }

    /// Takes out a statement: for a cursor that outlives the call, or for good.
    pub(crate) fn take(&mut self, sql: &str) -> Option<S> {
        let entry = self.statements.remove(sql)?;
        self.bytes -= entry.bytes;
        Some(entry.statement)
    }

    /// Stores a statement, or puts one back.
    pub(crate) fn put(&mut self, sql: impl Into<Box<str>>, mut statement: S) {
        self.clock += 1;
        let (sql, used) = (sql.into(), self.clock);
        let bytes = statement.memory() + sql.len();
        // One with the same text makes room by itself.
        drop(self.take(&sql));
        self.make_room(bytes);
        self.bytes += bytes;
        self.statements.insert(sql, CacheEntry { statement, bytes, used });
    }

    fn make_room(&mut self, bytes: usize) {
        while self.statements.len() >= self.capacity
            || (self.bytes + bytes > MOST_BYTES && !self.statements.is_empty())
        {
            let oldest = self.statements.iter().min_by_key(|(_, entry)| entry.used);
            let Some((sql, _)) = oldest else { return };
            let sql = sql.clone();
            self.take(&sql);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.statements.clear();
        self.bytes = 0;
    }
}
