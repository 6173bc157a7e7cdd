package io.github.ubiqlite.internal

import java.util.concurrent.atomic.AtomicReference
import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.suspendCancellableCoroutine

/**
 * A pending request. Its value is its state: null, the coroutine that waits, the [Reply], or
 * that it was [cancelled][CANCELLED].
 *
 * A reference to the call keeps the database open: [target] leads to the object that closes
 * it when it is garbage-collected.
 */
internal class Call(@JvmField val id: Int, @JvmField val target: CallTarget) : AtomicReference<Any?>() {
    /** What is told of it, if somebody wants to know: of a request for the next rows of a stream, that stream's. */
    @JvmField
    var trace: CallTrace? = null

    /** The reply, if it has arrived. */
    val reply: Reply? get() = get() as? Reply

    /** Whether there is no need to wait for it. */
    val isDone: Boolean get() = get() is Reply

    /** Records the reply and resumes the coroutine that waits for it; the first outcome stays. */
    fun complete(reply: Reply) {
        while (true) {
            val state = get()
            if (state is Reply || state === CANCELLED) return
            if (!compareAndSet(state, reply)) continue
            trace?.replied(reply)
            if (state != null) resume(continuation(state), reply)
            return
        }
    }

    /**
     * Resumes the waiting coroutine on one of the program's threads. A dispatcher may throw, for
     * example after a shutdown: that ends its coroutine, but neither the thread that fetches the
     * replies nor the other calls that this thread resumes.
     */
    private fun resume(waiting: CancellableContinuation<Reply>, reply: Reply) {
        try {
            if (Program.isElsewhere(waiting.context)) goOn(waiting, reply) else Program.run { goOn(waiting, reply) }
        } catch (error: Throwable) {
            Program.report(error)
        }
    }

    /**
     * Resumes with a result. One that reaches nobody is undone if possible: inside a
     * transaction nobody may commit changes that its holder does not know about.
     */
    private fun goOn(waiting: CancellableContinuation<Reply>, reply: Reply) =
        waiting.resume(reply) { _, _, _ -> target.client.cancel(id) }

    /** Waits for the reply. Cancelling the coroutine cancels the call. */
    suspend fun await(): Reply = reply ?: suspendCancellableCoroutine { waiting ->
        if (compareAndSet(null, waiting)) {
            waiting.invokeOnCancellation { cancel() }
        } else {
            val reply = get() as? Reply ?: Reply.failed(cancelled())
            goOn(waiting, reply)
        }
    }

    /** Cancels the call: nobody waits for its reply, and a late one is dropped. */
    fun cancel() {
        set(CANCELLED)
        trace?.cancelled()
        target.client.calls.remove(this)
        target.client.cancel(id)
    }

    @Suppress("UNCHECKED_CAST")
    private fun continuation(state: Any) = state as CancellableContinuation<Reply>

    private companion object {
        val CANCELLED = Any()

        fun cancelled() = closed("the call was abandoned")
    }
}
