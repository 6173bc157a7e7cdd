package io.github.ubiqlite.internal

import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicBoolean
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async

/**
 * A client's connection to the engine of one database.
 *
 * A request is one synchronous call on the caller's thread, which returns with the reply to
 * a short read. The thread of [Replies] fetches all other replies.
 */
internal class EngineClient private constructor(
    private val client: Long,
    @JvmField val mapping: Mapping,
    path: String,
) {
    private val released = AtomicBoolean()
    private var closing: Deferred<Unit>? = null
    private val replies = Replies(client, this)

    @JvmField
    val calls = Calls()

    @JvmField
    val traces = Traces(path)

    /** The numbers of the objects that the engine keeps for this client. */
    @JvmField
    val handles: MutableSet<Int> = ConcurrentHashMap.newKeySet()

    /** Makes a request; [write] writes its payload, and if that throws, no request was made. */
    inline fun begin(target: CallTarget, op: Int, flags: Int, handle: Int, write: (Writer) -> Unit): Call {
        val buffers = Buffers.take()
        val call = Call(number(buffers), target)
        val trace = if (traces.isOn) traces.begin(op, target.on) else null
        try {
            buffers.writer.begin(call.id, op, if (trace == null) flags else flags or Flag.TIMED, handle, target.limit)
            val start = buffers.writer.length
            buffers.writer.mapping = mapping
            write(buffers.writer)
            buffers.writer.end()
            if (trace != null) {
                if (op != Op.NEXT && trace.hasSql) trace.sql = buffers.writer.textAt(start)
                call.trace = trace
            }
            send(buffers, call)
        } finally {
            Buffers.give(buffers)
        }
        return call
    }

    /** Returns a number that no call and no handle has; 0 is the database. */
    fun number(buffers: Buffers): Int {
        while (true) {
            val id = buffers.number(client, calls)
            if (id != 0 && (!calls.beganAnew || !calls.has(id) && id !in handles)) return id
        }
    }

    fun send(buffers: Buffers, call: Call) {
        val request = buffers.request()
        // Before the request: its reply may arrive before the native call returns.
        calls.add(call)
        val reply = buffers.reply
        val length = Raw.call(client, request, buffers.writer.length.toLong(), reply.address, reply.size)
        if (length == 0L) return
        calls.remove(call)
        if (length < 0L) return call.complete(refused(length))
        val start = call.trace?.told(reply, 0) ?: 0
        call.complete(Reply(reply.copy(start, length.toInt() - start), mapping))
    }

    private fun refused(code: Long): Reply =
        if (code == Raw.GONE) {
            Reply.failed(closed("the database is closed"))
        } else {
            Reply.failed(defect("the native library returned $code"))
        }

    /** Sends a request that has no reply. */
    fun tell(op: Int, handle: Int) {
        val buffers = Buffers.take()
        try {
            buffers.writer.begin(0, op, 0, handle, NO_LIMIT)
            buffers.writer.end()
            val length = buffers.writer.length.toLong()
            Raw.call(client, buffers.request(), length, buffers.reply.address, buffers.reply.size)
        } finally {
            Buffers.give(buffers)
        }
    }

    /** Cancels a call, whether it runs, waits, or completed a moment ago. */
    fun cancel(id: Int) = tell(Op.CANCEL, id)

    /**
     * Releases an object: anything open in it is rolled back before any later request, and
     * its running calls are stopped. This neither waits nor fails, so that it also happens
     * when a coroutine is cancelled.
     */
    fun drop(handle: RemoteHandle, what: String) {
        if (!handle.drop()) return
        // The engine cancels their calls without a reply.
        calls.takeAll({ it.target.on?.isWithin(handle) == true }) { it.complete(Reply.failed(closed("the $what has ended"))) }
    }

    /** Waits for accepted calls, then closes. If the wait is cancelled, closing continues. */
    suspend fun close() {
        val shutting = synchronized(this) {
            closing ?: shut().also { closing = it }
        }
        // A caller that waits must not delay the next one.
        Program.aside { shutting.await() }
    }

    private fun shut(): Deferred<Unit> {
        // Begun on this thread: requests after this call are refused.
        val number = Raw.close(client)
        return background.async {
            try {
                Begun.settle(number)
            } finally {
                Raw.forget(number)
                // The last replies may not have been fetched yet.
                replies.take()
                release()
                replies.ended.await()
            }
        }
    }

    /** Releases the client when nobody can make a request any more. */
    fun abandon() = release()

    private fun release() {
        if (released.compareAndSet(false, true)) Raw.release(client)
    }

    companion object {
        const val NO_LIMIT: Long = -1

        private val background = CoroutineScope(SupervisorJob() + Program.dispatcher)

        /** Opens a database; [options] is a JSON object. Throws what `Database.open` documents. */
        suspend fun open(path: String, options: String, mapping: Mapping): EngineClient =
            EngineClient(Begun.open(path, options), mapping, path).apply { replies.start() }
    }
}
