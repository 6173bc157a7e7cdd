package io.github.ubiqlite.internal

import java.util.concurrent.SynchronousQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlin.coroutines.ContinuationInterceptor
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ExecutorCoroutineDispatcher
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

    /**
     * Whether resuming a coroutine of this context comes back at once, and its code runs on
     * another thread. An executor may run what it is given within the call.
     */
    fun isElsewhere(context: CoroutineContext): Boolean {
        val dispatcher = context[ContinuationInterceptor]
        if (dispatcher === Dispatchers.Default || dispatcher === Dispatchers.IO) return true
        if (dispatcher !is CoroutineDispatcher || dispatcher is ExecutorCoroutineDispatcher) return false
        // A view of an executor is one too; whose view it is only its name tells.
        if (dispatcher.javaClass === VIEW && !dispatcher.toString().startsWith("Dispatchers.")) return false
        return dispatcher.isDispatchNeeded(context)
    }

    /** The class of what `limitedParallelism` makes. */
    private val VIEW = Dispatchers.IO.limitedParallelism(1).javaClass

    /** Waits on one of the threads, where the waiting would else go on on a thread that others need. */
    suspend fun <T> aside(wait: suspend () -> T): T =
        if (isElsewhere(currentCoroutineContext())) wait() else withContext(dispatcher) { wait() }
}
