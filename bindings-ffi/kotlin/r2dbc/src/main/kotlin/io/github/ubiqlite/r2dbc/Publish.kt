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

/** What a publisher's body gives its subscriber. */
internal interface Emitter<in T : Any> {
    /** Gives a value, when the subscriber has asked for it. */
    suspend fun emit(value: T)
}

/**
 * A publisher of what [produce] emits, for each subscriber anew; nothing runs before the
 * subscriber asks for something.
 *
 * What is answered at once goes to the subscriber on the thread that asks, without a
 * coroutine being dispatched; after the first wait all goes on on `Dispatchers.Default`.
 * So the subscriber is never on a thread of the engine's.
 */
internal fun <T : Any> publish(produce: suspend Emitter<T>.() -> Unit): Publisher<T> = Publisher { subscriber ->
    val emission = Emission(subscriber, produce)
    subscriber.onSubscribe(emission)
    emission.subscribed()
}

/** A publisher of one value, which takes no waiting. */
internal fun <T : Any> ready(value: () -> T): Publisher<T> = Publisher { subscriber ->
    subscriber.onSubscribe(Ready(subscriber, value))
}

/** A publisher of the end of [work], which runs when it is subscribed to: nobody has to ask for nothing. */
internal fun completion(work: suspend () -> Unit): Publisher<Void> = Publisher { subscriber ->
    val emission = Emission<Void>(subscriber) { work() }
    subscriber.onSubscribe(emission)
    emission.subscribed(nobodyAsks = true)
}

private fun misused(n: Long) =
    IllegalArgumentException("a subscriber asks for a positive number of values, not $n (§3.9)")

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
 * A subscription whose values a coroutine makes. It is the coroutine's completion itself:
 * a point read takes so little time that a builder of kotlinx would be a third of it.
 */
private class Emission<T : Any>(
    private val subscriber: Subscriber<in T>,
    private val produce: suspend Emitter<T>.() -> Unit,
) : Subscription, Emitter<T>, Continuation<Unit> {
    /** How many values are asked for and were not given. */
    private val demand = AtomicLong()
    private val begun = AtomicBoolean()

    /** The coroutine that has something to give, and nobody who wants it. */
    private val waiting = AtomicReference<CancellableContinuation<Unit>?>()

    /** `onSubscribe` has returned: until then no other thread may give the subscriber anything (§1.3). */
    @Volatile
    private var subscribed = false

    @Volatile
    private var cancelled = false

    /** What the subscriber did that it must not. */
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
        // What is asked for before, `subscribed` begins.
        if (subscribed && !begin()) waiting.getAndSet(null)?.resume(Unit)
    }

    /** `onSubscribe` has returned. */
    fun subscribed(nobodyAsks: Boolean = false) {
        subscribed = true
        if (nobodyAsks || demand.get() > 0 || misuse != null) begin()
    }

    override fun cancel() {
        cancelled = true
        job.cancel()
    }

    /** Begins, unless it has; false: it had. */
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

    /** The coroutine is over. */
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
                // It may have asked just before.
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

/** A subscriber has thrown, which it must not (§2.13): there is nobody to tell. */
private class Rejected(val reason: Throwable) : RuntimeException(null, reason, false, false)
