package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.DatabaseOptions
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import io.github.ubiqlite.withDatabase
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.TimeSource
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The guide's page about concurrency. */
class ConcurrencyGuideTest {
    private val schema = """
        CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sold INTEGER NOT NULL DEFAULT 0);
        INSERT INTO items (name, sold) VALUES ('lamp', 1), ('chair', 0), ('table', 1);
    """

    private fun withSchema(options: DatabaseOptions.() -> Unit = {}, test: suspend CoroutineScope.(Database) -> Unit) =
        withDatabase(options) { db ->
            db.batch(schema)
            test(db)
        }

    @Test
    fun `reads run next to a write`() = withSchema { db ->
        // #region beside
        val (mine, committed) = db.transaction { tx ->
            tx.execute("DELETE FROM items WHERE sold = 1")
            tx.table("items").count() to db.table("items").count()
        }
        // mine is 1, committed is 3
        // #endregion beside
        assertEquals(1L to 3L, mine to committed)
        assertEquals(1L, db.table("items").count())
    }

    @Test
    fun `many reads at once`() = withSchema { db ->
        // #region reads
        coroutineScope {
            val count = async { db.table("items").count() }
            val sold = async { db.query("SELECT name FROM items WHERE sold = 1 ORDER BY id") }
            val lamp = async { db.table("items").get(1) }
            println("${count.await()}, ${sold.await().size} sold, ${lamp.await()?.string("name")}")
        }
        // #endregion reads
        val counts = List(20) { async { db.table("items").count() } }.awaitAll()
        assertEquals(List(20) { 3L }, counts)
    }

    @Test
    fun `writes that wait together share a commit`() = withSchema { db ->
        // #region writes
        coroutineScope {
            repeat(100) { number ->
                launch { db.execute("INSERT INTO items (name) VALUES (?)", "part $number") }
            }
        }
        // #endregion writes
        assertEquals(103L, db.table("items").count())
        // One that fails takes no other with it.
        val done = listOf("shelf", "lamp", "door").map { name ->
            async { runCatching { db.execute("INSERT INTO items (name) VALUES (?)", name) } }
        }.awaitAll()
        assertEquals(listOf(true, false, true), done.map { it.isSuccess })
        assertTrue(done[1].exceptionOrNull() is UbiqliteException.UniqueViolation)
        assertEquals(105L, db.table("items").count())
    }

    @Test
    fun busy() = withSchema({ busyTimeout = 500.milliseconds }) { db ->
        val stalled = db.begin()
        var sold = 0L
        // #region busy
        try {
            val done = db.execute("UPDATE items SET sold = 1 WHERE id = ?", 2)
            sold = done.rowsChanged
        } catch (busy: UbiqliteException.Busy) {
            println("nothing was changed; try again later: ${busy.message}")
        }
        // #endregion busy
        assertEquals(0L, sold)
        assertEquals(0L, stalled.queryValue<Long>("SELECT sold FROM items WHERE id = 2"))
        // A write waits for as long as the transaction goes on.
        val since = TimeSource.Monotonic.markNow()
        val write = async { db.execute("UPDATE items SET sold = 1 WHERE id = 2") }
        repeat(10) {
            stalled.execute("UPDATE items SET sold = sold + 1 WHERE id = 1")
            delay(100)
        }
        stalled.commit()
        write.await()
        assertTrue(since.elapsedNow() > 900.milliseconds)
    }

    @Test
    fun `a snapshot reads one moment`() = withSchema { db ->
        // #region snapshot
        val (count, names) = db.snapshot().use { moment ->
            val count = moment.table("items").count()
            db.execute("DELETE FROM items WHERE sold = 1") // by anybody, meanwhile
            count to moment.query("SELECT name FROM items ORDER BY id")
        }
        // count is 3, and names has three
        // #endregion snapshot
        assertEquals(3L, count)
        assertEquals(listOf("lamp", "chair", "table"), names.map { it.string("name") })
        assertEquals(1L, db.table("items").count())
        db.snapshot().use { moment ->
            assertFailsWith<UbiqliteException.ReadOnly> { moment.query("DELETE FROM items RETURNING id") }
        }
    }

    @Test
    fun `a session is a connection of its own`() = withSchema({ sessions = 1 }) { db ->
        val archivePath = db.path + "-archive"
        // #region attach
        db.acquire().use { session ->
            session.execute("ATTACH ? AS archive", archivePath)
            session.transaction { tx ->
                tx.execute("CREATE TABLE archive.sold AS SELECT * FROM items WHERE sold = 1")
                tx.execute("DELETE FROM items WHERE sold = 1")
            }
        }
        // #endregion attach
        assertEquals(1L, db.table("items").count())
        Database.open(archivePath).use { archive -> assertEquals(2L, archive.table("sold").count()) }
        // #region temporary
        val names = db.acquire().use { session ->
            session.execute("CREATE TEMP TABLE basket (item_id INTEGER)")
            session.executeMany("INSERT INTO basket VALUES (?)", listOf(listOf(2), listOf(3)))
            session.query("SELECT name FROM items JOIN basket ON item_id = id")
        }
        // #endregion temporary
        assertEquals(listOf("chair"), names.map { it.string("name") })
        db.acquire().use { session ->
            for (sql in listOf("SELECT * FROM basket", "SELECT * FROM archive.sold")) {
                assertFailsWith<UbiqliteException.NoSuchTable> { session.query(sql) }
            }
            assertFailsWith<UbiqliteException.Timeout> { db.timeout(50.milliseconds).acquire() }
            // Statements of one's own begin and end transactions here.
            session.execute("BEGIN")
            session.execute("DELETE FROM items")
        }
        assertEquals(1L, db.table("items").count())
        for (sql in listOf("ATTACH ':memory:' AS other", "CREATE TEMP TABLE seen (id)", "PRAGMA foreign_keys = OFF")) {
            assertFailsWith<UbiqliteException.InvalidArgument> { db.execute(sql) }
        }
    }

    @Test
    fun `the sizes of the pools`() = withSchema { first ->
        val path = first.path
        // #region pool
        val db = Database.open(path) {
            readers = 4
            sessions = 2
            acquireTimeout = 1.seconds
            busyTimeout = 2.seconds
        }
        // #endregion pool
        val lent = List(2) { db.acquire() }
        assertFailsWith<UbiqliteException.Timeout> { db.acquire() }
        // Readers that are held are replaced.
        val moments = List(6) { db.snapshot() }
        assertEquals(1L, db.queryValue<Long>("SELECT 1"))
        (lent + moments).forEach { it.close() }
        db.close()
    }
}
