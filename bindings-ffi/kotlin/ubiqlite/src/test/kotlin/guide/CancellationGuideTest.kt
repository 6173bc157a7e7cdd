package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.DatabaseOptions
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import io.github.ubiqlite.inFolder
import io.github.ubiqlite.withDatabase
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The guide's page about cancellation and timeouts. */
class CancellationGuideTest {
    private val schema = """
        CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        INSERT INTO items (name) VALUES ('lamp'), ('chair');
        CREATE TABLE payments (id TEXT PRIMARY KEY, amount INTEGER NOT NULL);
    """

    private fun withSchema(options: DatabaseOptions.() -> Unit = {}, test: suspend CoroutineScope.(Database) -> Unit) =
        withDatabase(options) { db ->
            db.batch(schema)
            test(db)
        }

    @Test
    fun `a call is cancelled with its coroutine`() = withSchema({ readers = 1 }) { db ->
        coroutineScope {
            // #region cancel
            val report = launch { println(db.queryValue<Long>(REPORT)) }
            delay(50)
            report.cancel() // or: withTimeout(50.milliseconds) { db.queryValue<Long>(REPORT) }
            // #endregion cancel
            report.join()
            assertTrue(report.isCancelled)
        }
        assertFailsWith<TimeoutCancellationException> { withTimeout(50.milliseconds) { db.execute(IMPORT) } }
        // The reader and the writer are free, and nothing was written.
        assertEquals(2L, db.table("items").count())
        db.timeout(5.seconds).execute("INSERT INTO items (name) VALUES ('table')")
        // A write that waits never runs.
        db.begin().use { tx ->
            assertFailsWith<TimeoutCancellationException> {
                withTimeout(50.milliseconds) { db.execute("DELETE FROM items") }
            }
            tx.commit()
        }
        assertEquals(3L, db.table("items").count())
    }

    @Test
    fun `a time limit`() = withSchema { db ->
        var late = false
        // #region limit
        try {
            db.timeout(50.milliseconds).execute(IMPORT)
        } catch (_: UbiqliteException.Timeout) {
            late = true // nothing was imported
        }
        // #endregion limit
        assertTrue(late)
        assertEquals(2L, db.table("items").count())
        // #region handle
        val quick = db.timeout(500.milliseconds) // the same database
        val count = quick.table("items").count()
        val lamp = quick.queryOne("SELECT * FROM items WHERE name = ?", "lamp")
        // #endregion handle
        assertEquals(2L, count)
        assertEquals(1L, lamp.long("id"))
        // #region transaction
        db.timeout(500.milliseconds).transaction { tx ->
            // each call in it, the beginning and the commit: 500 ms
            tx.table("items").insert("name" to "table")
        }
        // #endregion transaction
        assertEquals(3L, db.table("items").count())
        // The time between the calls does not count.
        db.timeout(50.milliseconds).transaction { tx ->
            delay(200)
            assertFailsWith<UbiqliteException.Timeout> { tx.queryValue<Long>(REPORT) }
        }
    }

    @Test
    fun interrupt() = withSchema { db ->
        var stopped = false
        // #region interrupt
        coroutineScope {
            launch {
                delay(50)
                db.interrupt() // of every coroutine's calls
            }
            try {
                println(db.queryValue<Long>(REPORT))
            } catch (_: UbiqliteException.Cancelled) {
                stopped = true
            }
        }
        // #endregion interrupt
        assertTrue(stopped)
        // Calls that wait are not affected.
        db.begin().use { tx ->
            val waiting = async { db.execute("DELETE FROM items") }
            delay(50)
            db.interrupt()
            delay(50)
            tx.commit()
            assertEquals(2L, waiting.await().rowsChanged)
        }
    }

    @Test
    fun `inside a transaction`() = withSchema { db ->
        // A read that is stopped leaves the transaction as it was.
        db.transaction { tx ->
            tx.table("items").insert("name" to "table")
            assertFailsWith<TimeoutCancellationException> {
                withTimeout(50.milliseconds) { tx.queryValue<Long>(REPORT) }
            }
        }
        assertEquals(3L, db.table("items").count())
        // A write that is stopped while it runs ends the transaction, also in a savepoint.
        for (limited in listOf(true, false)) {
            val tx = db.begin()
            tx.execute("DELETE FROM items")
            val sp = tx.beginSavepoint()
            if (limited) {
                assertFailsWith<UbiqliteException.Timeout> { sp.timeout(50.milliseconds).execute(IMPORT) }
            } else {
                assertFailsWith<TimeoutCancellationException> { withTimeout(50.milliseconds) { sp.execute(IMPORT) } }
            }
            sp.close()
            assertFailsWith<UbiqliteException.Cancelled> { tx.commit() }
            assertEquals(3L, db.table("items").count())
        }
        // A block whose coroutine is cancelled is rolled back before the next write.
        assertFailsWith<TimeoutCancellationException> {
            withTimeout(50.milliseconds) {
                db.transaction { tx ->
                    tx.execute("DELETE FROM items")
                    delay(60.seconds)
                }
            }
        }
        assertEquals(3L, db.execute("UPDATE items SET name = 'x'").rowsChanged)
    }

    @Test
    fun `a write that can be repeated`() = withSchema { db ->
        // #region repeat
        val payment = arrayOf<Any?>("order 1042", 30)
        val insert = "INSERT INTO payments (id, amount) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
        try {
            db.execute(insert, *payment)
        } catch (_: UbiqliteException.OutcomeUnknown) {
            db.execute(insert, *payment) // changes nothing if the first one was done
        }
        // #endregion repeat
        assertEquals(0L, db.execute(insert, *payment).rowsChanged)
        assertEquals(1L, db.table("payments").count())
    }

    @Test
    fun closing() = inFolder { path ->
        // #region close
        Database.open(path).use { db ->
            db.batch("CREATE TABLE notes (text TEXT)")
        } // closed here; without a block: db.close()
        // #endregion close
        val closed = Database.open(path)
        closed.close()
        assertFailsWith<UbiqliteException.Closed> { closed.query("SELECT * FROM notes") }
        closed.close()
        // Calls that were accepted are done.
        val second = Database.open(path)
        val writes = List(50) {
            async(start = CoroutineStart.UNDISPATCHED) { second.execute("INSERT INTO notes VALUES ('a')") }
        }
        second.close()
        writes.awaitAll()
        // What is open has the busy timeout to end, and is then rolled back.
        val third = Database.open(path) { busyTimeout = 200.milliseconds }
        val tx = third.begin()
        tx.execute("DELETE FROM notes")
        third.close()
        assertFailsWith<UbiqliteException.Closed> { tx.commit() }
        Database.open(path).use { db -> assertEquals(50L, db.table("notes").count()) }
    }

    private companion object {
        const val NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        const val REPORT = "$NUMBERS SELECT count(*) FROM n"
        const val IMPORT = "INSERT INTO items (name) $NUMBERS SELECT 'part ' || i FROM n"
    }
}
