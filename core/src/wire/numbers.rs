//! The numbers of the wire format. `cargo xtask generate` makes those of the other languages from
//! these.

/// Operations of requests; `request.rs` has their payloads.
pub mod op {
    /// Runs a statement for its changes.
    pub const EXECUTE: u8 = 1;
    /// Runs a statement for all its rows.
    pub const QUERY: u8 = 2;
    /// Runs a statement for its first row, which must be there.
    pub const QUERY_ONE: u8 = 3;
    /// Runs a statement for its first row, if there is one.
    pub const QUERY_OPTIONAL: u8 = 4;
    /// Runs a statement for the first value of its first row.
    pub const QUERY_VALUE: u8 = 5;
    /// Runs a statement once for each row of parameters.
    pub const EXECUTE_MANY: u8 = 6;
    /// Runs statements in one transaction.
    pub const BATCH: u8 = 7;
    /// Starts a query that is read page by page.
    pub const STREAM: u8 = 8;
    /// Fetches the next rows of a stream, the next result of a watch, the next event of a commit
    /// feed, the next batch of an outbox, or what is new of a copy.
    pub const NEXT: u8 = 9;
    /// Sends more rows for an operation on many.
    pub const MORE: u8 = 10;
    /// Asks what the backend can do.
    pub const CAPABILITIES: u8 = 11;
    /// Interrupts what is running.
    pub const INTERRUPT: u8 = 12;
    /// Runs a statement for everything: columns, rows, changes.
    pub const RUN: u8 = 13;
    /// Watches a query. [`NEXT`] fetches its results.
    pub const WATCH: u8 = 14;
    /// Tells watches that tables may have changed.
    pub const TOUCH: u8 = 15;
    /// Begins a commit feed: of these tables, or with an empty list of all. [`NEXT`], with the number
    /// of the last event that the client has, or 0, fetches an event as rows of one column: its
    /// number; its moment; the sum of 1 if anything may have changed, 2 if the schema may have and
    /// 4 if others have committed; and for each table its name, the number of its key's columns, or 0
    /// if the rows are not known, the number of rows, and for each row 0 if it is new, 1 if it has
    /// changed and 2 if it is gone, and its key.
    pub const COMMITS: u8 = 16;
    /// Records the changes of tables, and makes an outbox: [`NEXT`] fetches its batches. The
    /// [module](super) has the payloads of this and the next two.
    pub const OUTBOX: u8 = 17;
    /// Removes a batch and all before it from the outbox.
    pub const ACK: u8 = 18;
    /// Applies a change set.
    pub const APPLY: u8 = 19;
    /// Begins a transaction.
    pub const BEGIN: u8 = 20;
    /// Commits a transaction, or releases a savepoint.
    pub const COMMIT: u8 = 21;
    /// Rolls back a transaction or savepoint.
    pub const ROLLBACK: u8 = 22;
    /// Begins a savepoint.
    pub const SAVEPOINT: u8 = 23;
    /// Releases a savepoint.
    pub const RELEASE: u8 = 24;
    /// Begins a snapshot.
    pub const SNAPSHOT: u8 = 25;
    /// Acquires a session.
    pub const ACQUIRE: u8 = 26;
    /// Drops something that the server keeps; it has no reply.
    pub const DROP: u8 = 27;
    /// Cancels a request; neither has a reply. What the request made is dropped.
    pub const CANCEL: u8 = 28;
    /// Withdraws a request, which still reports its outcome: it stops if it can, or never begins,
    /// and its reply is `Cancelled` only if nothing of it happened. If it would end a transaction
    /// or savepoint and has not begun, it becomes a rollback.
    pub const WITHDRAW: u8 = 29;
    /// Inserts a record.
    pub const INSERT: u8 = 30;
    /// Inserts a record or updates the one that is there.
    pub const UPSERT: u8 = 31;
    /// Inserts many records.
    pub const INSERT_MANY: u8 = 32;
    /// Gets the row of a key.
    pub const GET: u8 = 33;
    /// Updates the row of a key.
    pub const UPDATE: u8 = 34;
    /// Updates the rows of some keys.
    pub const UPDATE_MANY: u8 = 35;
    /// Deletes the row of a key.
    pub const DELETE: u8 = 36;
    /// Gets all rows of a selection.
    pub const SELECT: u8 = 37;
    /// Gets the first row of a selection.
    pub const SELECT_FIRST: u8 = 38;
    /// Counts the rows of a selection.
    pub const SELECT_COUNT: u8 = 39;
    /// Streams a selection, page by page.
    pub const SELECT_STREAM: u8 = 40;
    /// Streams a table, page by page.
    pub const TABLE_STREAM: u8 = 41;
    /// Moves amounts from rows to rows.
    pub const TRANSFER: u8 = 42;
    /// Watches a selection.
    pub const SELECT_WATCH: u8 = 43;
    /// Makes an outbox of the tables that are recorded already, for a client whose engine is gone:
    /// others may have named other tables since.
    pub const OUTBOX_AGAIN: u8 = 44;
    /// Watches several queries: how many (4 bytes), and each statement with the columns of its key,
    /// as [`WATCH`] has them. [`NEXT`] fetches their results, which are always of one moment.
    pub const WATCH_ALL: u8 = 45;
    /// Checks the whole database. The reply has rows of one column, five for each thing that is wrong:
    /// its kind (`content` or `foreign_key`), the table, the rowid, the table that a foreign key refers
    /// to, and SQLite's message or the key's columns.
    pub const CHECK: u8 = 46;
    /// Reads what is to be known of migrations: 0 what is to be done, 1 what is applied, 2 how the
    /// schema differs from what they have left, 3 how it differs after all were undone and applied
    /// again, in a database in memory. `core/src/wire/migrations.rs` has the payloads.
    pub const MIGRATIONS: u8 = 47;
    /// Carries out migrations: 0 all, 1 all in a transaction that is rolled back, 2 those up to a
    /// number. 3 carries out none: a client that comes from an engine that is gone says what it knows.
    pub const MIGRATE: u8 = 48;
    /// Copies the database into a file: whether it replaces the file that is there, whether it is
    /// made without unused space (1 byte each), and the path. It makes a handle, and begins with the first [`NEXT`] on it (with any 4 bytes), whose reply is
    /// rows of one column, the pages that are copied and all pages, whenever that has changed; it
    /// ends once the copy is complete. Dropping the handle ends the copy, and removes it.
    pub const BACKUP: u8 = 49;
    /// Copies the database as bytes: whether without unused space (1 byte). It makes a handle, on
    /// which each [`NEXT`] (with any 4 bytes) fetches one blob, until the copy is complete.
    pub const BACKUP_STREAM: u8 = 50;
    /// Replaces the content of the database: 0 (1 byte) and the path of a file, or 1 and the bytes
    /// of one.
    pub const RESTORE: u8 = 51;
    /// Asks for statistics. The reply has rows of one column, two for each number: its name, and the
    /// number or null. Those whose names end in `_ns` are durations in nanoseconds; those with one
    /// word before a dot belong together.
    pub const STATS: u8 = 52;
    /// Writes what can be read of a damaged database into a new file: the path of the damaged one, or
    /// an empty text for this database's own, and the path of the new one. The reply has rows of one
    /// column: how many rows are of no known table, and then the name of each table and how many rows
    /// it has.
    pub const RECOVER: u8 = 56;
    /// Keeps a replica up to date: its place, which is 0 (1 byte) and the path of a folder, or 1 and
    /// the number of a handle from [`STORAGE`] (4 bytes); and five numbers of 8 bytes, each negative
    /// for its default: the interval in milliseconds, the memory in bytes, after how many milliseconds
    /// all pages are stored again (0: never), for how many everything is kept (0: for ever), and for
    /// how many closing stores the rest. It makes a handle, on which [`NEXT`] asks by 4 bytes: 0 how
    /// far it is, 1 the same once all is stored that was committed before, 2 the same once that has
    /// ended. The reply has rows of one column, nine: the last transaction that is stored; its time, in
    /// milliseconds since 1970, or null; how many are not; the bytes that wait; how often all pages
    /// were stored; the last transaction for which they were, and why, or nulls; why nothing could be
    /// stored when that was tried last, or null; 1 if it has ended. Dropping the handle does not end
    /// the replica.
    pub const REPLICATE: u8 = 54;
    /// Restores a moment of a replica into a new file: its place, as [`REPLICATE`] has it; 0 for the
    /// newest, 1 for a transaction, 2 for a time in milliseconds since 1970 (1 byte); the number of
    /// that, or 0 (8 bytes); and the path of the file. The reply is the number of its last transaction.
    pub const REPLICA_RESTORE: u8 = 55;
    /// Makes a handle for a storage that the client has, as the place of one replica or one restored
    /// database. [`NEXT`] on it (with any 4 bytes) fetches the next task, once there is one, as rows of
    /// one column: its number; what is to be done, 0 store a file, 1 list the names of all files, 2 read
    /// a file, 3 remove a file; and the name of that, or null. It ends when the storage is needed no
    /// more. Dropping the handle ends the replica, or what is being restored.
    pub const STORAGE: u8 = 57;
    /// Says what became of a task, on the handle of [`STORAGE`]: the number of the task (8 bytes), and
    /// (1 byte) 0 it is done; 1 the next bytes of the file that is stored are wanted, of which the reply
    /// has one row with a blob, or none after the last, or is `Closed` if they are there no more; 2
    /// the names (4 bytes: how many, and each); 3 bytes of the file that is read, one reply after
    /// another, [`PIECE`](super::limit::PIECE) at most, each of which says whether more are wanted; 4 that was all of it; 5 there is no file of
    /// that name; 6 it failed, and a text that says why.
    pub const STORED: u8 = 58;
}

