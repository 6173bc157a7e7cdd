package io.github.ubiqlite.internal

import java.util.concurrent.SynchronousQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.coroutines.ContinuationInterceptor
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.MainCoroutineDispatcher
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.withContext

/**
 * Threads on which the program's code goes on after a wait, where its own dispatcher would
 * go on within the resuming call: on the thread that fetches the replies, which the program
 * must not be able to stop. There are as many as the program blocks at once.
 */
internal object Program {
    private val started = AtomicInteger()

    private val threads = ThreadPoolExecutor(0, Int.MAX_VALUE, IDLE_SECONDS, TimeUnit.SECONDS, SynchronousQueue()) { work ->
        Thread(work, "ubiqlite-program-${started.incrementAndGet()}").apply { isDaemon = true }
    }

    private const val IDLE_SECONDS = 10L

    /** The threads as a dispatcher. No work of the program's keeps its coroutines waiting, as it could on `Dispatchers.Default`. */
    val dispatcher: CoroutineDispatcher = threads.asCoroutineDispatcher()

    /** Has one of the threads resume what goes on within the resuming call. */
    fun run(work: Runnable) {
        try {
            threads.execute(work)
        } catch (_: OutOfMemoryError) {
            // No thread is to be had. A coroutine that nobody resumes would wait for ever.
            work.run()
        }
    }

    /** Has one of the threads fail with it, so that the program's handler of such errors is told. */
    fun report(error: Throwable) {
        try {
            threads.execute { throw error }
        } catch (_: OutOfMemoryError) {
            // No thread is to be had, and the one that asks must not fail.
        }
    }

    /**
     * Whether resuming a coroutine of this context comes back at once, and its code runs on
     * another thread. That is known of a few dispatchers alone: any other may run what it is
     * given within the call, or throw.
     */
    fun isElsewhere(context: CoroutineContext): Boolean {
        val dispatcher = context[ContinuationInterceptor] ?: return false
        return when {
            dispatcher === Dispatchers.Default || dispatcher === Dispatchers.IO || dispatcher is Elsewhere -> true
            // One that is immediate needs no dispatch on its own thread, and a test may set any as the main one.
            dispatcher is MainCoroutineDispatcher -> dispatcher.isDispatchNeeded(context)
            // Whose view it is only its name tells.
            dispatcher.javaClass === VIEW -> dispatcher.toString().let { name -> VIEWED.any { name.startsWith(it) } }
            else -> dispatcher.javaClass.name == EVENT_LOOP
        }
    }

    /** The class of what `limitedParallelism` makes. */
    private val VIEW = Dispatchers.IO.limitedParallelism(1).javaClass

    private val VIEWED = listOf("Dispatchers.Default.", "Dispatchers.IO.")

    /** The dispatcher of `runBlocking`, which goes on on the thread that is blocked. */
    private const val EVENT_LOOP = "kotlinx.coroutines.BlockingEventLoop"

    /** Waits on one of the threads, where the waiting would else go on on a thread that others need. */
    suspend fun <T> aside(wait: suspend () -> T): T =
        if (isElsewhere(currentCoroutineContext())) wait() else withContext(dispatcher) { wait() }
}

/** A dispatcher of this project's own that never runs what it is given within the call, and never throws. */
internal abstract class Elsewhere : CoroutineDispatcher()
