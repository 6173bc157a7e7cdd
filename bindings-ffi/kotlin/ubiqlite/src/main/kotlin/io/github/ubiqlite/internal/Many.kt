package io.github.ubiqlite.internal

import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.takeWhile

/**
 * Sends rows as fast as the engine takes them, and returns how many were changed. They may
 * come from an endless source: only a few chunks are held. Exceptions of the source
 * propagate unchanged, and then nothing was done.
 */
internal suspend fun <R> sendMany(
    target: CallTarget,
    op: Int,
    head: (Writer) -> Unit,
    row: (Writer, R) -> Unit,
    rows: Iterator<R>,
): Long {
    val sender = Sender(target, op, head, row)
    return sender.run {
        while (rows.hasNext()) {
            if (!sender.add(rows.next())) break
        }
    }
}

/** Sends rows of a flow, as of an iterator. */
internal suspend fun <R> sendMany(
    target: CallTarget,
    op: Int,
    head: (Writer) -> Unit,
    row: (Writer, R) -> Unit,
    rows: Flow<R>,
): Long {
    val sender = Sender(target, op, head, row)
    return sender.run { rows.takeWhile { sender.add(it) }.collect() }
}

private class Sender<R>(
    private val target: CallTarget,
    private val op: Int,
    private val head: (Writer) -> Unit,
    private val row: (Writer, R) -> Unit,
) {
    private val chunk = Writer(mapping = target.client.mapping)
    private var count = 0
    private var index = 0
    private var call: Call? = null
    private val onTheWay = ArrayDeque<Call>()

    init {
        chunk.u32(0)
    }

    /** Runs the source to send all rows; if it throws, the call is cancelled. */
    suspend inline fun run(source: () -> Unit): Long {
        currentCoroutineContext().ensureActive()
        try {
            source()
            if (call?.isDone != true) send(false)
            return (call ?: throw defect("nothing was sent")).await().count()
        } catch (error: Throwable) {
            call?.takeIf { !it.isDone }?.cancel()
            throw error
        } finally {
            onTheWay.forEach { target.client.calls.remove(it) }
        }
    }

    /** Adds a row. Returns false if the call is over already; its reply says why. */
    suspend fun add(value: R): Boolean {
        if (count >= ROWS || chunk.length >= BYTES) send(true)
        if (call?.isDone == true) return false
        indexed(index) { row(chunk, value) }
        count += 1
        index += 1
        return true
    }

    /** Sends the chunk, and waits until there is room for another. */
    private suspend fun send(more: Boolean) {
        chunk.setU32(0, count)
        val flags = if (more) Flag.MORE else 0
        val first = call
        if (first == null) {
            call = target.begin(op, flags) {
                head(it)
                it.raw(chunk.bytes, chunk.length)
            }
        } else {
            onTheWay += target.client.begin(target, Op.MORE, flags, first.id) { it.raw(chunk.bytes, chunk.length) }
        }
        chunk.clear()
        chunk.u32(0)
        count = 0
        // Chunks of a call that is over get a reply, too.
        while (more && onTheWay.size >= AHEAD) onTheWay.removeFirst().await().credit()
    }

    private companion object {
        /** A chunk is sent when it has [ROWS] rows, or [BYTES] bytes. */
        const val ROWS = 1024
        const val BYTES = 1 shl 18

        /** How many chunks may be in flight. */
        const val AHEAD = 3
    }
}
