package io.github.ubiqlite.java

import io.github.ubiqlite.internal.Elsewhere
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Executor
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.CoroutineExceptionHandler
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Job
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.future.future
import kotlinx.coroutines.launch

/**
 * Makes futures of calls that suspend; what goes on later runs on the [executor]. It is a
 * scope without a job: no call fails because of another.
 */
internal class Caller(executor: Executor) : CoroutineScope {
    override val coroutineContext: CoroutineContext =
        if (executor === DEFAULT_EXECUTOR) Default else executor.asCoroutineDispatcher()

    /**
     * Makes a call. It is asked for on this thread, before this returns: so calls on one
     * transaction happen in the order in which they are made, and a short read is done.
     */
    fun <T> ask(call: suspend () -> T): CompletableFuture<T> =
        future(UNASKED, CoroutineStart.UNDISPATCHED) { call() }

    /** As [ask], of a call that returns nothing. */
    fun tell(call: suspend () -> Unit): CompletableFuture<Void?> = ask { nothing(call) }

    /** Makes a call that runs the user's functions: on the executor from the start. */
    fun <T> work(call: suspend () -> T): CompletableFuture<T> = future(UNASKED) { call() }

    /** As [work], of a call that returns nothing. */
    fun workOff(call: suspend () -> Unit): CompletableFuture<Void?> = work { nothing(call) }

    /** A job that is yet to be started. What it throws goes to the thread's handler. */
    fun prepare(call: suspend () -> Unit): Job = launch(start = CoroutineStart.LAZY) { call() }

    private suspend fun nothing(call: suspend () -> Unit): Void? {
        call()
        return null
    }

    private companion object {
        /** What a call that was given up fails with later, nobody asks for. */
        val UNASKED = CoroutineExceptionHandler { _, _ -> }
    }

    /**
     * Of a dispatcher that is made of an executor, the library has to expect that it runs
     * work within the call. This one does not, and so it is given replies directly.
     */
    private object Default : Elsewhere() {
        override fun dispatch(context: CoroutineContext, block: Runnable) = DEFAULT_EXECUTOR.execute(block)
    }
}

/** What futures themselves use: the common pool, or a new thread each time where that pool may have none. */
internal val DEFAULT_EXECUTOR: Executor = CompletableFuture<Any>().defaultExecutor()