/// Operations that are no calls of their own: parts of others, waits for what others do, and those
/// without a reply. Clients tell nobody of them who traces calls, and so want no times of them; of
/// [`NEXT`](op::NEXT) they do for a stream, which is one call.
pub const UNTRACED: &[u8] = &[
    op::NEXT,
    op::MORE,
    op::CAPABILITIES,
    op::INTERRUPT,
    op::WATCH,
    op::WATCH_ALL,
    op::SELECT_WATCH,
    op::TOUCH,
    op::COMMITS,
    op::OUTBOX,
    op::OUTBOX_AGAIN,
    op::ACK,
    op::DROP,
    op::CANCEL,
    op::WITHDRAW,
    op::STORAGE,
    op::STORED,
];

/// Limits.
pub mod limit {
    /// How many bytes of a file are sent at once, to a client's storage or by it.
    pub const PIECE: u32 = 262_144;
}

/// Flags of requests.
pub mod request {
    /// It has a timeout.
    pub const TIMEOUT: u8 = 1;
    /// More rows follow, by [`MORE`](super::op::MORE).
    pub const MORE: u8 = 2;
    /// Others of this client are writing too: a write waits for them and shares their commit,
    /// instead of running within the call.
    pub const QUEUED: u8 = 4;
    /// It runs only if it changes nothing, as the compiled statement shows; otherwise it does not
    /// run, and its error is `OutcomeUnknown`. For a request that an engine may have run before it
    /// was lost, and for one that may be cancelled at any moment.
    pub const READS: u8 = 8;
    /// Before its result it has a reply of the kind [`TIMES`](super::kind::TIMES), unless it never
    /// began. For the next rows of a stream that was begun with this flag, the times are those of
    /// the stream so far.
    pub const TIMED: u8 = 16;
}

