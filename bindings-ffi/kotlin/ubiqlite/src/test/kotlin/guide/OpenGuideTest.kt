package guide

// #region import
import io.github.ubiqlite.Database
// #endregion import
import io.github.ubiqlite.JournalMode
import io.github.ubiqlite.Synchronous
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import io.github.ubiqlite.inFolder
import java.io.File
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The guide's page about opening a database. */
class OpenGuideTest {
    @Test
    fun `a file is created and kept`() = inFolder { path ->
        // #region open
        Database.open(path).use { db ->
            db.batch("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
            db.execute("INSERT INTO items (name) VALUES (?)", "lamp")
        }
        // #endregion open
        Database.open(path) { create = false }.use { again -> assertEquals(1, again.table("items").count()) }
    }

    @Test
    fun `each memory database is its own`() = inFolder {
        // #region memory
        val db = Database.open(":memory:")
        val other = Database.open(":memory:") // shares nothing with the first
        // #endregion memory
        db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY)")
        assertFailsWith<UbiqliteException.NoSuchTable> { other.table("items").count() }
        db.close()
        other.close()
    }

    @Test
    fun `settings are given at opening`() = inFolder { path ->
        // #region settings
        val db = Database.open(path) {
            busyTimeout = 1.seconds
            synchronous = Synchronous.NORMAL
        }
        // #endregion settings
        assertEquals(1L, db.queryValue<Long>("PRAGMA synchronous"))
        db.close()

        // #region readonly
        val report = Database.open(path) { readOnly = true }
        // #endregion readonly
        assertFailsWith<UbiqliteException.ReadOnly> { report.execute("CREATE TABLE items (id INTEGER)") }
        report.close()
    }

    @Test
    fun `the defaults hold`() = inFolder { path ->
        Database.open(path).use { db ->
            // #region defaults
            val journal = db.queryValue<String>("PRAGMA journal_mode") // "wal"
            val synchronous = db.queryValue<Long>("PRAGMA synchronous") // 2: FULL
            val foreignKeys = db.queryValue<Boolean>("PRAGMA foreign_keys") // true
            // #endregion defaults
            assertEquals(Triple("wal", 2L, true), Triple(journal, synchronous, foreignKeys))
            assertFailsWith<UbiqliteException.NoSuchColumn> { db.query("SELECT \"x\"") }
        }
    }

    @Test
    fun `an existing file keeps its mode`() = inFolder { path ->
        Database.open(path) { journalMode = JournalMode.DELETE }.use { db ->
            db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY)")
        }
        Database.open(path).use { db -> assertEquals("delete", db.queryValue<String>("PRAGMA journal_mode")) }
    }

    @Test
    fun `coroutines share one database`() = inFolder { path ->
        val db = Database.open(path)
        db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
        // #region share
        coroutineScope {
            repeat(10) { number ->
                launch { db.execute("INSERT INTO items (name) VALUES (?)", "item $number") }
            }
        }
        // #endregion share
        assertEquals(10, db.table("items").count())

        // A second opening is a second writer, which waits for the first one's lock.
        Database.open(path) { busyTimeout = 20.milliseconds }.use { second ->
            db.begin().use { assertFailsWith<UbiqliteException.Busy> { second.execute("DELETE FROM items") } }
        }
        db.close()
    }

    @Test
    fun `closing ends the log and later calls`() = inFolder { path ->
        val db = Database.open(path)
        db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY)")
        assertTrue(File("$path-wal").exists())
        // #region close
        db.close()

        assertFailsWith<UbiqliteException.Closed> { db.table("items").count() }
        db.close() // does nothing
        // #endregion close
        assertFalse(File("$path-wal").exists())
    }

    @Test
    fun `a failed opening names its path`() = inFolder { path ->
        var told = ""
        fun println(text: String?) {
            told = text.orEmpty()
        }
        // #region fail
        try {
            Database.open(path) { create = false }.close()
        } catch (error: UbiqliteException.CannotOpen) {
            println(error.message)
        }
        // #endregion fail
        assertTrue("app.db" in told, told)
        assertFalse(File(path).exists())
    }
}
