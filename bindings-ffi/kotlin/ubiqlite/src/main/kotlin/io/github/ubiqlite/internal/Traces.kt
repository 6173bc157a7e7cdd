package io.github.ubiqlite.internal

import io.github.ubiqlite.TracedCall
import io.github.ubiqlite.UbiqliteException
import java.time.Instant
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicLong
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.time.Duration
import kotlin.time.Duration.Companion.nanoseconds

/** Those who trace the calls of one database. The engine measures a call only if somebody does. */
internal class Traces(private val namespace: String) {
    private class Entry(val slowerThan: Duration, val listener: (TracedCall) -> Unit) {
        /** How many calls it is still to be told of. */
        val waiting = AtomicInteger()

        /** How many it was not told of since the last that waits, as too many did. */
        val missed = AtomicLong()
    }

    private val entries = CopyOnWriteArrayList<Entry>()

    /** One listener at a time is called, on a thread that the program may block. */
    private val threads = Program.dispatcher.limitedParallelism(1)

    /** Whether anybody listens. */
    @Volatile
    @JvmField
    var isOn: Boolean = false

    /** Adds a listener, and returns what removes it. */
    fun add(slowerThan: Duration, listener: (TracedCall) -> Unit): AutoCloseable {
        val entry = Entry(slowerThan, listener)
        synchronized(this) {
            entries.add(entry)
            isOn = true
        }
        return AutoCloseable {
            synchronized(this) {
                entries.remove(entry)
                isOn = entries.isNotEmpty()
            }
        }
    }

    /** Returns the trace of a call, or of the stream whose next rows it requests; null if nobody wants it. */
    fun begin(op: Int, on: RemoteHandle?): CallTrace? = when (op) {
        Op.NEXT -> on?.trace?.takeIf { it.isStream }
        in UNTRACED -> null
        else -> CallTrace(this, op)
    }

    fun tell(trace: CallTrace, times: Times?, error: UbiqliteException?) {
        val duration = (System.nanoTime() - trace.begun).nanoseconds
        for (entry in entries) {
            if (entry.slowerThan > Duration.ZERO && (times?.ran ?: duration) < entry.slowerThan) continue
            if (entry.waiting.incrementAndGet() > MOST_WAITING) {
                entry.waiting.decrementAndGet()
                entry.missed.incrementAndGet()
                continue
            }
            val call = told(trace, times, error, duration, entry.missed.getAndSet(0))
            try {
                threads.dispatch(EmptyCoroutineContext, Runnable { tell(entry, call) })
            } catch (_: OutOfMemoryError) {
                // No thread is available, and the calling one must not fail.
                entry.waiting.decrementAndGet()
                entry.missed.addAndGet(call.missed + 1)
            }
        }
    }

    private fun told(trace: CallTrace, times: Times?, error: UbiqliteException?, duration: Duration, missed: Long) =
        TracedCall(
            namespace = namespace,
            summary = times?.summary.orEmpty(),
            sql = trace.sql,
            started = trace.started,
            duration = duration,
            queueWait = times?.waited,
            run = times?.ran,
            rows = times?.rows,
            rowsChanged = times?.changes,
            error = error,
            missed = missed,
        )

    private fun tell(entry: Entry, call: TracedCall) {
        entry.waiting.decrementAndGet()
        // It may have been removed while this waited.
        if (entry !in entries) return
        try {
            entry.listener(call)
        } catch (error: Throwable) {
            // The call is none of the listener's.
            Program.report(error)
        }
    }

    private companion object {
        /** Of a listener that is slower than the calls. */
        const val MOST_WAITING = 1000
    }
}

/** What the engine has measured of a call, of a stream so far. */
internal class Times(
    val waited: Duration,
    val ran: Duration,
    val summary: String,
    val rows: Long?,
    val changes: Long?,
)

/** One call that is traced. */
internal class CallTrace(private val traces: Traces, private val op: Int) {
    /** The SQL, if it is one text. */
    @JvmField
    var sql: String? = null

    @JvmField
    val started: Instant = Instant.now()

    @JvmField
    val begun: Long = System.nanoTime()

    /** Set by the thread that has the reply, before it passes that on. */
    @Volatile
    @JvmField
    var times: Times? = null

    private var isOver = false

    /** Of a stream: its handle ends it. */
    @Volatile
    private var hasBegun = false

    /** Whether the request that begins it begins with the length of its SQL, and that. */
    val hasSql: Boolean get() = op in Op.EXECUTE..Op.EXECUTE_MANY || op == Op.STREAM || op == Op.RUN

    val isStream: Boolean get() = op == Op.STREAM || op == Op.SELECT_STREAM || op == Op.TABLE_STREAM

    /** Reads what the engine has measured, if that is the reply at this position. Returns where the next one begins. */
    fun told(replies: Memory, at: Int): Int {
        if (replies.u8(at + 8) != Kind.TIMES) return at
        val size = replies.u32(at)
        val length = replies.u32(at + 12)
        // Of a request that came after the end of its stream nothing was measured.
        if (isStream && length == 0) return at + size
        val counts = at + HEADER + 16 + ((length + 7) and 7.inv())
        fun count(place: Int) = replies.i64(place).takeIf { it >= 0 }
        times = Times(
            waited = replies.i64(at + HEADER).nanoseconds,
            ran = replies.i64(at + HEADER + 8).nanoseconds,
            summary = String(replies.copy(at + HEADER + 16, length), Charsets.UTF_8),
            rows = count(counts),
            changes = count(counts + 8),
        )
        return at + size
    }

    /** Its reply is there, or that to a request for the next rows of the stream. */
    fun replied(reply: Reply) {
        val error = reply.failure
        when {
            !isStream -> over(error)
            error == null -> hasBegun = true
            // Rows are requested ahead, and so also after the last ones.
            !hasBegun || error !is UbiqliteException.Closed -> over(error)
        }
    }

    /** Nobody waits for its reply. */
    fun cancelled() {
        if (!hasBegun) over(UbiqliteException.Cancelled(Fields("the call was cancelled")))
    }

    /** It has ended. */
    fun over(error: UbiqliteException? = null) {
        synchronized(this) {
            if (isOver) return
            isOver = true
        }
        traces.tell(this, times, error)
    }

    private companion object {
        const val HEADER = 16
    }
}
