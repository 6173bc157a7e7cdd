package io.github.ubiqlite.java

import java.util.concurrent.CancellationException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Flow
import java.util.concurrent.atomic.AtomicLong
import java.util.concurrent.atomic.AtomicReference
import java.util.function.Consumer
import kotlinx.coroutines.Job
import kotlinx.coroutines.channels.Channel
import io.github.ubiqlite.Row as SuspendingRow
import kotlinx.coroutines.flow.Flow as SuspendingFlow

/**
 * The rows of a query one after another, keeping only a few pages in memory. The next pages
 * are read while one is processed. Each [forEach] and each [subscribe] runs the query again.
 * Rows are delivered on the executor, one at a time.
 *
 * ```java
 * db.stream("SELECT * FROM items").forEach(row -> System.out.println(row.getString("name"))).get();
 * db.stream("SELECT * FROM items").subscribe(subscriber);   // java.util.concurrent.Flow, with back pressure
 * ```
 */
public class RowStream internal constructor(
    private val rows: SuspendingFlow<SuspendingRow>,
    private val caller: Caller,
) : Flow.Publisher<Row> {
    /**
     * Passes every row to [action]; the future completes after the last. If [action] throws,
     * the query ends and the future fails with that; cancelling the future ends the query.
     */
    public fun forEach(action: Consumer<in Row>): CompletableFuture<Void?> =
        caller.workOff { rows.collect { action.accept(Row(it)) } }

    /**
     * Delivers rows as the subscriber requests them. The query begins with the first request,
     * and holds a connection until it ends or fails, or the subscription is cancelled.
     */
    override fun subscribe(subscriber: Flow.Subscriber<in Row>) {
        Subscription(rows, subscriber).start(caller)
    }
}

/** One run of a query for a subscriber. All signals come from one coroutine, and so one at a time. */
private class Subscription(
    private val rows: SuspendingFlow<SuspendingRow>,
    private val subscriber: Flow.Subscriber<in Row>,
) : Flow.Subscription {
    private val demand = AtomicLong()
    private val requested = Channel<Unit>(Channel.CONFLATED)
    private lateinit var job: Job

    /** Why the subscriber gets no more rows; [BY_SUBSCRIBER] if it has cancelled. */
    private val stopped = AtomicReference<Throwable?>()

    fun start(caller: Caller) {
        job = caller.prepare(::run)
        job.start()
    }

    override fun request(count: Long) {
        if (count <= 0) return stop(IllegalArgumentException("a subscriber must request one row or more, not $count"))
        demand.getAndUpdate { if (it + count < 0) Long.MAX_VALUE else it + count }
        requested.trySend(Unit)
    }

    override fun cancel(): Unit = stop(BY_SUBSCRIBER)

    private fun stop(reason: Throwable) {
        if (stopped.compareAndSet(null, reason)) job.cancel()
    }

    private suspend fun run() {
        subscriber.onSubscribe(this)
        val end = try {
            demanded()
            rows.collect { row ->
                demanded()
                demand.getAndUpdate { if (it == Long.MAX_VALUE) it else it - 1 }
                tell { subscriber.onNext(Row(row)) }
            }
            null
        } catch (broken: Broken) {
            throw broken.error
        } catch (error: Throwable) {
            error
        }
        val reason = stopped.get()
        when {
            reason === BY_SUBSCRIBER -> return
            reason != null -> subscriber.onError(reason)
            end != null -> subscriber.onError(end)
            else -> subscriber.onComplete()
        }
    }

    /** Waits until the subscriber has requested a row that was not delivered yet. */
    private suspend fun demanded() {
        while (demand.get() == 0L) requested.receive()
        stopped.get()?.let { throw it }
    }

    /** Signals the subscriber. If it throws, the error goes to the thread's handler, not to the subscriber. */
    private inline fun tell(signal: () -> Unit) {
        try {
            signal()
        } catch (error: Throwable) {
            throw Broken(error)
        }
    }

    private class Broken(val error: Throwable) : RuntimeException(null, error, false, false)

    private companion object {
        val BY_SUBSCRIBER = CancellationException("the subscriber has cancelled")
    }
}
