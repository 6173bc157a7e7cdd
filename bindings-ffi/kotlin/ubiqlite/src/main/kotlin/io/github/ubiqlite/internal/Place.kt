package io.github.ubiqlite.internal

import kotlin.time.Duration
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive

/** The target of calls: a link, and the object in the engine. */
internal class Place(
    @JvmField val link: Link,
    private val owner: Owner,
    /** Null: the database. */
    @JvmField val on: Held?,
    /** The time limit of each call in milliseconds; negative: none. */
    @JvmField val limit: Long,
) {
    /** Returns the same place with a time limit for every call. */
    fun limited(timeout: Duration): Place = Place(link, owner, on, millis(timeout))

    /** Returns the same place for an object that was lent. */
    fun within(held: Held): Place = Place(link, owner, held, limit)

    /** Makes a request and returns without waiting for its reply. */
    inline fun begin(op: Int, flags: Int = 0, write: (Writer) -> Unit = {}): Call {
        val held = on
        if (held != null && held.isOver) throw closed("the transaction, session, snapshot or stream is over")
        return link.begin(this, op, flags, held?.id ?: 0, write)
    }

    /** Makes a request and waits for its reply. A cancelled coroutine makes no request. */
    suspend inline fun ask(op: Int, write: (Writer) -> Unit = {}): Reply {
        currentCoroutineContext().ensureActive()
        val call = begin(op, 0, write)
        return call.reply ?: call.await()
    }

    /** Requests an object that the engine keeps for this client. */
    suspend inline fun lend(op: Int, write: (Writer) -> Unit = {}): Held = Held(ask(op, write).handle(), link, on)

    private companion object {
        /** The longest limit of the wire format, which is as good as none. */
        const val LONGEST = 0xFFFF_FFFFL

        fun millis(timeout: Duration): Long {
            if (timeout.isNegative()) throw invalid("a timeout is not negative")
            val millis = timeout.inWholeMilliseconds
            // Rounded up: a limit of less than a millisecond must not become zero.
            val whole = if (timeout.inWholeNanoseconds % 1_000_000 == 0L) millis else millis + 1
            return if (whole >= LONGEST) Link.NO_LIMIT else whole
        }
    }
}
