package io.github.ubiqlite.internal

import io.github.ubiqlite.Row
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/** How many pages are requested beyond the one that is being read. */
private const val AHEAD = 2

/** Streams the rows of a query that a request with this operation begins. */
internal fun rows(place: Place, op: Int, write: (Writer) -> Unit): Flow<Row> = flow {
    val pages = Pages(place, place.lend(op, write))
    try {
        while (true) {
            val rows = pages.next() ?: break
            for (row in rows) emit(row)
        }
    } finally {
        pages.close()
    }
}

/**
 * The pages of a running query. The next ones are requested while one is read.
 * One coroutine uses it.
 */
private class Pages(place: Place, private val held: Held) {
    private val place = place.within(held)
    private val asked = ArrayDeque<Call>()

    init {
        repeat(AHEAD) { ask() }
    }

    /** Returns the rows of the next page, or null at the end. */
    suspend fun next(): List<Row>? {
        val reply = (asked.removeFirstOrNull() ?: return null).await()
        val rows = reply.rows()
        if (reply.ends) {
            held.end()
            return null
        }
        ask()
        return rows
    }

    /** Ends the query, unless it has reached its end, and makes no more requests. */
    fun close() {
        place.link.drop(held, "stream")
        asked.forEach { place.link.calls.remove(it) }
        asked.clear()
    }

    private fun ask() {
        asked.addLast(place.begin(Op.NEXT) { it.u32(1) })
    }
}
