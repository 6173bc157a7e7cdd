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
 * Threads on which the program's code continues after a wait, if its own dispatcher would
 * continue within the resuming call: on the thread that fetches the replies, which the
 * program must not be able to block. There are as many as the program blocks at once.
 */
internal object Program {
    private val started = AtomicInteger()

    private val threads = ThreadPoolExecutor(0, Int.MAX_VALUE, IDLE_SECONDS, TimeUnit.SECONDS, SynchronousQueue()) { work ->
        Thread(work, "ubiqlite-program-${started.incrementAndGet()}").apply { isDaemon = true }
    }

    private const val IDLE_SECONDS = 10L

    /** The threads as a dispatcher. The program's work can't delay its coroutines, as it could on `Dispatchers.Default`. */
    val dispatcher: CoroutineDispatcher = threads.asCoroutineDispatcher()

    /** Uses one of the threads to resume a coroutine that continues within the resuming call. */
    fun run(work: Runnable) {
        try {
            threads.execute(work)
        } catch (_: OutOfMemoryError) {
            // No thread is available. A coroutine that nobody resumes would wait forever.
            work.run()
        }
    }

    /** Throws the error on one of the threads, so that the program's handler of uncaught errors gets it. */
    fun report(error: Throwable) {
        try {
            threads.execute { throw error }
        } catch (_: OutOfMemoryError) {
            // No thread is available, and the calling one must not fail.
        }
    }

    /**
     * Returns whether resuming a coroutine of this context returns at once, and its code runs
     * on another thread. That is known only of a few dispatchers: any other may run its work
     * within the call, or throw.
     */
    fun isElsewhere(context: CoroutineContext): Boolean {
        val dispatcher = context[ContinuationInterceptor] ?: return false
        return when {
            dispatcher === Dispatchers.Default || dispatcher === Dispatchers.IO || dispatcher is Elsewhere -> true
            // An immediate one needs no dispatch on its own thread, and a test may set any dispatcher as the main one.
            dispatcher is MainCoroutineDispatcher -> dispatcher.isDispatchNeeded(context)
            // Only its name says which dispatcher it is a view of.
            dispatcher.javaClass === VIEW -> dispatcher.toString().let { name -> VIEWED.any { name.startsWith(it) } }
            else -> dispatcher.javaClass.name == EVENT_LOOP
        }
    }

    /** The class of the dispatchers that `limitedParallelism` makes. */
    private val VIEW = Dispatchers.IO.limitedParallelism(1).javaClass

    private val VIEWED = listOf("Dispatchers.Default.", "Dispatchers.IO.")

    /** The dispatcher of `runBlocking`, which continues on the blocked thread. */
    private const val EVENT_LOOP = "kotlinx.coroutines.BlockingEventLoop"

    /** Waits on one of the threads, if the code would otherwise continue on a thread that others need. */
    suspend fun <T> aside(wait: suspend () -> T): T =
        if (isElsewhere(currentCoroutineContext())) wait() else withContext(dispatcher) { wait() }
}

/** A dispatcher of this project that never runs its work within the call, and never throws. */
internal abstract class Elsewhere : CoroutineDispatcher()
