package io.github.ubiqlite.java

import java.util.concurrent.CancellationException
import java.util.concurrent.Flow
import java.util.concurrent.atomic.AtomicLong
import java.util.concurrent.atomic.AtomicReference
import kotlinx.coroutines.Job
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow as SuspendingFlow

/** One run of a query for a subscriber. All signals come from one coroutine, and so one at a time. */
internal class Subscription<T : Any>(
    private val items: SuspendingFlow<T>,
    private val subscriber: Flow.Subscriber<in T>,
    /** Whether an item is made only when it is requested, so that it is not out of date by then. */
    private val fresh: Boolean = false,
) : Flow.Subscription {
    private val demand = AtomicLong()
    private val requested = Channel<Unit>(Channel.CONFLATED)
    private lateinit var job: Job

    /** Why the subscriber gets no more items; [BY_SUBSCRIBER] if it has cancelled. */
    private val stopped = AtomicReference<Throwable?>()

    fun start(caller: Caller) {
        job = caller.prepare(::run)
        job.start()
    }

    override fun request(count: Long) {
        if (count <= 0) return stop(IllegalArgumentException("a subscriber must request one item or more, not $count"))
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
            items.collect { item ->
                demanded()
                demand.getAndUpdate { if (it == Long.MAX_VALUE) it else it - 1 }
                tell { subscriber.onNext(item) }
                if (fresh) demanded()
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

    /** Waits until the subscriber has requested an item that was not delivered yet. */
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
