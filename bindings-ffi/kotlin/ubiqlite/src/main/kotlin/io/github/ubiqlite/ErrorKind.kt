package io.github.ubiqlite

/** What went wrong, told from SQLite's extended result code wherever one exists. The list is closed. */
public enum class ErrorKind {
    /** A `UNIQUE` constraint or index refused the row. */
    UniqueViolation,

    /** A row with this primary key (or rowid) is there already. */
    PrimaryKeyViolation,

    /** A foreign key has no parent row, or a parent row still has children. */
    ForeignKeyViolation,

    /** A `NOT NULL` column got no value. */
    NotNullViolation,

    /** A `CHECK` constraint refused the row. */
    CheckViolation,

    /** A trigger refused the change by `RAISE`. */
    TriggerViolation,

    /** Another constraint: of a virtual table, a function or a commit hook. */
    ConstraintViolation,

    /** The value has a type that the column, or the type asked for, can't take. */
    DatatypeMismatch,

    /** Somebody else holds the lock, or the connection, for longer than the timeout. Nothing was changed. */
    Busy,

    /** The database, or the connection, is read-only. */
    ReadOnly,

    /** The disk is full. Nothing was changed. */
    DiskFull,

    /** The file is damaged. */
    Corrupt,

    /** The file is no SQLite database, or an encrypted one. */
    NotADatabase,

    /** The file can't be opened: it is missing, a directory, or not permitted. */
    CannotOpen,

    /** No table or view of this name. */
    NoSuchTable,

    /** No column of this name. */
    NoSuchColumn,

    /** The SQL can't be compiled. */
    Syntax,

    /** An argument can't be used; the message tells which. */
    InvalidArgument,

    /** What was asked for is not there: no row where one was demanded. */
    NotFound,

    /** The value or the SQL is larger than SQLite's limit. */
    TooBig,

    /** Memory ran out. */
    OutOfMemory,

    /** The statement was interrupted, or its transaction was given up. */
    Cancelled,

    /** The call's own time limit passed. Nothing was changed. */
    Timeout,

    /** The database, session or transaction is closed. */
    Closed,

    /** This storage backend can't do it; the message names the capability. */
    Unsupported,

    /** Whether the change was committed can't be told. */
    OutcomeUnknown,

    /** The schema was changed under a running call, again and again. */
    SchemaChanged,

    /** An authorizer refused the statement. */
    NotAuthorized,

    /** The operating system reported an input or output error. */
    Io,

    /** A defect: of SQLite, or of this library. */
    Internal,
}
