package io.github.ubiqlite

import io.github.ubiqlite.internal.Program
import java.util.concurrent.CompletableFuture
import java.util.concurrent.Executor
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.RejectedExecutionException
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicBoolean
import kotlin.coroutines.AbstractCoroutineContextElement
import kotlin.coroutines.Continuation
import kotlin.coroutines.ContinuationInterceptor
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.startCoroutine
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.MainCoroutineDispatcher
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout

/** The program's code never runs where it could block other calls. */
class ThreadsTest {
    /** An interceptor that intercepts nothing. */
    private object None : AbstractCoroutineContextElement(ContinuationInterceptor), ContinuationInterceptor {
        override fun <T> interceptContinuation(continuation: Continuation<T>) = continuation
    }

    private val sameThread = Executor { it.run() }.asCoroutineDispatcher()

    /** The program's own dispatcher, about which nothing is known. */
    private class Own(private val give: (Runnable) -> Unit) : CoroutineDispatcher() {
        override fun dispatch(context: CoroutineContext, block: Runnable) = give(block)
    }

    /** A dispatcher like that of a program's main thread. */
    private class Main(private val give: (Runnable) -> Unit) : MainCoroutineDispatcher() {
        override val immediate get() = this
        override fun dispatch(context: CoroutineContext, block: Runnable) = give(block)
    }

    /** Contexts in which a coroutine continues within the call that resumes it. */
    private val inPlace: Map<String, CoroutineContext> = mapOf(
        "no dispatcher" to EmptyCoroutineContext,
        "Unconfined" to Dispatchers.Unconfined,
        "an executor that is the caller's thread" to sameThread,
        "a view of it" to sameThread.limitedParallelism(1),
        "an interceptor" to None,
        "a dispatcher of its own" to Own { it.run() },
        "a view of that" to Own { it.run() }.limitedParallelism(1),
    )

    private fun <T> run(context: CoroutineContext, main: suspend () -> T): T {
        val ended = CompletableFuture<T>()
        main.startCoroutine(Continuation(context) { result -> result.fold(ended::complete, ended::completeExceptionally) })
        return ended.get(60, TimeUnit.SECONDS)
    }

    /** Blocks the thread with calls that other threads must complete. */
    private fun block(db: Database, after: String) {
        val thread = Thread.currentThread().name
        assertTrue(!thread.startsWith("ubiqlite-replies") && !thread.startsWith("DefaultDispatcher"), "after $after on $thread")
        runBlocking {
            db.execute("UPDATE t SET x = x + 1")
            launch(Dispatchers.Unconfined) { db.execute("UPDATE t SET x = x + 1") }
        }
    }

    @Test
    fun `a program without a dispatcher may block after every wait`() {
        for ((name, context) in inPlace) inFolder { path ->
            run(context) {
                val db = Database.open(path)
                db.batch("CREATE TABLE t (x); INSERT INTO t VALUES (0)")
                block(db, "a script with $name")
                db.execute("UPDATE t SET x = x + 1")
                block(db, "a write with $name")
                db.begin().use { tx -> tx.execute("UPDATE t SET x = x + 1") }
                block(db, "a transaction with $name")
                db.acquire().use { it.execute("CREATE TEMP TABLE seen (id)") }
                block(db, "a session with $name")
                assertEquals(2000, db.stream(NUMBERS).take(2000).toList().size)
                block(db, "a stream with $name")
                assertFailsWith<UbiqliteException.Syntax> { db.batch("SELEC") }
                block(db, "an error with $name")
                db.transaction { tx ->
                    tx.execute("UPDATE t SET x = x + 1")
                    runBlocking { tx.execute("UPDATE t SET x = x + 1") }
                }
                assertFailsWith<UbiqliteException> { Database.open("/") }
                block(db, "an open that failed with $name")
                Database.open(":memory:").use { other ->
                    block(db, "opening with $name")
                    other.batch("CREATE TABLE t (x)")
                }
                block(db, "closing with $name")
                assertEquals(21L, db.queryValue<Long>("SELECT x FROM t"))
                db.close()
            }
        }
    }

