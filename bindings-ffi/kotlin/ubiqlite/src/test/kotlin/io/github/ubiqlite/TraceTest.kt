package io.github.ubiqlite

import java.util.concurrent.CountDownLatch
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.time.Duration
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertInstanceOf
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** What is told of calls: who waits and who runs, to listeners, and to nobody unless somebody listens. */
class TraceTest {
    /** The calls that a listener was told of, in order. */
    private class Told {
        private val calls = LinkedBlockingQueue<TracedCall>()

        val listener: (TracedCall) -> Unit = { calls.put(it) }

        fun next(): TracedCall = calls.poll(30, TimeUnit.SECONDS) ?: throw AssertionError("nothing more was told")

        fun next(count: Int): List<TracedCall> = List(count) { next() }

        /** Returns what was told before this call. A last one tells that all were. */
        suspend fun all(db: Database): List<TracedCall> {
            db.query("SELECT 'the last'")
            return generateSequence { next().takeIf { it.sql != "SELECT 'the last'" } }.toList()
        }
    }

    private fun traced(test: suspend kotlinx.coroutines.CoroutineScope.(Database, Told) -> Unit) = withDatabase { db ->
        db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
        val told = Told()
        db.trace(listener = told.listener)
        test(db, told)
    }

    @Test
    fun `a call tells what it was and how much there was`() = traced { db, told ->
        db.execute("INSERT INTO items VALUES (1, 'a'), (2, 'b')")
        db.query("SELECT * FROM items WHERE id > ?", 0)
        db.queryOptional("SELECT name FROM items WHERE id = 9")
        db.queryValue<String>("SELECT name FROM items")
        db.table("items").insert("name" to "d")
        db.table("items").get(1L)
        db.executeMany("INSERT INTO items (name) VALUES (?)", listOf(listOf("e"), listOf("f")))
        db.batch(listOf(Statement("DELETE FROM items WHERE id = ?", 1), Statement("DELETE FROM items WHERE id = 2")))
        db.timeout(1.hours).query("SELECT 'ä'")
        val calls = told.all(db)
        assertEquals(
            listOf(
                Triple("INSERT items", null, 2L), Triple("SELECT items", 2L, null), Triple("SELECT items", 0L, null),
                Triple("SELECT items", 1L, null), Triple("INSERT items", null, 1L), Triple("SELECT items", 1L, null),
                Triple("INSERT items", null, 2L), Triple("BATCH", null, 2L), Triple("SELECT", 1L, null),
            ),
            calls.map { Triple(it.summary, it.rows, it.rowsChanged) },
        )
        assertEquals(listOf("SELECT * FROM items WHERE id > ?", null, "SELECT 'ä'"), listOf(calls[1].sql, calls[4].sql, calls[8].sql))
        for (call in calls) {
            assertEquals(db.path, call.namespace)
            assertNull(call.error)
            assertTrue(call.run!! > Duration.ZERO && call.run!! <= call.duration, call.toString())
            assertTrue(call.queueWait!! >= Duration.ZERO, call.toString())
        }
    }

    @Test
    fun `a write behind a transaction waits and does not run`() = traced { db, told ->
        val held = 80.milliseconds
        val tx = db.begin()
        val waiting = async(start = CoroutineStart.UNDISPATCHED) { db.execute("INSERT INTO items (name) VALUES ('a')") }
        delay(held)
        tx.commit()
        waiting.await()
        val waited = told.next(3).single { it.summary == "INSERT items" }
        assertTrue(waited.queueWait!! >= held / 2, waited.toString())
        assertTrue(waited.run!! < held, waited.toString())
        assertEquals(1L, waited.rowsChanged)
    }

    @Test
    fun `a stream is one call from its beginning to its end`() = traced { db, told ->
        assertEquals(5000, db.stream("$NUMBERS LIMIT 5000").toList().size)
        val whole = told.next()
        assertEquals(listOf("SELECT r", 5000L, null), listOf(whole.summary, whole.rows, whole.error))
        assertEquals(1, db.stream(NUMBERS).take(1).toList().size)
        val left = told.next()
        assertEquals(listOf(NUMBERS, null), listOf(left.sql, left.error))
        assertTrue(left.rows!! > 0)
        val reading = launch(start = CoroutineStart.UNDISPATCHED) { db.stream(NUMBERS).collect { delay(1.hours) } }
        delay(5.milliseconds)
        reading.cancelAndJoin()
        assertEquals(listOf(NUMBERS, null), told.next().let { listOf(it.sql, it.error) })
        assertFailsWith<UbiqliteException> { db.stream("SELECT abs(-9223372036854775807 - i) FROM ($NUMBERS LIMIT 9)").toList() }
        assertTrue("overflow" in told.next().error!!.message!!)
    }

    @Test
    fun `what failed says why`() = traced { db, told ->
        db.execute("INSERT INTO items (name) VALUES ('a')")
        assertFailsWith<UbiqliteException.UniqueViolation> { db.execute("INSERT INTO items (name) VALUES ('a')") }
        assertFailsWith<UbiqliteException.Syntax> { db.query("SELEC 1") }
        val (_, twice, wrong) = told.all(db)
        assertInstanceOf(UbiqliteException.UniqueViolation::class.java, twice.error)
        assertNull(twice.rowsChanged)
        assertInstanceOf(UbiqliteException.Syntax::class.java, wrong.error)
    }

