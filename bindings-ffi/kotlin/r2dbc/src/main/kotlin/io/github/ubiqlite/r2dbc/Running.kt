package io.github.ubiqlite.r2dbc

import io.github.ubiqlite.Row
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Job
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.job
import kotlinx.coroutines.launch

/** The results of one connection whose rows are being read. */
internal class RunningRows {
    private val all = ConcurrentHashMap.newKeySet<RowsUnderWay>()

    /** Reads rows of the database itself, for which nothing else on this connection waits. */
    suspend fun free(rows: Flow<Row>, take: suspend (Row) -> Unit) = RowsUnderWay().use { it.read { rows.collect(take) } }

    /** Reads rows inside a transaction or session, whose next call waits for the last row: see [hurry]. */
    suspend fun held(rows: Flow<Row>, take: suspend (Row) -> Unit) =
        RowsUnderWay().use { it.read { it.ahead.read(rows, take) } }

    private inline fun RowsUnderWay.use(work: (RowsUnderWay) -> Unit) {
        all.add(this)
        try {
            work(this)
        } finally {
            all.remove(this)
        }
    }

    /**
     * Reads the rows into memory, requested or not, because there is another call on the
     * transaction or session. Otherwise a statement that runs for each row of a result would
     * wait for that result, and the result for the statement.
     */
    fun hurry() {
        if (all.isNotEmpty()) all.forEach { it.ahead.hurry() }
    }

    /** Ends them: their readers fail with [why]. An exception takes longer to make than all else that closes a connection. */
    fun abort(why: () -> Throwable) {
        if (all.isEmpty()) return
        val error = why()
        all.forEach { it.abort(error) }
    }
}

/** The rows of one result. */
private class RowsUnderWay {
    val ahead = Ahead()

    @Volatile
    private var why: Throwable? = null

    @Volatile
    private var job: Job? = null

    fun abort(why: Throwable) {
        this.why = why
        job?.cancel()
    }

    suspend fun read(work: suspend () -> Unit) {
        try {
            coroutineScope {
                job = currentCoroutineContext().job
                if (why == null) work()
            }
        } catch (error: CancellationException) {
            throw why ?: error
        }
        why?.let { throw it }
    }
}

/** Rows that are read ahead of their receiver: a few, or all of them once another call waits. */
private class Ahead {
    private val queue = Channel<Row>(Channel.UNLIMITED)
    private val waiting = AtomicInteger()
    private val more = Channel<Unit>(Channel.CONFLATED)

    @Volatile
    private var hurried = false

    fun hurry() {
        hurried = true
        more.trySend(Unit)
    }

    suspend fun read(rows: Flow<Row>, take: suspend (Row) -> Unit) = coroutineScope {
        val reading = launch(start = CoroutineStart.UNDISPATCHED) {
            queue.close(
                runCatching {
                    rows.collect { row ->
                        while (waiting.get() >= MOST && !hurried) more.receive()
                        waiting.incrementAndGet()
                        queue.trySend(row)
                    }
                }.exceptionOrNull(),
            )
        }
        for (row in queue) {
            if (waiting.decrementAndGet() == MOST / 2) more.trySend(Unit)
            take(row)
        }
        reading.join()
    }

    private companion object {
        const val MOST = 256
    }
}
