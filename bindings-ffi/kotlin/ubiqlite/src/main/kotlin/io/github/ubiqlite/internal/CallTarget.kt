package io.github.ubiqlite.internal

import kotlin.time.Duration
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive

/** The target of calls: a client, and the object in the engine. */
internal class CallTarget(
    @JvmField val client: EngineClient,
    private val owner: Owner,
    /** Null: the database. */
    @JvmField val on: RemoteHandle?,
    /** The time limit of each call in milliseconds; negative: none. */
    @JvmField val limit: Long,
) {
    /** Returns the same target with a time limit for every call. */
    fun limited(timeout: Duration): CallTarget = CallTarget(client, owner, on, limit(timeout))

    /** Returns the same target without a time limit. */
    fun unlimited(): CallTarget = CallTarget(client, owner, on, EngineClient.NO_LIMIT)

    /** Returns the same target for a handle. */
    fun within(handle: RemoteHandle): CallTarget = CallTarget(client, owner, handle, limit)

    /** Makes a request and returns without waiting for its reply. */
    inline fun begin(op: Int, flags: Int = 0, write: (Writer) -> Unit = {}): Call {
        val handle = on
        if (handle != null && handle.isOver) throw closed("the transaction, session, snapshot, stream or watch has ended")
        return client.begin(this, op, flags, handle?.id ?: 0, write)
    }

    /** Makes a request and waits for its reply. A cancelled coroutine makes no request. */
    suspend inline fun ask(op: Int, write: (Writer) -> Unit = {}): Reply {
        currentCoroutineContext().ensureActive()
        val call = begin(op, 0, write)
        return call.reply ?: call.await()
    }

    /** Requests an object that the engine keeps for this client. */
    suspend inline fun open(op: Int, write: (Writer) -> Unit = {}): RemoteHandle {
        currentCoroutineContext().ensureActive()
        val call = begin(op, 0, write)
        val reply = call.reply ?: call.await()
        return RemoteHandle(reply.handle(), client, on, call.trace)
    }

    private companion object {
        /** The longest limit of the wire format, which is as good as none. */
        const val LONGEST = 0xFFFF_FFFFL

        fun limit(timeout: Duration): Long = millis(timeout).let { if (it >= LONGEST) EngineClient.NO_LIMIT else it }
    }
}

/** Returns a time limit in milliseconds, at most [Long.MAX_VALUE]. Throws `InvalidArgument` for a negative one. */
internal fun millis(timeout: Duration): Long {
    if (timeout.isNegative()) throw invalid("a timeout must not be negative")
    val millis = timeout.inWholeMilliseconds
    // Rounded up: a limit of less than a millisecond must not become zero.
    return if (millis == Long.MAX_VALUE || timeout.inWholeNanoseconds % 1_000_000 == 0L) millis else millis + 1
}
