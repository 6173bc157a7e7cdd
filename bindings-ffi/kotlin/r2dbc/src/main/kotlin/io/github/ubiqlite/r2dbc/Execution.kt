package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.r2dbc.sql.Action
import io.github.ubiqlite.r2dbc.sql.Part
import io.r2dbc.spi.R2dbcException
import io.r2dbc.spi.Result
import kotlinx.coroutines.CancellationException
import org.reactivestreams.Publisher

/**
 * Publishes the results of statements, which run one after another with each of [all] values.
 *
 * A statement that writes has run when its result is available, consumed or not; its error
 * is the publisher's. The last `SELECT` runs when its result is consumed, so that its rows
 * are read on demand; its error is the result's. A `SELECT` followed by other statements is
 * read to its end before they run, so that it does not see what they do.
 */
internal fun executed(connection: UbiqliteConnection, parts: List<Part>, all: List<Array<Any?>>): Publisher<Result> {
    // The common case: there is nothing to wait for.
    val only = parts.singleOrNull()
    if (only?.action == Action.SELECT && all.size == 1) {
        return ready { UbiqliteResult(Asked(connection, only, all[0])) }
    }
    return publish {
        if (only?.action == Action.WRITE && all.size > 1) {
            val each = all.map { valuesOf(only, it) }
            val counts = told(only.sql) { connection.scope().batch(only, each) }
            for (count in counts) emit(UbiqliteResult(Ran(only, emptyList(), count)))
            return@publish
        }
        var left = all.size * parts.size
        for (values in all) {
            for (part in parts) {
                left -= 1
                val segments = when {
                    part.action == Action.SELECT && left == 0 -> Asked(connection, part, values)
                    else -> told(part.sql) { ran(connection.scope(), part, valuesOf(part, values)) }
                }
                emit(UbiqliteResult(segments))
            }
        }
    }
}

private suspend fun ran(scope: Scope, part: Part, values: Array<Any?>): Segments = when (part.action) {
    Action.SELECT, Action.ASK -> Ran(part, scope.rows(part, values), null)
    Action.WRITE_ROWS -> scope.rows(part, values).let { Ran(part, it, it.size.toLong()) }
    Action.WRITE, Action.OTHER -> Ran(part, emptyList(), scope.execute(part, values))
}

/** Returns the values of one statement of a text, after reading those that need it. */
private suspend fun valuesOf(part: Part, values: Array<Any?>): Array<Any?> {
    // The values of a text with one statement are that statement's, in order.
    if (part.isWhole && values.none(::isLarge)) return values
    val mine = arrayOfNulls<Any>(part.places.size)
    for (index in mine.indices) {
        val value = values[part.places[index]]
        mine[index] = if (isLarge(value)) read(value) else value
    }
    return mine
}

/** The rows of a `SELECT`, which runs when they are requested. */
private class Asked(
    private val connection: UbiqliteConnection,
    private val part: Part,
    /** The values of its whole text. */
    private val values: Array<Any?>,
) : Segments {
    override suspend fun each(take: suspend (Result.Segment) -> Unit) {
        var taking = false
        try {
            connection.scope().select(part, valuesOf(part, values)) { row ->
                taking = true
                take(UbiqliteRow(row, part.names(row.columns)))
                taking = false
            }
        } catch (error: Throwable) {
            // An exception thrown by the receiver of the rows is passed on unchanged.
            if (taking || error is CancellationException) throw error
            take(Failure(error as? R2dbcException ?: r2dbc(error as? UbiqliteException ?: throw error, part.sql)))
        }
    }
}
