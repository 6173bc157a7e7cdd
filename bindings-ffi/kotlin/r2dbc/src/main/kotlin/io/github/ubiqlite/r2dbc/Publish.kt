package io.github.ubiqlite.r2dbc

import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicLong
import java.util.concurrent.atomic.AtomicReference
import kotlin.coroutines.Continuation
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.intrinsics.COROUTINE_SUSPENDED
import kotlin.coroutines.intrinsics.startCoroutineUninterceptedOrReturn
import kotlin.coroutines.resume
import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.suspendCancellableCoroutine
import org.reactivestreams.Publisher
import org.reactivestreams.Subscriber
import org.reactivestreams.Subscription

/** Passes values from a publisher's body to its subscriber. */
internal interface Emitter<in T : Any> {
    /** Delivers a value once the subscriber has requested it. */
    suspend fun emit(value: T)
}

/**
 * Returns a publisher of what [produce] emits. It runs again for each subscriber, and not
 * before the subscriber requests something.
 *
 * Replies that are available at once go to the subscriber on the requesting thread, without
 * dispatching a coroutine; after the first wait everything continues on `Dispatchers.Default`.
 * So the subscriber is never called on an engine thread.
 */
internal fun <T : Any> publish(produce: suspend Emitter<T>.() -> Unit): Publisher<T> = Publisher { subscriber ->
    val emission = Emission(subscriber, produce)
    subscriber.onSubscribe(emission)
    emission.subscribed()
}

/** Returns a publisher of one value that is available without waiting. */
internal fun <T : Any> ready(value: () -> T): Publisher<T> = Publisher { subscriber ->
    subscriber.onSubscribe(Ready(subscriber, value))
}

/** Returns a publisher of the end of [work], which runs on subscription: there is nothing to request. */
internal fun completion(work: suspend () -> Unit): Publisher<Void> = Publisher { subscriber ->
    val emission = Emission<Void>(subscriber) { work() }
    subscriber.onSubscribe(emission)
    emission.subscribed(nobodyAsks = true)
}

private fun misused(n: Long) =
    IllegalArgumentException("a subscriber must request a positive number of values, not $n (§3.9)")

private class Ready<T : Any>(private val subscriber: Subscriber<in T>, private val value: () -> T) :
    AtomicBoolean(), Subscription {
    @Volatile
    private var cancelled = false

    override fun request(n: Long) {
        if (cancelled || !compareAndSet(false, true)) return
        if (n <= 0) return subscriber.onError(misused(n))
        subscriber.onNext(value())
        if (!cancelled) subscriber.onComplete()
    }

    override fun cancel() {
        cancelled = true
    }
}

/**
 * A subscription whose values come from a coroutine. It is itself the coroutine's completion:
 * a point read takes so little time that a kotlinx coroutine builder would be a third of it.
 */
private class Emission<T : Any>(
    private val subscriber: Subscriber<in T>,
    private val produce: suspend Emitter<T>.() -> Unit,
) : Subscription, Emitter<T>, Continuation<Unit> {
    /** How many values were requested but not delivered. */
    private val demand = AtomicLong()
    private val begun = AtomicBoolean()

    /** The coroutine that has a value to deliver, while none is requested. */
    private val waiting = AtomicReference<CancellableContinuation<Unit>?>()

    /** Whether `onSubscribe` has returned: until then no other thread may signal the subscriber (§1.3). */
    @Volatile
    private var subscribed = false

    @Volatile
    private var cancelled = false

    /** The subscriber's violation of the protocol, if any. */
    @Volatile
    private var misuse: Throwable? = null

    private val job = Job()

    override val context: CoroutineContext = Dispatchers.Default + job

    override fun request(n: Long) {
        if (n > 0) {
            demand.updateAndGet { asked -> if (Long.MAX_VALUE - asked < n) Long.MAX_VALUE else asked + n }
        } else {
            misuse = misused(n)
            job.cancel()
        }
        // For an earlier request, `subscribed` begins.
        if (subscribed && !begin()) waiting.getAndSet(null)?.resume(Unit)
    }

    /** Records that `onSubscribe` has returned. */
    fun subscribed(nobodyAsks: Boolean = false) {
        subscribed = true
        if (nobodyAsks || demand.get() > 0 || misuse != null) begin()
    }

    override fun cancel() {
        cancelled = true
        job.cancel()
    }

    /** Begins, and returns true, unless it had begun before. */
    private fun begin(): Boolean {
        if (cancelled || !begun.compareAndSet(false, true)) return false
        misuse?.let {
            subscriber.onError(it)
            return true
        }
        val outcome = try {
            produce.startCoroutineUninterceptedOrReturn(this, this)
        } catch (error: Throwable) {
            resumeWith(Result.failure(error))
            return true
        }
        if (outcome !== COROUTINE_SUSPENDED) resumeWith(Result.success(Unit))
        return true
    }

    /** Ends the subscription when the coroutine is over. */
    override fun resumeWith(result: Result<Unit>) {
        val error = misuse ?: result.exceptionOrNull()
        when {
            error is Rejected -> Thread.currentThread().run { uncaughtExceptionHandler.uncaughtException(this, error.reason) }
            cancelled -> Unit
            error != null -> subscriber.onError(error)
            else -> subscriber.onComplete()
        }
    }

    override suspend fun emit(value: T) {
        check()
        while (demand.get() == 0L) {
            suspendCancellableCoroutine { asleep ->
                waiting.set(asleep)
                // A request may have arrived just before.
                if (demand.get() > 0 && waiting.compareAndSet(asleep, null)) asleep.resume(Unit)
            }
            check()
        }
        if (demand.get() != Long.MAX_VALUE) demand.decrementAndGet()
        try {
            subscriber.onNext(value)
        } catch (error: Throwable) {
            cancelled = true
            throw Rejected(error)
        }
    }

    private fun check() {
        if (cancelled || misuse != null) throw CancellationException("the subscriber has cancelled")
    }
}

/** The exception of a subscriber that has thrown, which it must not (§2.13): nobody is there to receive it. */
private class Rejected(val reason: Throwable) : RuntimeException(null, reason, false, false)