    @Test
    fun `a call that is given up is told as cancelled`() = traced { db, told ->
        db.transaction { _ ->
            val waiting = launch(start = CoroutineStart.UNDISPATCHED) { db.execute("INSERT INTO items (name) VALUES ('a')") }
            waiting.cancelAndJoin()
        }
        val call = told.next(3).single { it.error != null }
        assertInstanceOf(UbiqliteException.Cancelled::class.java, call.error)
        assertEquals("INSERT INTO items (name) VALUES ('a')", call.sql)
        assertEquals(listOf(null, null, null), listOf(call.queueWait, call.run, call.rows))
    }

    @Test
    fun `a slow call that is given up is told as slow`() = traced { db, told ->
        val slow = Told()
        db.trace(slowerThan = 5.milliseconds, slow.listener)
        val slower = LinkedBlockingQueue<TracedCall>()
        db.trace(slowerThan = 1.hours) { slower.put(it) }
        val running = launch(start = CoroutineStart.UNDISPATCHED) { db.query("SELECT count(*) FROM ($NUMBERS)") }
        delay(20.milliseconds)
        running.cancelAndJoin()
        val call = slow.next()
        assertInstanceOf(UbiqliteException.Cancelled::class.java, call.error)
        assertNull(call.run)
        assertEquals(1, told.all(db).size)
        assertTrue(slower.isEmpty())
    }

    @Test
    fun `a listener that hangs keeps a bounded number of calls, and is told how many it missed`() = traced { db, _ ->
        val begun = CountDownLatch(1)
        val hung = CountDownLatch(1)
        val calls = LinkedBlockingQueue<TracedCall>()
        val removed = db.trace {
            begun.countDown()
            hung.await()
            calls.put(it)
        }
        db.query("SELECT 1")
        begun.await()
        repeat(1199) { db.query("SELECT 1") }
        hung.countDown()
        // It had begun with the first, and 1000 waited.
        val first = List(1001) { calls.poll(30, TimeUnit.SECONDS)!! }
        assertEquals(0L, first.sumOf { it.missed })
        db.query("SELECT 2")
        val next = calls.poll(30, TimeUnit.SECONDS)!!
        assertEquals(listOf("SELECT 2", 199L), listOf(next.sql, next.missed))
        removed.close()
    }

    @Test
    fun `a listener that is removed is not told of what still waits for it`() = traced { db, _ ->
        val begun = CountDownLatch(1)
        val hung = CountDownLatch(1)
        val calls = LinkedBlockingQueue<TracedCall>()
        val removed = db.trace {
            calls.put(it)
            begun.countDown()
            hung.await()
        }
        db.query("SELECT 1")
        begun.await()
        repeat(10) { db.query("SELECT 2") }
        removed.close()
        hung.countDown()
        // Listeners are told in order: this one after the other would have been.
        val last = Told()
        db.trace(listener = last.listener)
        db.query("SELECT 3")
        assertEquals("SELECT 3", last.next().sql)
        assertEquals(listOf("SELECT 1"), calls.map { it.sql })
    }

    @Test
    fun `watches and feeds are no calls`() = traced { db, told ->
        db.watch("SELECT count(*) FROM items").first()
        db.capabilities()
        db.touch("items")
        assertEquals(emptyList<TracedCall>(), told.all(db))
    }

    @Test
    fun `a listener may block and fail, and is told of nothing once it is removed`() = traced { db, told ->
        val slow = Told()
        val removed = db.trace(slowerThan = 5.milliseconds, slow.listener)
        val uncaught = LinkedBlockingQueue<Throwable>()
        val before = Thread.getDefaultUncaughtExceptionHandler()
        Thread.setDefaultUncaughtExceptionHandler { _, error -> uncaught.put(error) }
        try {
            db.trace {
                Thread.sleep(1)
                error("of the listener")
            }.use {
                db.query("SELECT 1")
                assertEquals("of the listener", uncaught.poll(30, TimeUnit.SECONDS)?.message)
            }
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(before)
        }
        val long = "SELECT count(*) FROM ($NUMBERS LIMIT 500000)"
        db.queryValue<Long>(long)
        assertEquals(long, slow.next().sql)
        removed.close()
        removed.close()
        db.queryValue<Long>(long)
        assertEquals(listOf("SELECT 1", long, long), told.all(db).map { it.sql })
        // One who is told of all calls has seen the second: the other was not.
        db.trace(slowerThan = 5.milliseconds, slow.listener).use {
            db.queryValue<Long>("$long -- again")
            assertEquals("$long -- again", slow.next().sql)
        }
    }

    @Test
    fun `a call of which nobody is told is not measured`() = withDatabase { db ->
        val told = Told()
        db.trace(listener = told.listener).close()
        db.query("SELECT 1")
        db.trace(listener = told.listener)
        assertEquals(emptyList<TracedCall>(), told.all(db))
    }
}