    @Test
    fun `a call that is answered as its handle is dropped goes on on another thread`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x); INSERT INTO t VALUES (0)")
        val tx = db.begin()
        val dropping = Thread.currentThread()
        val thread = CompletableFuture<Thread>()
        val waiting: suspend () -> Unit = {
            runCatching { tx.queryValue<Long>(ENDLESS) }
            thread.complete(Thread.currentThread())
        }
        waiting.startCoroutine(Continuation(EmptyCoroutineContext) { })
        tx.close()
        assertTrue(thread.get(30, TimeUnit.SECONDS) !== dropping)
    }

    @Test
    fun `the threads for programs are as many as block, and no more`() = inFolder { path ->
        Database.open(path).use { db ->
            db.batch("CREATE TABLE t (x); INSERT INTO t VALUES (0)")
            val before = programThreads()
            repeat(50) { run(EmptyCoroutineContext) { repeat(20) { db.execute("UPDATE t SET x = x + 1") } } }
            assertTrue(programThreads() <= before + 2, "${programThreads()} threads, $before before")
            // A dispatcher that has its own threads needs none of these.
            assertEquals(1000L, db.queryValue<Long>("SELECT x FROM t"))
        }
    }

    // Without its reply thread a database can't even close.
    @Timeout(60)
    @Test
    fun `a dispatcher that throws ends its own coroutine, and no other's call`() {
        val refuses = AtomicBoolean()
        val give = { block: Runnable ->
            if (refuses.get()) throw RejectedExecutionException("shut down")
            Dispatchers.Default.dispatch(EmptyCoroutineContext, block)
        }
        for (dispatcher in listOf(Own(give), Main(give))) withDatabase { db ->
            refuses.set(false)
            db.batch("CREATE TABLE t (x); INSERT INTO t VALUES (0)")
            val errors = errorsOfThreads {
                val tx = db.begin()
                val others = List(40) { number ->
                    // Requested before this continues, and completed together.
                    val own = if (number % 4 == 0) CoroutineScope(dispatcher + Job()) else this
                    own.async(start = CoroutineStart.UNDISPATCHED) { db.execute("UPDATE t SET x = x + 1") }.takeIf { own === this }
                }.filterNotNull()
                refuses.set(true)
                tx.close()
                withTimeout(30_000) { others.awaitAll() }
                assertEquals(40L, withTimeout(30_000) { db.queryValue<Long>("SELECT x FROM t") })
            }
            // The error reaches the coroutine that it belongs to.
            assertTrue(errors.any { error -> generateSequence(error) { it.cause }.any { it is RejectedExecutionException } }, errors.toString())
        }
    }

    /** Returns the errors that threads fail with during [work]; there must be at least one. */
    private suspend fun errorsOfThreads(work: suspend () -> Unit): List<Throwable> {
        val errors = LinkedBlockingQueue<Throwable>()
        val before = Thread.getDefaultUncaughtExceptionHandler()
        Thread.setDefaultUncaughtExceptionHandler { _, error -> errors += error }
        try {
            work()
            return listOfNotNull(errors.poll(30, TimeUnit.SECONDS)) + errors
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before)
        }
    }

    @Test
    fun `a dispatcher that is known to be elsewhere is given replies directly`() {
        val elsewhere = mapOf(
            "Default" to Dispatchers.Default, "IO" to Dispatchers.IO, "a view of Default" to Dispatchers.Default.limitedParallelism(1),
            "a view of IO" to Dispatchers.IO.limitedParallelism(100), "a view of that" to Dispatchers.IO.limitedParallelism(8).limitedParallelism(1),
            "the main thread" to Main { }, "runBlocking" to runBlocking { coroutineContext },
        )
        for ((name, context) in elsewhere) assertTrue(Program.isElsewhere(context), name)
        for ((name, context) in inPlace) assertFalse(Program.isElsewhere(context), name)
    }

    private fun programThreads() = Thread.getAllStackTraces().keys.count { it.name.startsWith("ubiqlite-program") }
}
