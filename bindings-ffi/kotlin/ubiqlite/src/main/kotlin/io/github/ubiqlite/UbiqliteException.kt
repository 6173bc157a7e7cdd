package io.github.ubiqlite

import io.github.ubiqlite.internal.Fields

/**
 * What went wrong: a class for each [kind], and a message that says what to do about it.
 *
 * ```kotlin
 * try {
 *     db.table("users").insert("email" to email)
 * } catch (error: UbiqliteException.UniqueViolation) {
 *     println("${error.columns} is taken")
 * }
 * ```
 *
 * A coroutine that is cancelled gets a `CancellationException`, as everywhere; the kind
 * [ErrorKind.Cancelled] is of calls that [Database.interrupt] stopped, and of transactions
 * that can only be rolled back.
 */
public sealed class UbiqliteException
private constructor(fields: Fields, cause: Throwable?) : RuntimeException(fields.message, cause) {
    /** What went wrong. */
    public abstract val kind: ErrorKind

    /** SQLite's extended result code, where SQLite reported the error: see https://sqlite.org/rescode.html. */
    public val code: Int? = fields.code

    /** The table of a violated constraint, or the one that is missing. */
    public val table: String? = fields.table

    /** The columns of a violated constraint, or the one that is missing. */
    public val columns: List<String> = fields.columns

    /** Where in the SQL text the error was found, in UTF-8 bytes from its start. */
    public val offset: Int? = fields.offset

    /** Which item of a list failed, from 0: the row, the statement of a batch, the transfer. */
    public val index: Int? = fields.index

    /** The database file concerned. */
    public val path: String? = fields.path

    /** What all have whose change a constraint of the schema refused, for `when`. */
    public sealed interface Constraint

    /** A `UNIQUE` constraint or index refused the row. */
    public class UniqueViolation internal constructor(fields: Fields, cause: Throwable? = null) :
        UbiqliteException(fields, cause), Constraint {
        override val kind: ErrorKind get() = ErrorKind.UniqueViolation
    }

    /** A row with this primary key (or rowid) is there already. */
    public class PrimaryKeyViolation internal constructor(fields: Fields, cause: Throwable? = null) :
        UbiqliteException(fields, cause), Constraint {
        override val kind: ErrorKind get() = ErrorKind.PrimaryKeyViolation
    }

    /** A foreign key has no parent row, or a parent row still has children. */
    public class ForeignKeyViolation internal constructor(fields: Fields, cause: Throwable? = null) :
        UbiqliteException(fields, cause), Constraint {
        override val kind: ErrorKind get() = ErrorKind.ForeignKeyViolation
    }

    /** A `NOT NULL` column got no value. */
    public class NotNullViolation internal constructor(fields: Fields, cause: Throwable? = null) :
        UbiqliteException(fields, cause), Constraint {
        override val kind: ErrorKind get() = ErrorKind.NotNullViolation
    }

    /** A `CHECK` constraint refused the row. */
    public class CheckViolation internal constructor(fields: Fields, cause: Throwable? = null) :
        UbiqliteException(fields, cause), Constraint {
        override val kind: ErrorKind get() = ErrorKind.CheckViolation
    }

    /** A trigger refused the change by `RAISE`. */
    public class TriggerViolation internal constructor(fields: Fields, cause: Throwable? = null) :
        UbiqliteException(fields, cause), Constraint {
        override val kind: ErrorKind get() = ErrorKind.TriggerViolation
    }

    /** Another constraint: of a virtual table, a function or a commit hook. */
    public class ConstraintViolation internal constructor(fields: Fields, cause: Throwable? = null) :
        UbiqliteException(fields, cause), Constraint {
        override val kind: ErrorKind get() = ErrorKind.ConstraintViolation
    }

    /** The value has a type that the column, or the type asked for, can't take. */
    public class DatatypeMismatch internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.DatatypeMismatch
    }

    /** Somebody else holds the lock, or the connection, for longer than the timeout. Nothing was changed. */
    public class Busy internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.Busy
    }

    /** The database, or the connection, is read-only. */
    public class ReadOnly internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.ReadOnly
    }

    /** The disk is full. Nothing was changed. */
    public class DiskFull internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.DiskFull
    }

    /** The file is damaged. */
    public class Corrupt internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.Corrupt
    }

    /** The file is no SQLite database, or an encrypted one. */
    public class NotADatabase internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.NotADatabase
    }

    /** The file can't be opened: it is missing, a directory, or not permitted. */
    public class CannotOpen internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.CannotOpen
    }

    /** No table or view of this name. */
    public class NoSuchTable internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.NoSuchTable
    }

    /** No column of this name. */
    public class NoSuchColumn internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.NoSuchColumn
    }

    /** The SQL can't be compiled. */
    public class Syntax internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.Syntax
    }

    /** An argument can't be used; the message tells which. */
    public class InvalidArgument internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.InvalidArgument
    }

    /** What was asked for is not there: no row where one was demanded. */
    public class NotFound internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.NotFound
    }

    /** The value or the SQL is larger than SQLite's limit. */
    public class TooBig internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.TooBig
    }

    /** Memory ran out. */
    public class OutOfMemory internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.OutOfMemory
    }

    /** The statement was interrupted, or its transaction was given up. */
    public class Cancelled internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.Cancelled
    }

    /** The call's own time limit passed. Nothing was changed. */
    public class Timeout internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.Timeout
    }

    /** The database, session or transaction is closed. */
    public class Closed internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.Closed
    }

    /** This storage backend can't do it; the message names the capability. */
    public class Unsupported internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.Unsupported
    }

    /** Whether the change was committed can't be told. */
    public class OutcomeUnknown internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.OutcomeUnknown
    }

    /** The schema was changed under a running call, again and again. */
    public class SchemaChanged internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.SchemaChanged
    }

    /** An authorizer refused the statement. */
    public class NotAuthorized internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.NotAuthorized
    }

    /** The operating system reported an input or output error. */
    public class Io internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.Io
    }

    /** A defect: of SQLite, or of this library. */
    public class Internal internal constructor(fields: Fields, cause: Throwable? = null) : UbiqliteException(fields, cause) {
        override val kind: ErrorKind get() = ErrorKind.Internal
    }
}
