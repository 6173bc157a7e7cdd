package io.github.ubiqlite.internal

import io.github.ubiqlite.Row
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.Update
import java.util.Collections
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/**
 * Watches a query by a request with this operation. The next result is requested when the
 * collector is done with the last: so none is queued, and a slow collector gets the newest.
 */
internal fun updates(target: CallTarget, op: Int, write: (Writer) -> Unit): Flow<Update<Row>> = flow {
    val watch = target.open(op, write)
    try {
        val results = Results()
        while (true) emit(results.follow(told(target.within(watch), results.number) { update() } ?: break))
    } finally {
        target.client.drop(watch, "watch")
    }
}

/** Watches this many queries, whose results are always of one moment. */
internal fun updatesOfAll(target: CallTarget, queries: Int, write: (Writer) -> Unit): Flow<List<Update<Row>>> = flow {
    val watch = target.open(Op.WATCH_ALL, write)
    try {
        val results = List(queries) { Results() }
        var number = 0
        while (true) {
            val deltas = told(target.within(watch), number) { updates() } ?: break
            if (deltas.size != results.size) throw defect("${deltas.size} results came of ${results.size} queries")
            number = deltas.first().number
            emit(Collections.unmodifiableList(results.zip(deltas, Results::follow)))
        }
    } finally {
        target.client.drop(watch, "watch")
    }
}

/** A result of a watch, as what differs from the one before. */
internal class Delta(
    val moment: Long,
    val number: Int,
    /** Whether it is all there is, and the result before is of no use. */
    val whole: Boolean,
    /** How many rows the result has. */
    val size: Int,
    /** For each run of rows: the position of the first in the result before, or [FRESH]; and how many they are. */
    val runs: IntArray,
    val added: IntArray,
    val removed: IntArray,
    val updated: IntArray,
    /** The rows that the result before does not have. */
    val fresh: Rows,
) {
    companion object {
        /** Instead of a position: the next of the fresh rows. */
        const val FRESH = -1
    }
}

/** Waits for what a watch tells next, after [number]; null: the database is closed. */
private suspend fun <T> told(target: CallTarget, number: Int, read: Reply.() -> T?): T? {
    val reply = target.ask(Op.NEXT) { it.u32(number) }
    return try {
        reply.read()
    } catch (closed: UbiqliteException.Closed) {
        // It was closed between two results. A watch that never had one was begun too late.
        if (number == 0) throw closed
        null
    }
}

/** The results of a query, of which each builds on the one before. One coroutine uses it. */
private class Results {
    private var rows: List<Row> = emptyList()

    /** The number of the last result; 0: there was none. */
    var number = 0
        private set

    fun follow(delta: Delta): Update<Row> {
        val now = now(delta)
        val added = if (delta.whole) IntArray(now.size) { it } else delta.added
        rows = now
        number = delta.number
        return Update(now, added.asList(), delta.removed.asList(), delta.updated.asList(), delta.moment)
    }

    /** Returns all rows. Those that were there before are the same objects. */
    private fun now(delta: Delta): List<Row> {
        val before = if (delta.whole) emptyList() else rows
        val now = ArrayList<Row>(delta.size)
        var used = 0
        for (run in delta.runs.indices step 2) {
            val from = delta.runs[run]
            val count = delta.runs[run + 1]
            val (source, start) = if (from == Delta.FRESH) delta.fresh to used else before to from
            if (start < 0 || count < 0 || start > source.size - count) {
                throw defect("a result does not follow the one before")
            }
            now.addAll(source.subList(start, start + count))
            if (from == Delta.FRESH) used += count
        }
        return Collections.unmodifiableList(now)
    }
}
