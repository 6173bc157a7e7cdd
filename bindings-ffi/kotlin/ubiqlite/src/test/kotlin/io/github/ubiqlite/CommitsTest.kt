package io.github.ubiqlite

import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** What the commit feed tells of each commit, and what ends it. */
class CommitsTest {
    private fun withItems(test: suspend CoroutineScope.(Database) -> Unit) = withDatabase { db ->
        db.batch(
            """
            CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE pairs (b INT, a TEXT, v, PRIMARY KEY (a, b)) WITHOUT ROWID;
            CREATE VIRTUAL TABLE notes USING fts5(body);
            INSERT INTO items VALUES (1, 'lamp'), (2, 'sofa');
            """,
        )
        withTimeout(60.seconds) { test(db) }
    }

    private fun CommitEvent.told(): String = tables.joinToString("; ")

    @Test
    fun `each commit is an event with its tables and keys, in order`() = withItems { db ->
        val events = Channel<CommitEvent>(Channel.UNLIMITED)
        val feed = launch(start = CoroutineStart.UNDISPATCHED) { db.commits().collect { events.send(it) } }
        var moment = 0L
        for ((sql, told) in listOf(
            "UPDATE items SET name = 'desk' WHERE id = 2" to "items: UPDATE 2",
            "INSERT INTO pairs VALUES (1, 'é', 0)" to "pairs: INSERT ${Key("é", 1L)}",
            "UPDATE items SET id = 5 WHERE id = 1" to "items: DELETE 1, INSERT 5",
            "INSERT INTO notes VALUES ('one')" to "notes: any",
            "DELETE FROM items" to "items: any",
        )) {
            db.execute(sql)
            val event = events.receive()
            assertEquals(told, event.told(), sql)
            assertEquals(listOf(false, false, false), listOf(event.everything, event.schema, event.external))
            assertTrue(event.moment > moment)
            moment = event.moment
        }
        assertEquals(0L, db.table("pairs").get(Key("é", 1))?.long("v"))
        db.execute("CREATE TABLE later (id INTEGER PRIMARY KEY)")
        assertTrue(events.receive().run { schema && everything })
        db.execute("INSERT INTO later VALUES (3)")
        assertEquals("later: INSERT 3", events.receive().told())
        feed.cancel()
    }

    @Test
    fun `a feed of some tables has no others, and nothing that is rolled back`() = withItems { db ->
        val first = async(start = CoroutineStart.UNDISPATCHED) { db.commits("PAIRS").first() }
        db.execute("INSERT INTO items VALUES (7, 'x')")
        assertFailsWith<IllegalStateException> {
            db.transaction { tx ->
                tx.execute("INSERT INTO pairs VALUES (1, 'undone', 0)")
                error("undone")
            }
        }
        db.transaction { tx ->
            tx.execute("DELETE FROM items WHERE id = 7")
            tx.execute("INSERT INTO pairs VALUES (1, 'a', 0)")
        }
        assertEquals("pairs: INSERT ${Key("a", 1L)}", first.await().told())
    }

    @Test
    fun `a slow collector loses detail and no change`() = withItems { db ->
        val (slow, written) = List(2) { CompletableDeferred<Unit>() }
        val seen = async(start = CoroutineStart.UNDISPATCHED) {
            val keys = ArrayList<Any?>()
            var events = 0
            db.commits("items").first { commit ->
                if (slow.complete(Unit)) written.await()
                commit.tables.single().rows?.forEach { keys.add(it.key) }
                events += 1
                keys.size == 200
            }
            keys to events
        }
        for (id in 1000..1199) db.execute("INSERT INTO items VALUES (?, '')", id)
        slow.await()
        written.complete(Unit)
        val (keys, events) = seen.await()
        assertEquals((1000L..1199L).toList(), keys)
        assertTrue(events <= 200)
    }

    @Test
    fun `closing the database ends the flow, and a time limit each wait`() = withItems { db ->
        val waiting = async(start = CoroutineStart.UNDISPATCHED) { db.commits().map { it.told() }.toList() }
        db.execute("DELETE FROM items WHERE id = 1")
        assertFailsWith<UbiqliteException.Timeout> { db.timeout(30.milliseconds).commits("nowhere").take(1).toList() }
        db.close()
        assertEquals(listOf("items: DELETE 1"), waiting.await())
        assertFailsWith<UbiqliteException.Closed> { db.commits().toList() }
    }
}
