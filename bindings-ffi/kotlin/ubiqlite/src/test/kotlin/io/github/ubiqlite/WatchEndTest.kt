package io.github.ubiqlite

import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** How a watch ends, and what it refuses. */
class WatchEndTest {
    private fun withTable(test: suspend CoroutineScope.(Database) -> Unit) = withDatabase { db ->
        db.batch("CREATE TABLE t (x)")
        withTimeout(60.seconds) { test(db) }
    }

    private val Database.handles: Set<Int> get() = target.client.handles

    /** Collects in the background, from the first result on; returns how many came. */
    private suspend fun CoroutineScope.waiting(updates: Flow<Update<Row>>) = CompletableDeferred<Unit>().let { first ->
        val count = async {
            var count = 0
            updates.collect {
                count += 1
                first.complete(Unit)
            }
            count
        }
        first.await()
        count
    }

    @Test
    fun `closing the database ends the flows that wait, normally`() {
        repeat(20) {
            withTable { db ->
                val all = List(10) { waiting(db.watch("SELECT * FROM t")) }
                db.close()
                assertEquals(List(10) { 1 }, all.awaitAll())
                assertEquals(emptySet<Int>(), db.handles)
            }
        }
    }

    @Test
    fun `a collector that closes the database has the last result`() = withTable { db ->
        var count = 0
        db.watch("SELECT * FROM t").collect {
            count += 1
            db.close()
        }
        assertEquals(1, count)
    }

    @Test
    fun `closing while results come neither hangs nor fails`() {
        repeat(20) { turn ->
            withTable { db ->
                val all = List(4) { waiting(db.watch("SELECT * FROM t")) }
                val writer = launch { runCatching { while (true) db.execute("INSERT INTO t VALUES (1)") } }
                repeat(turn) { yield() }
                db.close()
                all.awaitAll()
                writer.join()
            }
        }
    }

    @Test
    fun `a collection that ends leaves nothing behind`() = withTable { db ->
        repeat(100) { db.watch("SELECT * FROM t").first() }
        assertEquals(emptySet<Int>(), db.handles)
        val own = IllegalStateException("of the program")
        assertSame(own, assertFailsWith<IllegalStateException> { db.watch("SELECT * FROM t").collect { throw own } })
        val mapped = db.watch("SELECT 1 FROM (VALUES (1))").mapRows { throw own }
        assertSame(own, assertFailsWith<IllegalStateException> { mapped.collect() })
        assertEquals(emptySet<Int>(), db.handles)
    }

    @Test
    fun `cancelling ends a collection at any moment, and the database closes at once`() = withTable { db ->
        repeat(500) { turn ->
            val reading = launch(start = CoroutineStart.UNDISPATCHED) { db.watch("SELECT * FROM t").collect() }
            repeat(turn % 5) { yield() }
            if (turn % 3 == 0) db.execute("INSERT INTO t VALUES (1)")
            reading.cancelAndJoin()
        }
        val waiting = waiting(db.watch("SELECT count(*) FROM t"))
        waiting.cancelAndJoin()
        assertEquals(emptySet<Int>(), db.handles)
        withTimeout(5.seconds) { db.close() }
    }

    @Test
    fun `nothing runs before the collection, and a closed database is refused`() = withTable { db ->
        val flow = db.watch("SELECT * FROM later")
        db.batch("CREATE TABLE later (x)")
        assertEquals(emptySet<Int>(), db.handles)
        assertEquals(0, flow.first().rows.size)
        db.close()
        assertFailsWith<UbiqliteException.Closed> { flow.collect() }
        assertFailsWith<UbiqliteException.Closed> { db.touch("later") }
    }

    @Test
    fun `a table that is dropped ends its watches, and no others`() = withTable { db ->
        db.batch("CREATE TABLE doomed (x)")
        val other = waiting(db.watch("SELECT * FROM t"))
        val begun = CompletableDeferred<Unit>()
        val doomed = async { runCatching { db.watch("SELECT * FROM doomed").collect { begun.complete(Unit) } } }
        begun.await()
        db.batch("DROP TABLE doomed")
        val error = doomed.await().exceptionOrNull() as UbiqliteException.NoSuchTable
        assertEquals("doomed", error.table)
        assertTrue(other.isActive)
        db.close()
        other.await()
    }

    @Test
    fun `what can't be watched is refused`() = withTable { db ->
        suspend fun fails(flow: Flow<*>) = assertFailsWith<UbiqliteException> { flow.collect() }.kind
        assertEquals(ErrorKind.Unsupported, fails(db.watch("INSERT INTO t VALUES (1)")))
        assertEquals(ErrorKind.Unsupported, fails(db.watch("DELETE FROM t RETURNING x")))
        assertEquals(ErrorKind.NoSuchTable, fails(db.watch("SELECT * FROM nowhere")))
        assertEquals(ErrorKind.NoSuchTable, fails(db.table("nowhere").select().watch()))
        assertEquals(ErrorKind.NoSuchColumn, fails(db.table("t").select().where("y", 1).watch()))
        assertEquals(ErrorKind.Syntax, fails(db.watch("SELEC 1")))
        assertEquals(ErrorKind.InvalidArgument, fails(db.watch("SELECT 1", Any())))
        assertEquals(ErrorKind.InvalidArgument, fails(db.watch("SELECT ?")))
        assertEquals(ErrorKind.InvalidArgument, fails(db.watch("SELECT 1 AS a", key = "b")))
        assertEquals(0L, db.queryValue<Long>("SELECT count(*) FROM t"))
        assertEquals(emptySet<Int>(), db.handles)
    }

    @Test
    fun `a transaction, a session and a snapshot have no watches`() = withTable { db ->
        db.begin().use { tx -> assertFailsWith<UbiqliteException.Unsupported> { tx.table("t").select().watch().collect() } }
        db.acquire().use { assertFailsWith<UbiqliteException.Unsupported> { it.table("t").select().watch().collect() } }
        db.snapshot().use { assertFailsWith<UbiqliteException.Unsupported> { it.table("t").select().watch().collect() } }
    }

    @Test
    fun `a time limit holds for the wait for each result`() = withTable { db ->
        var count = 0
        assertFailsWith<UbiqliteException.Timeout> {
            db.timeout(50.milliseconds).watch("SELECT * FROM t").collect { count += 1 }
        }
        assertEquals(1, count)
        assertEquals(emptySet<Int>(), db.handles)
    }
}