/// Kinds of replies.
pub mod kind {
    /// It was done.
    pub const DONE: u8 = 0;
    /// It failed.
    pub const ERROR: u8 = 1;
    /// What a statement changed.
    pub const EXECUTED: u8 = 2;
    /// What each statement changed.
    pub const EXECUTED_LIST: u8 = 3;
    /// How many rows.
    pub const COUNT: u8 = 4;
    /// Whether there was one.
    pub const BOOL: u8 = 5;
    /// The key of a record.
    pub const KEY: u8 = 6;
    /// Rows, in pages.
    pub const ROWS: u8 = 7;
    /// The request's number names what it made.
    pub const HANDLE: u8 = 8;
    /// More rows may be sent.
    pub const CREDIT: u8 = 9;
    /// Bits: what the backend can do.
    pub const BITS: u8 = 10;
    /// Everything about a statement: rows changed and last rowid (8 bytes each), the
    /// length of a list (4 bytes, then 4 of zero), the list in JSON of each column's
    /// name and declared type or null, and then what [`ROWS`] has.
    pub const RAN: u8 = 11;
    /// A result of a watch, as what differs from the one before: the commits it contains (8 bytes);
    /// its number; how many rows it has; how many runs of rows; how many of them are new, gone and
    /// different (4 bytes each, as all that follows). Then each run: the position of its first row
    /// in the result before, or 2^32 - 1 for rows that are new in this one, and how many rows. Then
    /// the positions of rows that are new and different in this result, and gone from the one
    /// before: new, gone, different. Then zeros up to a multiple of 8, and what [`ROWS`] has: the
    /// rows of runs that are new.
    pub const UPDATE: u8 = 12;
    /// Results of a watch of several queries: for each a whole reply of the kind [`UPDATE`], in their
    /// order, all with one number.
    pub const UPDATES: u8 = 13;
    /// How long a request that is [`TIMED`](super::request::TIMED) has waited and has run, in
    /// nanoseconds (8 bytes each), and what it is in a few words, as `SELECT items`: as many bytes
    /// as the extra word says. Then zeros up to a multiple of 8; how many rows it has returned, of a
    /// stream so far, and how many it has changed (8 bytes each; -1: that does not apply). Its
    /// result follows.
    pub const TIMES: u8 = 14;
}

/// Flags of replies.
pub mod reply {
    /// The stream is over, and its handle is gone.
    pub const END: u8 = 1;
    /// The client must forget all column names sent before.
    pub const FORGET: u8 = 2;
    /// The result is whole: the client forgets the one before.
    pub const WHOLE: u8 = 8;
    /// These are the first rows of a query that is still running. The last reply with its number
    /// has the rest, without this flag; or it is an error, and these count for nothing.
    pub const CONTINUES: u8 = 4;
}

/// Cells of a page.
pub mod cell {
    pub use crate::row::tag::{BLOB, INTEGER, NULL, REAL, TEXT};

    /// Bytes of a cell.
    pub const SIZE: usize = crate::row::CELL;

    /// A text whose bytes are all ASCII, in a page that is not ASCII as a whole. Pages of the core
    /// do not mark it.
    pub const ASCII: u32 = 5;
}
