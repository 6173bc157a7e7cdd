package io.github.ubiqlite.internal

import io.github.ubiqlite.UbiqliteException
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CompletableDeferred

/**
 * Fetches the replies that did not come at once: one thread per client, which waits in
 * the native library, takes all that are ready and resumes the callers that wait for them.
 */
internal class Replies(private val number: Long, private val client: EngineClient) {
    /** Completes when no more replies come, and every call has an outcome. */
    val ended = CompletableDeferred<Unit>()

    fun start() {
        val thread = Thread(::run, "ubiqlite-replies-${started.incrementAndGet()}")
        thread.isDaemon = true
        thread.start()
    }

    private fun run() {
        try {
            var memory = Memory(ROOM)
            while (Raw.await(number, -1) != Raw.GONE) {
                memory = takeInto(memory) ?: break
            }
        } finally {
            // Without this thread (memory may run out) no call may wait for a reply.
            client.abandon()
            // The last calls may have been made after the last replies were taken.
            client.calls.takeAll({ true }) { it.complete(Reply.failed(closed("the database is closed"))) }
            ended.complete(Unit)
        }
    }

    /** Takes the replies that are ready, on any thread. */
    fun take() {
        takeInto(Memory(ROOM))
    }

    /** Returns the memory to continue with; null if no more replies come. */
    private fun takeInto(memory: Memory): Memory? {
        var room = memory
        while (true) {
            val length = Raw.take(number, room.address, room.size)
            when {
                length > 0 -> {
                    tell(room, length.toInt())
                    // The memory for large replies is not kept for small ones.
                    return if (room.size > LARGE) Memory(ROOM) else room
                }
                length == 0L -> return room
                length <= Raw.NEEDS_ROOM -> room = Memory(sizeFor(Raw.NEEDS_ROOM - length))
                else -> return null
            }
        }
    }

    private fun sizeFor(wanted: Long): Int = maxOf(wanted, minOf(2 * wanted, LARGE)).toInt()

    private fun tell(replies: Memory, length: Int) {
        var at = 0
        while (at < length) {
            val size = replies.u32(at)
            val id = replies.u32(at + 4)
            // Nobody waits for the reply to a call that was cancelled.
            if (replies.u8(at + 8) == Kind.TIMES) {
                client.calls.trace(id)?.told(replies, at)
            } else {
                client.calls.take(id)?.complete(reply(replies, at, size))
            }
            at += size
        }
    }

    private fun reply(replies: Memory, at: Int, size: Int): Reply = try {
        Reply(replies.copy(at, size), client.mapping)
    } catch (_: OutOfMemoryError) {
        Reply.failed(UbiqliteException.OutOfMemory(Fields("it is done, but its result of $size bytes does not fit into the heap; stream the rows")))
    }

    private companion object {
        const val ROOM = 256 * 1024
        const val LARGE = 4L * 1024 * 1024
        val started = AtomicInteger()
    }
}
