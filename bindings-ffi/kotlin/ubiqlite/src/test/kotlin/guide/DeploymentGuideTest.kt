package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.JournalMode
import io.github.ubiqlite.Synchronous
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import io.github.ubiqlite.inFolder
import java.io.File
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.StandardCopyOption
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The guide's page about deployment. */
class DeploymentGuideTest {
    private suspend fun fresh(path: String): Database {
        val db = Database.open(path)
        db.batch("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        db.table("items").insert("name" to "lamp")
        return db
    }

    @Test
    fun `durability is chosen`() = inFolder { path ->
        fresh(path).use { assertEquals(2L, it.queryValue<Long>("PRAGMA synchronous")) }
        // #region synchronous
        val db = Database.open(path) { synchronous = Synchronous.NORMAL }
        db.table("items").insert("name" to "chair")
        // #endregion synchronous
        db.use { assertEquals(1L, it.queryValue<Long>("PRAGMA synchronous")) }
    }

    @Test
    fun `a database is up to three files`() = inFolder { path ->
        val folder = File(path).parentFile
        fresh(path).use { assertEquals(setOf("app.db", "app.db-wal", "app.db-shm"), folder.list()?.toSet()) }
        assertEquals(setOf("app.db"), folder.list()?.toSet())
    }

    @Test
    fun `a backup is made while the database is used`() = inFolder { path ->
        val folder = Path.of(path).parent
        fresh(path).use { db ->
            // #region backup
            val draft = folder.resolve("backup.draft")
            db.execute("VACUUM INTO ?", "$draft")

            val state = Database.open("$draft") { readOnly = true }.use { copy ->
                copy.queryValue<String>("PRAGMA integrity_check")
            }
            if (state == "ok") Files.move(draft, folder.resolve("backup.db"), StandardCopyOption.ATOMIC_MOVE)
            // #endregion backup
            val backup = folder.resolve("backup.db").toString()
            Database.open(backup).use { made ->
                assertEquals(1, made.table("items").count())
                assertEquals("delete", made.queryValue<String>("PRAGMA journal_mode"))
            }
            assertFailsWith<UbiqliteException.InvalidArgument> { db.execute("VACUUM INTO ?", backup) }
            Database.open(backup) { journalMode = JournalMode.WAL }.use { restored ->
                assertEquals("wal", restored.queryValue<String>("PRAGMA journal_mode"))
            }
        }
    }

    @Test
    fun `a file is opened for reading only`() = inFolder { path ->
        fresh(path).close()
        // #region read_only
        val db = Database.open(path) { readOnly = true }
        val names = db.query("SELECT name FROM items").map { it.string("name") }
        // #endregion read_only
        assertEquals(listOf("lamp"), names)
        assertFailsWith<UbiqliteException.ReadOnly> { db.table("items").insert("name" to "chair") }
        db.close()
    }

    @Test
    fun `a log is emptied`() = inFolder { path ->
        fresh(path).use { db ->
            assertTrue(File("$path-wal").length() > 0)
            // #region checkpoint
            val done = db.queryOne("PRAGMA wal_checkpoint(TRUNCATE)")
            val blocked = done.long("busy") != 0L
            if (blocked) println("a reader or another process still needs the log")
            // #endregion checkpoint
            assertFalse(blocked)
            assertEquals(0L, File("$path-wal").length())
        }
    }

    @Test
    fun `a full disk changes nothing`() = inFolder { path ->
        fresh(path).use { db ->
            val large = "x".repeat(100_000)
            db.acquire().use { session ->
                session.query("PRAGMA max_page_count = 3")
                assertFailsWith<UbiqliteException.DiskFull> { session.table("items").insert("name" to large) }
            }
            assertEquals(1, db.table("items").count())
            db.table("items").insert("name" to large)
        }
    }

    @Test
    fun `a server closes its database`() = inFolder { path ->
        fresh(path).close()
        // #region shutdown
        val db = Database.open(path)
        val atShutdown = Thread { runBlocking { db.close() } }
        Runtime.getRuntime().addShutdownHook(atShutdown)
        // #endregion shutdown
        assertTrue(File("$path-wal").exists())
        Runtime.getRuntime().removeShutdownHook(atShutdown)
        atShutdown.start()
        atShutdown.join()
        assertFalse(File("$path-wal").exists())
        assertFailsWith<UbiqliteException.Closed> { db.table("items").count() }
    }

    @Test
    fun `close waits for what was accepted`() = inFolder { path ->
        val db = fresh(path)
        val inserted = async(start = CoroutineStart.UNDISPATCHED) { db.table("items").insert("name" to "chair") }
        db.close()
        assertEquals(2L, inserted.await())
        Database.open(path).use { assertEquals(2, it.table("items").count()) }
    }
}
