package io.github.ubiqlite

import java.util.concurrent.CompletableFuture
import java.util.concurrent.Executor
import java.util.concurrent.TimeUnit
import kotlin.coroutines.AbstractCoroutineContextElement
import kotlin.coroutines.Continuation
import kotlin.coroutines.ContinuationInterceptor
import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.startCoroutine
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The program's code never runs where it could keep other calls from going on. */
class ThreadsTest {
    /** An interceptor that intercepts nothing. */
    private object None : AbstractCoroutineContextElement(ContinuationInterceptor), ContinuationInterceptor {
        override fun <T> interceptContinuation(continuation: Continuation<T>) = continuation
    }

    private val sameThread = Executor { it.run() }.asCoroutineDispatcher()

    /** Those of which a coroutine goes on within the call that resumes it. */
    private val inPlace: Map<String, CoroutineContext> = mapOf(
        "no dispatcher" to EmptyCoroutineContext,
        "Unconfined" to Dispatchers.Unconfined,
        "an executor that is the caller's thread" to sameThread,
        "a view of it" to sameThread.limitedParallelism(1),
        "an interceptor" to None,
    )

    private fun <T> run(context: CoroutineContext, main: suspend () -> T): T {
        val ended = CompletableFuture<T>()
        main.startCoroutine(Continuation(context) { result -> result.fold(ended::complete, ended::completeExceptionally) })
        return ended.get(60, TimeUnit.SECONDS)
    }

    /** Blocks the thread by calls that others have to answer. */
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
            // A dispatcher that has threads of its own needs none.
            assertEquals(1000L, db.queryValue<Long>("SELECT x FROM t"))
        }
    }

    private fun programThreads() = Thread.getAllStackTraces().keys.count { it.name.startsWith("ubiqlite-program") }
}
