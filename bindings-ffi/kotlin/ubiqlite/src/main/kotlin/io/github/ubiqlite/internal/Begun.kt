package io.github.ubiqlite.internal

import java.lang.ref.Reference
import kotlin.coroutines.resumeWithException
import kotlinx.coroutines.suspendCancellableCoroutine

/** Openings and closings in progress, for which a thread of [Program] waits. */
internal object Begun {
    /** Opens a database and returns its client. Cancelling the coroutine cancels the opening. */
    suspend fun open(path: String, options: String): Long {
        val number = begin(path, options)
        return suspendCancellableCoroutine { waiting ->
            // This wakes the wait below.
            waiting.invokeOnCancellation { Raw.forget(number) }
            Program.run {
                val opened = runCatching {
                    settle(number)
                    Raw.opened(number)
                }
                Raw.forget(number)
                opened.fold(
                    { client -> waiting.resume(client) { _, unwanted, _ -> Raw.release(unwanted) } },
                    waiting::resumeWithException,
                )
            }
        }
    }

    private fun begin(path: String, options: String): Long {
        Library.load()
        val where = Memory(written(path))
        val how = Memory(options.toByteArray())
        val number = try {
            Raw.open(where.address, where.size, how.address, how.size)
        } finally {
            // The native code has only addresses.
            Reference.reachabilityFence(where)
            Reference.reachabilityFence(how)
        }
        if (number == 0L) throw defect("the native library did not open a database")
        return number
    }

    private fun written(path: String): ByteArray = try {
        path.encodeToByteArray(throwOnInvalidSequence = true)
    } catch (error: CharacterCodingException) {
        throw invalid("the path contains half of a surrogate pair, which no file name can contain", error)
    }

    /** Waits until it is over. Throws its error if it failed; one that was released, or never begun, is over. */
    fun settle(number: Long) {
        var room = Memory(ROOM)
        while (true) {
            val length = Raw.settle(number, room.address, room.size)
            when {
                length > 0 -> throw Fields.read(String(room.copy(0, length.toInt()))).exception()
                length <= Raw.NEEDS_ROOM -> room = Memory((Raw.NEEDS_ROOM - length).toInt())
                else -> return
            }
        }
    }

    private const val ROOM = 4096
}
