package io.github.ubiqlite

import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.takeWhile
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** Several queries whose results belong to one moment. */
class WatchAllTest {
    private fun withTwo(test: suspend CoroutineScope.(Database) -> Unit) = withDatabase { db ->
        db.batch("CREATE TABLE a (v INT); CREATE TABLE b (v INT); INSERT INTO a VALUES (0), (10); INSERT INTO b VALUES (0)")
        withTimeout(60.seconds) { test(db) }
    }

    private val a = Statement("SELECT v FROM a WHERE v <= ?", 1000)
    private val b = Statement("SELECT v FROM b")

    @Test
    fun `the results are of one moment, also while others write`() = withTwo { db ->
        val both = async {
            var lists = 0
            db.watchAll(a, b).takeWhile { (a, b) ->
                assertEquals(a.rows[0].long(0), b.rows[0].long(0))
                assertEquals(a.moment, b.moment)
                lists += 1
                a.rows[0].long(0) < 300
            }.collect()
            lists
        }
        for (value in 1..300) {
            db.transaction { tx ->
                tx.execute("UPDATE a SET v = ? WHERE v < 10", value.coerceAtMost(9))
                tx.execute("UPDATE a SET v = ? WHERE rowid = 1", value)
                tx.execute("UPDATE b SET v = ?", value)
            }
        }
        assertTrue(both.await() in 2..301)
    }

    @Test
    fun `what differs is told for each query, and rows that stay are the same objects`() = withTwo { db ->
        val lists = Channel<List<Update<Row>>>(Channel.UNLIMITED)
        val watching = launch(start = CoroutineStart.UNDISPATCHED) { db.watchAll(a, b).collect { lists.send(it) } }
        val first = lists.receive()
        assertEquals(listOf(listOf(0, 1), listOf(0)), first.map { it.added })
        db.execute("INSERT INTO b VALUES (7)")
        val next = lists.receive()
        assertEquals(listOf(emptyList(), listOf(1)), next.map { it.added })
        assertSame(first[0].rows[1], next[0].rows[1])
        assertSame(first[1].rows[0], next[1].rows[0])
        db.execute("DELETE FROM a WHERE v = 0")
        val last = lists.receive()
        assertEquals(listOf(listOf(0), emptyList()), last.map { it.removed })
        assertEquals(listOf(listOf(10L), listOf(0L, 7L)), last.map { result -> result.rows.map { it.long(0) } })
        db.close()
        watching.join()
        assertTrue(!watching.isCancelled && lists.tryReceive().isFailure)
    }

    @Test
    fun `a row is told apart by the key of its own query`() = withTwo { db ->
        db.execute("CREATE TABLE c (id INTEGER PRIMARY KEY, v INT)")
        db.execute("INSERT INTO c VALUES (1, 1), (2, 2)")
        val lists = Channel<List<Update<Row>>>(Channel.UNLIMITED)
        val keyless = Statement("SELECT id, v FROM c WHERE id > ?", 0)
        val watching = launch { db.watchAll(keyless, keyless.key("id"), keyless.key("v", "id")).collect { lists.send(it) } }
        lists.receive()
        db.execute("UPDATE c SET v = 7 WHERE id = 2")
        val next = lists.receive()
        assertEquals(listOf(listOf(1), emptyList(), listOf(1)), next.map { it.added })
        assertEquals(listOf(listOf(1), emptyList(), listOf(1)), next.map { it.removed })
        assertEquals(listOf(emptyList(), listOf(1), emptyList()), next.map { it.updated })
        watching.cancel()
    }

    @Test
    fun `what is wrong with one of the queries ends the flow`() = withTwo { db ->
        val gone = assertFailsWith<UbiqliteException.NoSuchTable> { db.watchAll(a, Statement("SELECT * FROM gone")).first() }
        assertEquals(1, gone.index)
        assertFailsWith<UbiqliteException.InvalidArgument> { db.watchAll(a, b.key("gone")).first() }
        assertFailsWith<UbiqliteException.Unsupported> { db.watchAll(a, Statement("DELETE FROM b")).first() }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.watchAll(a, Statement("SELECT ?")).first() }
        assertFailsWith<UbiqliteException.InvalidArgument> { db.watchAll().first() }
        val error = assertFailsWith<UbiqliteException.InvalidArgument> { db.watchAll(a, Statement("SELECT ?", Any())).first() }
        assertEquals(1, error.index)
        val dropped = async { runCatching { db.watchAll(a, b).collect { if (it[0].rows.size == 2) db.execute("DROP TABLE b") } } }
        assertTrue(dropped.await().exceptionOrNull() is UbiqliteException.NoSuchTable)
        assertFailsWith<UbiqliteException.Timeout> { db.timeout(50.milliseconds).watchAll(a, a).collect() }
        assertEquals(emptySet<Int>(), db.target.client.handles)
        assertEquals(2, db.watchAll(a, a).first().size)
        db.close()
        assertFailsWith<UbiqliteException.Closed> { db.watchAll(a).first() }
    }
}
