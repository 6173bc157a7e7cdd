package io.github.ubiqlite.internal

import java.util.concurrent.atomic.AtomicReference
import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.suspendCancellableCoroutine

/**
 * A request under way. Its value is what has become of it: nothing yet, the coroutine
 * that waits, the [Reply], or that it was [given up][GIVEN_UP].
 *
 * Who has the call keeps the database open: [place] leads to what closes it when it is
 * garbage.
 */
internal class Call(@JvmField val id: Int, @JvmField val place: Place) : AtomicReference<Any?>() {
    /** The reply, if it is there. */
    val reply: Reply? get() = get() as? Reply

    /** Whether nobody has to wait for it. */
    val isDone: Boolean get() = get() is Reply

    /** The reply has come. It goes on with who waits for it; the first outcome stays. */
    fun complete(reply: Reply) {
        while (true) {
            val state = get()
            if (state is Reply || state === GIVEN_UP) return
            if (!compareAndSet(state, reply)) continue
            if (state != null) resume(continuation(state), reply)
            return
        }
    }

    /**
     * Has who waits go on, on a thread of theirs. A dispatcher may throw, as one that was shut
     * down does: that ends its coroutine, but neither the thread that fetches the replies nor
     * the other calls that it goes on with.
     */
    private fun resume(waiting: CancellableContinuation<Reply>, reply: Reply) {
        try {
            if (Program.isElsewhere(waiting.context)) goOn(waiting, reply) else Program.run { goOn(waiting, reply) }
        } catch (error: Throwable) {
            Program.report(error)
        }
    }

    /**
     * A result that reaches nobody is undone where it can be: inside a transaction nobody
     * may commit what its holder does not know of.
     */
    private fun goOn(waiting: CancellableContinuation<Reply>, reply: Reply) =
        waiting.resume(reply) { _, _, _ -> place.link.cancel(id) }

    /** Waits for the reply. A coroutine that is cancelled gives the call up. */
    suspend fun await(): Reply = reply ?: suspendCancellableCoroutine { waiting ->
        if (compareAndSet(null, waiting)) {
            waiting.invokeOnCancellation { giveUp() }
        } else {
            val reply = get() as? Reply ?: Reply.failed(givenUp())
            goOn(waiting, reply)
        }
    }

    /** Tells the engine that nobody waits; what comes late is dropped. */
    fun giveUp() {
        set(GIVEN_UP)
        place.link.calls.remove(this)
        place.link.cancel(id)
    }

    @Suppress("UNCHECKED_CAST")
    private fun continuation(state: Any) = state as CancellableContinuation<Reply>

    private companion object {
        val GIVEN_UP = Any()

        fun givenUp() = closed("the call was given up")
    }
}
