package io.github.ubiqlite

import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.collect
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.retry
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

private const val ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)"

/** What waits in an outbox, and for how long. */
class OutboxTest {
    private fun withItems(test: suspend CoroutineScope.(Database) -> Unit) = withDatabase { db ->
        db.execute(ITEMS)
        withTimeout(60.seconds) { test(db) }
    }

    private val Database.handles: Set<Int> get() = target.client.handles

    /** The keys of the rows that a batch inserts into an empty copy. */
    private suspend fun inserted(batch: OutboxBatch?): List<Long> {
        checkNotNull(batch) { "there is no batch" }
        return Database.open(":memory:").use { copy ->
            copy.execute(ITEMS)
            copy.apply(batch.bytes, Policy.ABORT)
            copy.query("SELECT id FROM items ORDER BY id").map { it.long(0) }
        }
    }

    private suspend fun Outbox.all(): List<OutboxBatch> = ArrayList<OutboxBatch>().also { all ->
        while (true) all += next() ?: break
    }

    @Test
    fun `a batch is what one commit has changed, in the order of commits`() = withItems { db ->
        db.execute("CREATE TABLE others (id INTEGER PRIMARY KEY)")
        val outbox = db.outbox("items")
        assertNull(outbox.next())
        db.execute("INSERT INTO items VALUES (1, 'lamp')")
        db.transaction { tx ->
            tx.execute("INSERT INTO items VALUES (2, 'sofa')")
            tx.execute("INSERT INTO others VALUES (2)")
            tx.execute("INSERT INTO items VALUES (3, 'desk')")
        }
        db.execute("INSERT INTO others VALUES (1)")
        val all = outbox.all()
        assertEquals(listOf(listOf(1L), listOf(2L, 3L)), all.map { inserted(it) })
        assertTrue(all[0].id < all[1].id)
        assertNull(outbox.next())
    }

    @Test
    fun `what is rolled back is no batch`() = withItems { db ->
        val outbox = db.outbox("items")
        assertFailsWith<IllegalStateException> {
            db.transaction { tx ->
                tx.execute("INSERT INTO items VALUES (1, 'undone')")
                error("undone")
            }
        }
        db.transaction { tx ->
            runCatching {
                tx.savepoint { sp ->
                    sp.execute("INSERT INTO items VALUES (2, 'undone')")
                    error("undone")
                }
            }
            tx.execute("INSERT INTO items VALUES (3, 'kept')")
        }
        assertEquals(listOf(listOf(3L)), outbox.all().map { inserted(it) })
    }

    @Test
    fun `a batch stays until it is acknowledged, also when the database is opened again`() = inFolder { path ->
        val ids = Database.open(path).use { db ->
            db.execute(ITEMS)
            val outbox = db.outbox("items")
            for (id in 1..3) db.execute("INSERT INTO items VALUES (?, '')", id)
            outbox.all().map { it.id }
        }
        Database.open(path).use { db ->
            // Recorded without a call of `outbox`.
            db.execute("INSERT INTO items VALUES (4, '')")
            val outbox = db.outbox("items")
            assertEquals(ids, listOf(outbox.next(), outbox.next(), outbox.next()).map { it?.id })
            assertEquals(listOf(4L), inserted(outbox.next()))
            outbox.ack(ids[1])
        }
        Database.open(path).use { db ->
            val outbox = db.outbox("items")
            assertEquals(listOf(listOf(3L), listOf(4L)), outbox.all().map { inserted(it) })
            db.execute("INSERT INTO items VALUES (5, '')")
            val last = checkNotNull(outbox.next())
            outbox.ack(last.id)
            assertNull(db.outbox("items").next())
        }
    }

    @Test
    fun `a flow has what waits, then each new batch, and ends when the database is closed`() = withItems { db ->
        val outbox = db.outbox("items")
        db.execute("INSERT INTO items VALUES (1, '')")
        val batches = Channel<OutboxBatch>(Channel.UNLIMITED)
        val sending = launch(start = CoroutineStart.UNDISPATCHED) { outbox.batches().collect { batches.send(it) } }
        assertEquals(listOf(1L), inserted(batches.receive()))
        for (id in 2L..20) {
            db.execute("INSERT INTO items VALUES (?, '')", id)
            assertEquals(listOf(id), inserted(batches.receive()))
        }
        db.close()
        sending.join()
        assertTrue(!sending.isCancelled)
        assertTrue(batches.tryReceive().isFailure)
    }

    @Test
    fun `closing the database ends all flows that wait, and a call is refused`() {
        repeat(20) {
            withItems { db ->
                val outbox = db.outbox("items")
                db.execute("INSERT INTO items VALUES (1, '')")
                val first = List(4) { CompletableDeferred<Unit>() }
                val all = first.map { begun ->
                    async { outbox.batches().onEach { begun.complete(Unit) }.map { it.id }.toList() }
                }
                first.awaitAll()
                db.close()
                assertEquals(List(4) { 1 }, all.awaitAll().map { it.size })
                assertFailsWith<UbiqliteException.Closed> { outbox.next() }
                assertFailsWith<UbiqliteException.Closed> { outbox.ack(1) }
                assertFailsWith<UbiqliteException.Closed> { db.outbox("items") }
                assertFailsWith<UbiqliteException.Closed> { outbox.batches().toList() }
            }
        }
    }

