package io.github.ubiqlite

import kotlin.random.Random
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class CancellationTest {
    @Test
    fun `a hundred thousand random cancellations leave no transaction open, no connection lent and no thread`() =
        withDatabase({ sessions = 4; synchronous = Synchronous.NORMAL }) { db ->
            db.batch("CREATE TABLE a (x); CREATE TABLE b (x); INSERT INTO a VALUES (0); INSERT INTO b VALUES (0)")
            // Run each kind once, so that every thread that will be needed exists.
            repeat(KINDS) { kind -> work(db, kind) }
            val threads = Thread.activeCount()
            coroutineScope {
                repeat(WORKERS) { worker -> launch { cancelOften(db, Random(worker), CANCELLATIONS / WORKERS) } }
            }
            withTimeout(30.seconds) {
                // Any open transaction would block this one.
                db.transaction { tx -> tx.execute("UPDATE a SET x = x + 0") }
                coroutineScope { repeat(4) { launch { db.acquire().use { it.queryValue<Long>("SELECT 1") } } } }
                coroutineScope { repeat(4) { launch { db.snapshot().use { it.queryValue<Long>("SELECT 1") } } } }
            }
            // A transaction happened completely or not at all.
            assertEquals(db.queryValue<Long>("SELECT x FROM a"), db.queryValue<Long>("SELECT x FROM b"))
            delay(200)
            // The dispatcher's threads come and go; the database has as many as before.
            assertTrue(Thread.activeCount() <= threads + 4, "${Thread.activeCount()} threads, $threads before")
        }

    private suspend fun cancelOften(db: Database, random: Random, times: Int) = coroutineScope {
        repeat(times) {
            val job = launch(start = CoroutineStart.UNDISPATCHED) { work(db, random.nextInt(KINDS)) }
            repeat(random.nextInt(4)) { yield() }
            if (random.nextInt(50) == 0) delay(random.nextLong(3))
            job.cancelAndJoin()
        }
    }

    private suspend fun work(db: Database, kind: Int) {
        when (kind) {
            0 -> db.queryValue<Long>("SELECT x FROM a")
            1 -> db.execute("UPDATE a SET x = x + 0")
            2 -> db.transaction { tx ->
                tx.execute("UPDATE a SET x = x + 1")
                tx.savepoint { it.execute("UPDATE b SET x = x + 1") }
            }
            3 -> db.snapshot().use { it.queryValue<Long>("SELECT x FROM b") }
            4 -> db.acquire().use { session -> session.transaction { it.execute("UPDATE a SET x = x + 0") } }
            5 -> db.stream(NUMBERS).take(2000).collect()
            6 -> db.executeMany("UPDATE a SET x = x + ?", List(3) { listOf(0) })
            7 -> db.table("a").select().where("x", Comparison.GE, 0).all()
            8 -> db.begin().use { it.execute("UPDATE a SET x = x + 1") }
            else -> db.query("SELECT * FROM a, b")
        }
    }

    @Test
    fun `a transaction is rolled back when its coroutine is cancelled, before the next write`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        val begun = Job()
        val job = launch {
            db.transaction { tx ->
                tx.execute("INSERT INTO t VALUES (1)")
                begun.complete()
                delay(60.seconds)
            }
        }
        begun.join()
        job.cancelAndJoin()
        db.execute("INSERT INTO t VALUES (2)")
        assertEquals(listOf(2L), db.query("SELECT x FROM t").map { it.long(0) })
    }

    @Test
    fun `a commit that is given up while it waits behind a long call leaves nothing open`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        val tx = db.begin()
        tx.execute("INSERT INTO t VALUES (1)")
        val long = launch { runCatching { tx.queryValue<Long>(ENDLESS) } }
        delay(30)
        val commit = launch(start = CoroutineStart.UNDISPATCHED) { tx.commit() }
        delay(30)
        commit.cancelAndJoin()
        withTimeout(5.seconds) { db.execute("INSERT INTO t VALUES (2)") }
        long.cancelAndJoin()
        assertEquals(listOf(2L), db.query("SELECT x FROM t").map { it.long(0) })
    }

    @Test
    fun `a coroutine that is cancelled already asks for nothing`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        val job = Job().apply { cancel() }
        assertFailsWith<CancellationException> {
            CoroutineScope(Dispatchers.Default + job).async { db.execute("INSERT INTO t VALUES (1)") }.await()
        }
        val late = async(start = CoroutineStart.UNDISPATCHED) {
            coroutineContext.job().cancel()
            db.execute("INSERT INTO t VALUES (1)")
        }
        assertFailsWith<CancellationException> { late.await() }
        assertEquals(0L, db.queryValue<Long>("SELECT count(*) FROM t"))
    }

    private fun kotlin.coroutines.CoroutineContext.job(): Job = checkNotNull(this[Job])

    @Test
    fun `a running query stops when its coroutine is cancelled`() = withDatabase({ readers = 1 }) { db ->
        repeat(20) {
            val query = launch { db.queryValue<Long>(ENDLESS) }
            delay(5)
            query.cancelAndJoin()
        }
        assertEquals(1L, withTimeout(5.seconds) { db.queryValue<Long>("SELECT 1") })
    }

    @Test
    fun `a stream that is left gives its connection back`() = withDatabase({ readers = 1 }) { db ->
        repeat(50) { assertEquals(1L, db.stream(NUMBERS).first().long(0)) }
        val reading = launch { db.stream(NUMBERS).collect { if (it.long(0) == 100_000L) delay(60.seconds) } }
        delay(50)
        reading.cancelAndJoin()
        assertEquals(1L, withTimeout(5.seconds) { db.snapshot().use { it.queryValue<Long>("SELECT 1") } })
    }

    @Test
    fun `withTimeout gives a call up, and what it would have written is not there`() = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        assertFailsWith<CancellationException> {
            withTimeout(50.milliseconds) { db.execute("INSERT INTO t $NUMBERS") }
        }
        assertEquals(0L, db.queryValue<Long>("SELECT count(*) FROM t"))
    }

    private companion object {
        const val CANCELLATIONS = 100_000
        const val WORKERS = 8
        const val KINDS = 10
    }
}
