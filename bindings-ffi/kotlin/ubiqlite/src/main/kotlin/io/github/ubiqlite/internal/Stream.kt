package io.github.ubiqlite.internal

import io.github.ubiqlite.Row
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow

/** How many pages are requested beyond the one that is being read. */
private const val AHEAD = 2

/** Streams the rows of a query that a request with this operation begins. */
internal fun rows(target: CallTarget, op: Int, write: (Writer) -> Unit): Flow<Row> = flow {
    val pages = Pages(target, target.open(op, write))
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
private class Pages(target: CallTarget, private val handle: RemoteHandle) {
    private val target = target.within(handle)
    private val asked = ArrayDeque<Call>()

    init {
        repeat(AHEAD) { ask() }
    }

    /** Returns the rows of the next page, or null at the end. */
    suspend fun next(): List<Row>? {
        val reply = (asked.removeFirstOrNull() ?: return null).await()
        val rows = reply.rows()
        if (reply.ends) {
            handle.end()
            return null
        }
        ask()
        return rows
    }

    /** Ends the query, unless it has reached its end, and makes no more requests. */
    fun close() {
        target.client.drop(handle, "stream")
        asked.forEach { target.client.calls.remove(it) }
        asked.clear()
    }

    private fun ask() {
        asked.addLast(target.begin(Op.NEXT) { it.u32(1) })
    }
}