    @Test
    fun `a collection that failed has its batch again`() = withItems { db ->
        val outbox = db.outbox("items")
        db.batch(List(5) { Statement("INSERT INTO items VALUES (?, '')", it) })
        for (id in 5..9) db.execute("INSERT INTO items VALUES (?, '')", id)
        val arrived = ArrayList<Long>()
        var failures = 0
        outbox.batches()
            .onEach { batch ->
                if (failures++ % 2 == 0) throw java.io.IOException("the network is down")
                arrived += inserted(batch)
                outbox.ack(batch.id)
            }
            .retry { it is java.io.IOException }
            .take(6)
            .collect()
        assertEquals((0L..9).toList(), arrived)
        assertNull(db.outbox("items").next())
    }

    @Test
    fun `a wait that is cancelled loses no batch`() = withItems { db ->
        val outbox = db.outbox("items")
        for (id in 1L..60) {
            val waiting = launch(start = CoroutineStart.UNDISPATCHED) { outbox.batches().collect() }
            val writing = launch { db.execute("INSERT INTO items VALUES (?, '')", id) }
            if (id % 3 == 0L) writing.join()
            waiting.cancelAndJoin()
            writing.join()
            // Its batch may have come before it was cancelled.
            var batch: OutboxBatch? = null
            launch(start = CoroutineStart.UNDISPATCHED) { batch = outbox.next() }.cancelAndJoin()
            assertEquals(listOf(id), inserted(batch ?: outbox.next()))
        }
        assertEquals(60, outbox.batches().take(60).toList().size)
        assertEquals(1L, db.handles.size.toLong())
        outbox.close()
        assertEquals(emptySet<Int>(), db.handles)
    }

    @Test
    fun `a time limit holds for each wait, after which nothing is lost`() = withItems { db ->
        val outbox = db.timeout(30.milliseconds).outbox("items")
        assertFailsWith<UbiqliteException.Timeout> { outbox.batches().first() }
        db.execute("INSERT INTO items VALUES (1, '')")
        assertEquals(listOf(1L), inserted(db.outbox("items").batches().first()))
    }

    @Test
    fun `a table that can't be recorded is refused, and no other is then`() = withItems { db ->
        db.execute("CREATE TABLE loose (a)")
        db.execute("CREATE VIRTUAL TABLE notes USING fts5(body)")
        db.execute("CREATE VIEW v AS SELECT 1")
        for (table in listOf("loose", "notes", "notes_content", "v")) {
            val error = assertFailsWith<UbiqliteException.InvalidArgument> { db.outbox("items", table) }
            assertTrue(table in error.message.orEmpty(), error.message)
        }
        assertFailsWith<UbiqliteException.NoSuchTable> { db.outbox("items", "nowhere") }
        db.execute("INSERT INTO items VALUES (1, '')")
        assertNull(db.outbox("items").next())
    }

    @Test
    fun `another call replaces the tables, and none ends the recording`() = withItems { db ->
        db.execute("CREATE TABLE others (id INTEGER PRIMARY KEY)")
        val outbox = db.outbox("items")
        db.execute("INSERT INTO items VALUES (1, '')")
        db.outbox("others").close()
        db.execute("INSERT INTO items VALUES (2, '')")
        db.execute("INSERT INTO others VALUES (3)")
        db.outbox().close()
        db.execute("INSERT INTO others VALUES (4)")
        assertEquals(2, outbox.all().size)
    }

    @Test
    fun `calls and collections of one outbox do not wait for each other`() = withItems { db ->
        val outbox = db.outbox("items")
        val waiting = List(3) { async(start = CoroutineStart.UNDISPATCHED) { outbox.batches().first() } }
        assertNull(outbox.next())
        db.execute("INSERT INTO items VALUES (1, '')")
        assertEquals(List(3) { listOf(1L) }, waiting.awaitAll().map { inserted(it) })
        val all = List(8) { async { outbox.next() } }.awaitAll()
        assertEquals(listOf(listOf(1L)), all.filterNotNull().map { inserted(it) })
    }

    @Test
    fun `closing an outbox ends its flow, and records as before`() = withItems { db ->
        val outbox = db.outbox("items")
        db.execute("INSERT INTO items VALUES (1, '')")
        val first = CompletableDeferred<Unit>()
        val sending = async { outbox.batches().onEach { first.complete(Unit) }.toList() }
        first.await()
        outbox.close()
        assertEquals(1, sending.await().size)
        db.execute("INSERT INTO items VALUES (2, '')")
        assertEquals(2, db.outbox("items").all().size)
    }

    @Test
    fun `what is closed takes no more calls, and closing again does nothing`() = withItems { db ->
        val outbox = db.outbox("items")
        outbox.close()
        outbox.close()
        assertFailsWith<UbiqliteException.Closed> { outbox.next() }
        assertFailsWith<UbiqliteException.Closed> { outbox.batches().first() }
        assertEquals(emptySet<Int>(), db.handles)
    }

    @Test
    fun `the capabilities say that changes can be recorded`() = withItems { db ->
        assertTrue(db.capabilities().changesets)
    }
}
