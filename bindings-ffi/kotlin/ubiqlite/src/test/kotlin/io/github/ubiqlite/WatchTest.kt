package io.github.ubiqlite

import java.util.IdentityHashMap
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.produceIn
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.Serializable
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNotSame
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** What a watch emits, and what it does not. `WatchEndTest` has how it ends. */
class WatchTest {
    @Serializable
    private data class Item(val id: Long, val name: String)

    private fun withItems(test: suspend CoroutineScope.(Database) -> Unit) = withDatabase { db ->
        db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE); CREATE TABLE other (x)")
        db.batch("INSERT INTO items VALUES (1, 'lamp'), (2, 'sofa'), (3, 'pen')")
        withTimeout(60.seconds) { test(db) }
    }

    private suspend fun <T> ReceiveChannel<T>.next(): T = withTimeout(20.seconds) { receive() }

    /** Collects in the background. Each update waits for its receiver. */
    private suspend fun <T> CoroutineScope.reading(updates: Flow<T>, test: suspend (ReceiveChannel<T>) -> Unit) {
        val results = updates.buffer(Channel.RENDEZVOUS).produceIn(this)
        test(results)
        results.cancel()
    }

    private fun Update<Row>.names(): List<String> = rows.map { it.string("name") }

    @Test
    fun `the first result is the result now, and the next tells what a change was`() = withItems { db ->
        reading(db.watch("SELECT id, name FROM items ORDER BY id", key = "id")) { results ->
            val first = results.next()
            assertEquals(listOf("lamp", "sofa", "pen"), first.names())
            assertEquals(listOf(0, 1, 2), first.added)
            assertEquals(emptyList<Int>(), first.removed + first.updated)

            db.batch("INSERT INTO items VALUES (0, 'cup'); DELETE FROM items WHERE id = 1; UPDATE items SET name = 'ink' WHERE id = 3")
            val next = results.next()
            assertEquals(listOf("cup", "sofa", "ink"), next.names())
            assertEquals(listOf(0), next.added)
            assertEquals(listOf(0), next.removed)
            assertEquals(listOf(2), next.updated)
            assertTrue(next.moment > first.moment)
            assertEquals("Update(3 rows, 1 added, 1 removed, 1 updated)", next.toString())

            db.execute("DELETE FROM items")
            val last = results.next()
            assertEquals(emptyList<Row>(), last.rows)
            assertEquals(listOf(0, 1, 2), last.removed)
        }
    }

    @Test
    fun `what does not change the result emits nothing`() = withItems { db ->
        reading(db.watch("SELECT * FROM items WHERE id < ?", 100)) { results ->
            results.next()
            // Whoever sees this one's results knows that the commits before were looked at.
            reading(db.watch("SELECT count(*) FROM other")) { barrier ->
                barrier.next()
                val changes = listOf(
                    "UPDATE items SET name = name",
                    "INSERT INTO items VALUES (1000, 'far')",
                    "INSERT OR IGNORE INTO items VALUES (1, 'x')",
                    "DELETE FROM items WHERE id = 77",
                    "CREATE TABLE third (a)",
                    "CREATE INDEX by_name ON items (name)",
                )
                for (change in changes) {
                    db.execute(change)
                    db.execute("INSERT INTO other VALUES (1)")
                    barrier.next()
                    assertTrue(results.tryReceive().isFailure, change)
                }
                assertFailsWith<IllegalStateException> {
                    db.transaction { tx ->
                        tx.execute("DELETE FROM items")
                        error("rolled back")
                    }
                }
                db.transaction { tx ->
                    tx.execute("INSERT INTO items VALUES (8, 'gone')")
                    tx.execute("DELETE FROM items WHERE id = 8")
                }
            }
            db.execute("INSERT INTO items VALUES (4, 'cup')")
            val next = results.next()
            assertEquals(listOf("lamp", "sofa", "pen", "cup"), next.names())
            assertEquals(listOf(3), next.added)
        }
    }

    @Test
    fun `each kind of change is seen`() {
        val schema = """
            CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
            CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
            CREATE TABLE children (id INTEGER PRIMARY KEY, item INT REFERENCES items (id) ON DELETE CASCADE);
            CREATE TABLE log (message TEXT);
            CREATE TRIGGER logs AFTER UPDATE ON items BEGIN INSERT INTO log VALUES (new.name); END;
            CREATE VIRTUAL TABLE notes USING fts5(body);
            INSERT INTO items VALUES (1, 'lamp'), (2, 'sofa');
            INSERT INTO kv VALUES ('a', '1'), ('b', '2');
            INSERT INTO children VALUES (1, 1), (2, 2);
            INSERT INTO notes VALUES ('one two'), ('two three');
        """
        val changes = listOf(
            "SELECT * FROM items WHERE id = 1" to "REPLACE INTO items VALUES (8, 'lamp')",
            "SELECT * FROM children" to "DELETE FROM items WHERE id = 1",
            "SELECT * FROM items" to "DELETE FROM items",
            "SELECT * FROM kv" to "UPDATE kv SET v = '9' WHERE k = 'a'",
            "SELECT v FROM kv" to "DELETE FROM kv",
            "SELECT * FROM log" to "UPDATE items SET name = 'x' WHERE id = 2",
            "SELECT rowid FROM notes WHERE notes MATCH 'two'" to "INSERT INTO notes VALUES ('two')",
            "SELECT * FROM kv" to "ALTER TABLE kv ADD COLUMN more INT DEFAULT 3",
            "SELECT count(*) FROM kv" to "DROP TABLE kv; CREATE TABLE kv (k)",
            "SELECT name FROM sqlite_schema" to "CREATE TABLE another (a)",
        )
        for ((query, change) in changes) withDatabase { db ->
            db.batch(schema)
            reading(db.watch(query)) { results ->
                val first = results.next().rows
                assertEquals(db.query(query), first, change)
                db.batch(change)
                val next = results.next().rows
                assertEquals(db.query(query), next, change)
                assertFalse(first == next, "$change changes nothing")
            }
        }
    }

    @Test
    fun `rows that stay are the same objects, and are converted once`() = withItems { db ->
        val converted = ArrayList<Long>()
        val items = db.watch("SELECT * FROM items ORDER BY name", key = "id")
        val typed = items.mapRows { row -> row.into<Item>().also { converted += it.id } }
        reading(typed) { results ->
            val first = results.next().rows
            assertEquals(listOf(Item(1, "lamp"), Item(3, "pen"), Item(2, "sofa")), first)
            // The rows that stay change places.
            db.batch("UPDATE items SET name = 'zebra' WHERE id = 1; INSERT INTO items VALUES (9, 'axe')")
            val next = results.next()
            assertEquals(listOf(9L, 3L, 2L, 1L), next.rows.map { it.id })
            assertSame(first[1], next.rows[1])
            assertSame(first[2], next.rows[2])
            assertNotSame(first[0], next.rows[3])
            assertEquals(listOf(0) to listOf(3), next.added to next.updated)
            assertEquals(listOf(1L, 3L, 2L, 9L, 1L), converted)
        }
        reading(items) { results ->
            val first = results.next().rows
            db.execute("DELETE FROM items WHERE id = 3")
            assertTrue(results.next().rows.all { row -> first.any { it === row } })
        }
    }

    @Test
    fun `a row that is twice in the result stays the same, and null is a value`() = withItems { db ->
        var calls = 0
        val names = db.watch("SELECT NULLIF(name, 'pen') AS name FROM items, (SELECT 1 UNION ALL SELECT 2) ORDER BY id")
            .mapRows { row -> row.stringOrNull(0).also { calls += 1 } }
        reading(names) { results ->
            assertEquals(listOf("lamp", "lamp", "sofa", "sofa", null, null), results.next().rows)
            val before = calls
            db.execute("DELETE FROM items WHERE id = 1")
            assertEquals(listOf("sofa", "sofa", null, null), results.next().rows)
            assertEquals(before, calls)
        }
    }

    @Test
    fun `a result of many pages follows a change in its middle`() = withDatabase { db ->
        db.batch("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)")
        db.execute("INSERT INTO t SELECT i, 'höhe ' || i FROM ($NUMBERS LIMIT 20000)")
        reading(db.watch("SELECT * FROM t ORDER BY id", key = "id")) { results ->
            val first = results.next()
            assertEquals(20_000, first.added.size)
            db.batch("UPDATE t SET x = 'new' WHERE id = 10000; DELETE FROM t WHERE id IN (1, 19999)")
            val next = results.next()
            assertEquals(db.query("SELECT * FROM t ORDER BY id"), next.rows)
            assertEquals(listOf(9998), next.updated)
            assertEquals(listOf(0, 19_998), next.removed)
            val before = IdentityHashMap<Row, Unit>().apply { first.rows.forEach { put(it, Unit) } }
            assertEquals(1, next.rows.count { it !in before.keys })
        }
    }

    @Test
    fun `without a key no row is updated, and a key may have several columns`() = withDatabase { db ->
        db.batch("CREATE TABLE t (a, b, c); INSERT INTO t VALUES (1, 1, 1), (1, 2, 1)")
        val sql = "SELECT * FROM t ORDER BY a, b"
        reading(db.watch(sql)) { plain ->
            reading(db.watch(sql, key = listOf("a", "b"))) { keyed ->
                plain.next()
                keyed.next()
                db.execute("UPDATE t SET c = 2 WHERE b = 2")
                with(plain.next()) { assertEquals(listOf(listOf(1), listOf(1), emptyList()), listOf(added, removed, updated)) }
                with(keyed.next()) { assertEquals(listOf(emptyList(), emptyList(), listOf(1)), listOf(added, removed, updated)) }
            }
        }
    }

    @Test
    fun `a selection is watched, by its table's key`() = withItems { db ->
        reading(db.table("items").select().where("id", Comparison.GE, 2).orderBy("id", Order.DESC).limit(2).watch()) { results ->
            assertEquals(listOf("pen", "sofa"), results.next().names())
            db.table("items").update(2, "name" to "bed")
            val next = results.next()
            assertEquals(listOf("pen", "bed"), next.names())
            assertEquals(listOf(1), next.updated)
            db.table("items").insert("id" to 4, "name" to "cup")
            assertEquals(listOf("cup", "pen"), results.next().names())
        }
    }

    @Test
    fun `a transaction is seen once, when it is committed`() = withItems { db ->
        reading(db.watch("SELECT id FROM items")) { results ->
            assertEquals(3, results.next().rows.size)
            db.transaction { tx ->
                for (id in 10..109) tx.execute("INSERT INTO items (id) VALUES (?)", id)
                assertTrue(results.tryReceive().isFailure)
            }
            assertEquals(100, results.next().added.size)
        }
    }

    @Test
    fun `a slow collector gets the newest result`() = withItems { db ->
        val (slow, written) = List(2) { CompletableDeferred<Unit>() }
        val seen = async {
            db.watch("SELECT count(*) FROM other").take(2).map { update ->
                if (slow.complete(Unit)) written.await()
                update.rows[0].long(0)
            }.toList()
        }
        slow.await()
        repeat(100) { db.execute("INSERT INTO other VALUES (?)", it) }
        written.complete(Unit)
        assertEquals(listOf(0L, 100L), seen.await())
    }

    @Test
    fun `many collectors of one flow are watches of their own`() = withItems { db ->
        val flow = db.watch("SELECT name FROM items WHERE id >= ?", 3)
        val begun = List(100) { CompletableDeferred<Unit>() }
        val all = begun.map { first ->
            async { flow.onEach { first.complete(Unit) }.first { it.rows.size == 3 }.names() }
        }
        begun.awaitAll()
        db.execute("INSERT INTO items VALUES (4, 'cup')")
        db.execute("INSERT INTO items VALUES (5, 'ink')")
        assertEquals(List(100) { listOf("pen", "cup", "ink") }, all.awaitAll())
    }

    @Test
    fun `another database on the same file is seen`() = inFolder { path ->
        Database.open(path).use { db ->
            db.batch("CREATE TABLE t (x)")
            Database.open(path).use { other ->
                reading(db.watch("SELECT x FROM t")) { results ->
                    assertEquals(0, results.next().rows.size)
                    other.execute("INSERT INTO t VALUES (1)")
                    assertEquals(listOf(1L), results.next().rows.map { it.long(0) })
                }
            }
        }
    }

    @Test
    fun `touch runs the queries of a table again, in any case of its name`() = withItems { db ->
        reading(db.watch("SELECT random() AS r, count(*) FROM items")) { results ->
            val first = results.next().rows[0].long("r")
            reading(db.watch("SELECT random() FROM other")) { others ->
                others.next()
                db.touch("other", "nowhere")
                db.execute("INSERT INTO other VALUES (1)")
                others.next()
            }
            assertTrue(results.tryReceive().isFailure)
            db.touch("ITEMS")
            assertFalse(first == results.next().rows[0].long("r"))
        }
    }

    @Test
    fun `a collector may write, and may block without a dispatcher`() = withItems { db ->
        val last = withContext(Dispatchers.Unconfined) {
            db.watch("SELECT count(*) FROM other").first { update ->
                runBlocking { db.execute("INSERT INTO other VALUES (1)") }
                update.rows[0].long(0) >= 20
            }
        }
        assertEquals(20L, last.rows[0].long(0))
    }

    @Test
    fun `the capabilities say that queries can be watched`() = withItems { db ->
        assertEquals(true to true, db.capabilities().let { it.watches to it.rowChanges })
    }
}
