//! How a transaction begins.

/// How a transaction begins, as in `BEGIN …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Begin {
    /// With the write lock, so that nothing later in it can fail as busy.
    #[default]
    Immediate,
    /// With no lock on the file: the first read or write takes it. A write after a read can
    /// fail as busy if somebody else has written in between. Begun from the database it still
    /// waits for its turn to write, as all transactions do; not so without threads (browsers),
    /// in WAL mode.
    Deferred,
    /// With the write lock, and in journal modes other than WAL without readers.
    Exclusive,
}
