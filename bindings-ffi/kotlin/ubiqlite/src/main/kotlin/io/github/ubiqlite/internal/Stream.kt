package io.github.ubiqlite.internal

import io.github.ubiqlite.Row
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/** So many pages are asked for beyond the one that is being read. */
private const val AHEAD = 2

/** The rows of a query that is begun by a request of this operation. */
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
 * The pages of a running query, of which the next ones are asked for while one is read.
 * One coroutine uses it.
 */
private class Pages(place: Place, private val held: Held) {
    private val place = place.within(held)
    private val asked = ArrayDeque<Call>()

    init {
        repeat(AHEAD) { ask() }
    }

    /** The rows of the next page, or null at the end. */
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

    /** Ends the query, if it has not come to its end, and asks for nothing any more. */
    fun close() {
        place.link.drop(held, "stream")
        asked.forEach { place.link.calls.remove(it) }
        asked.clear()
    }

    private fun ask() {
        asked.addLast(place.begin(Op.NEXT) { it.u32(1) })
    }
}
