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
 * Makes futures from suspending calls; later continuations run on the [executor]. It is a
 * scope without a job: no call fails because of another.
 */
internal class Caller(executor: Executor) : CoroutineScope {
    override val coroutineContext: CoroutineContext =
        if (executor === DEFAULT_EXECUTOR) Default else executor.asCoroutineDispatcher()

    /**
     * Makes a call. The request is made on this thread, before this returns: so calls on one
     * transaction run in the order in which they are made, and a short read has completed.
     */
    fun <T> ask(call: suspend () -> T): CompletableFuture<T> =
        future(UNASKED, CoroutineStart.UNDISPATCHED) { call() }

    /** Like [ask], for a call that returns nothing. */
    fun tell(call: suspend () -> Unit): CompletableFuture<Void?> = ask { nothing(call) }

    /** Makes a call that runs the user's functions, on the executor from the start. */
    fun <T> work(call: suspend () -> T): CompletableFuture<T> = future(UNASKED) { call() }

    /** Like [work], for a call that returns nothing. */
    fun workOff(call: suspend () -> Unit): CompletableFuture<Void?> = work { nothing(call) }

    /** Returns a job that has not been started. Its exceptions go to the thread's handler. */
    fun prepare(call: suspend () -> Unit): Job = launch(start = CoroutineStart.LAZY) { call() }

    private suspend fun nothing(call: suspend () -> Unit): Void? {
        call()
        return null
    }

    private companion object {
        /** Ignores the later failure of a call that was cancelled. */
        val UNASKED = CoroutineExceptionHandler { _, _ -> }
    }

    /**
     * The library must assume that a dispatcher made from an executor runs work within the
     * call. This one does not, and so it gets replies directly.
     */
    private object Default : Elsewhere() {
        override fun dispatch(context: CoroutineContext, block: Runnable) = DEFAULT_EXECUTOR.execute(block)
    }
}

/** The executor of futures: the common pool, or a new thread each time if that pool may have none. */
internal val DEFAULT_EXECUTOR: Executor = CompletableFuture<Any>().defaultExecutor()
