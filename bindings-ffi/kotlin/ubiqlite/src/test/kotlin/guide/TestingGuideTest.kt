package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import java.io.File
import java.nio.file.Path
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** The guide's page about testing. */
class TestingGuideTest {
    // #region fixture
    private val schema = """
        CREATE TABLE items (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, status TEXT NOT NULL DEFAULT 'new');
        CREATE TABLE log (item_id INTEGER NOT NULL REFERENCES items (id), text TEXT NOT NULL);"""

    private suspend fun fresh(test: suspend (Database) -> Unit) =
        Database.open(":memory:").use { db ->
            db.batch(schema)
            test(db)
        }
    // #endregion fixture

    // #region test
    @Test
    fun `an item begins as new`() = runBlocking {
        fresh { db ->
            val id = db.table("items").insert("name" to "lamp")
            val status = db.queryValue<String>("SELECT status FROM items WHERE id = ?", id)
            assertEquals("new", status)
        }
    }
    // #endregion test

    @Test
    fun `databases in memory share nothing`() = runBlocking {
        // #region parallel
        fresh { first ->
            fresh { second ->
                first.table("items").insert("name" to "lamp")
                assertEquals(1, first.table("items").count())
                assertEquals(0, second.table("items").count())
            }
        }
        // #endregion parallel
    }

    @Test
    fun `a database in memory has what a file has`() = runBlocking {
        fresh { db ->
            // #region same
            db.snapshot().use { before ->
                db.transaction { tx ->
                    tx.table("items").insert("name" to "lamp")
                    assertEquals(0, db.table("items").count()) // not committed yet
                }
                assertEquals(1, db.table("items").count())
                assertEquals(0, before.table("items").count()) // still the earlier moment
            }
            // #endregion same
            assertEquals("wal", db.queryValue<String>("PRAGMA journal_mode"))
            db.stream("SELECT * FROM items").collect { row -> assertEquals("lamp", row.string("name")) }
            assertFailsWith<UbiqliteException.ForeignKeyViolation> { db.execute("INSERT INTO log VALUES (99, 'sold')") }
        }
    }

    // #region file
    @Test
    fun `a file keeps what was written`(@TempDir folder: Path) = runBlocking {
        val path = folder.resolve("app.db").toString()
        Database.open(path).use { db ->
            db.batch(schema)
            db.table("items").insert("name" to "lamp")
        }
        Database.open(path).use { again ->
            assertEquals(1, again.table("items").count())
        }
    }
    // #endregion file

    @Test
    fun `a closed file has nothing beside it`(@TempDir folder: Path) = runBlocking {
        Database.open("$folder/app.db").use { db -> db.batch(schema) }
        assertEquals(listOf("app.db"), File("$folder").list()?.toList())
    }

    @Test
    fun `a closed database in memory is gone`() = runBlocking {
        val db = Database.open(":memory:")
        db.batch(schema)
        db.close()
        assertFailsWith<UbiqliteException.Closed> { db.table("items").count() }
        Database.open(":memory:").use { other ->
            assertFailsWith<UbiqliteException.NoSuchTable> { other.table("items").count() }
        }
        Unit
    }

    @Test
    fun `a lock is held by the test`() = runBlocking {
        // #region busy
        val db = Database.open(":memory:") { busyTimeout = 20.milliseconds }
        db.batch(schema)
        val holder = db.begin()
        assertFailsWith<UbiqliteException.Busy> { db.table("items").insert("name" to "lamp") }
        holder.rollback()
        // #endregion busy
        db.table("items").insert("name" to "lamp")
        db.close()
    }
}
