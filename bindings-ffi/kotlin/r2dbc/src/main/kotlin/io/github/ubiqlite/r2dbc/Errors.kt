package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.ErrorKind
import io.github.ubiqlite.UbiqliteException
import io.r2dbc.spi.R2dbcBadGrammarException
import io.r2dbc.spi.R2dbcDataIntegrityViolationException
import io.r2dbc.spi.R2dbcException
import io.r2dbc.spi.R2dbcNonTransientResourceException
import io.r2dbc.spi.R2dbcPermissionDeniedException
import io.r2dbc.spi.R2dbcRollbackException
import io.r2dbc.spi.R2dbcTimeoutException
import io.r2dbc.spi.R2dbcTransientResourceException

/** `SQLITE_LOCKED`: another statement of this process is in the way. */
private const val LOCKED = 6

/** `SQLITE_BUSY_SNAPSHOT`: the data that a transaction has read is no longer the latest. */
private const val BUSY_SNAPSHOT = 517

private typealias Make = (String?, String?, Int, String?, Throwable?) -> R2dbcException

private val integrity: Make = ::R2dbcDataIntegrityViolationException
private val grammar: Make = ::R2dbcBadGrammarException
private val denied: Make = ::R2dbcPermissionDeniedException
private val timeout: Make = ::R2dbcTimeoutException
private val rollback: Make = ::R2dbcRollbackException
private val transient: Make = ::R2dbcTransientResourceException
private val resource: Make = ::R2dbcNonTransientResourceException

/**
 * Converts the error to R2DBC's: its error code is SQLite's extended result code (0 if
 * SQLite did not report it), and its SQLState is the standard's if there is one.
 */
internal fun r2dbc(error: UbiqliteException, sql: String?): R2dbcException {
    val (make, state) = kindOf(error)
    return make(error.message, state, error.code ?: 0, sql, error)
}

private fun kindOf(error: UbiqliteException): Pair<Make, String> = when (error.kind) {
    ErrorKind.UniqueViolation, ErrorKind.PrimaryKeyViolation -> integrity to "23505"
    ErrorKind.ForeignKeyViolation -> integrity to "23503"
    ErrorKind.NotNullViolation -> integrity to "23502"
    ErrorKind.CheckViolation -> integrity to "23514"
    ErrorKind.TriggerViolation, ErrorKind.ConstraintViolation -> integrity to "23000"
    ErrorKind.DatatypeMismatch -> integrity to "22000"
    ErrorKind.Busy -> busy(error.code ?: 0)
    ErrorKind.Timeout -> timeout to "HYT00"
    ErrorKind.Cancelled -> rollback to "40000"
    ErrorKind.ReadOnly -> denied to "25006"
    ErrorKind.NotAuthorized -> denied to "42501"
    ErrorKind.NoSuchTable -> grammar to "42S02"
    ErrorKind.NoSuchColumn -> grammar to "42S22"
    ErrorKind.Syntax, ErrorKind.InvalidArgument, ErrorKind.NotFound -> grammar to "42000"
    ErrorKind.Unsupported -> grammar to "0A000"
    ErrorKind.SchemaChanged -> transient to "40001"
    ErrorKind.SchemaTooNew -> resource to "55000"
    ErrorKind.OutOfMemory -> transient to "53200"
    ErrorKind.TooBig -> resource to "54000"
    ErrorKind.DiskFull -> resource to "53100"
    ErrorKind.CannotOpen -> resource to "08001"
    ErrorKind.Closed -> resource to "08003"
    ErrorKind.OutcomeUnknown -> resource to "08007"
    ErrorKind.Io -> resource to "58030"
    ErrorKind.Corrupt, ErrorKind.NotADatabase, ErrorKind.Internal -> resource to "XX000"
}

private fun busy(code: Int): Pair<Make, String> = when {
    code == BUSY_SNAPSHOT -> rollback to "40001"
    code and 0xff == LOCKED -> transient to "55P03"
    // A wait for another connection of this process has no code from SQLite.
    else -> timeout to "HYT00"
}

/** Runs [work], and converts its errors to R2DBC's. */
internal inline fun <T> told(sql: String?, work: () -> T): T = try {
    work()
} catch (error: UbiqliteException) {
    throw r2dbc(error, sql)
}

/** Returns the error of a call on a closed connection. */
internal fun closed(): R2dbcException =
    R2dbcNonTransientResourceException("the connection is closed; take another one from the connection factory", "08003")
