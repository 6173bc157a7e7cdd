package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.UbiqliteException
import java.io.File
import java.nio.file.Files
import java.nio.file.Path
import java.nio.file.StandardCopyOption
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.TimeSource
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.condition.DisabledOnOs
import org.junit.jupiter.api.condition.OS
import org.junit.jupiter.api.io.TempDir

/** The guide's page "Several processes". A second `open` of the file is the other process. */
class ProcessesGuideTest {
    @TempDir
    lateinit var folder: Path

    /** Makes a file with two tables, closed again. */
    private suspend fun file(): String {
        val path = "$folder/app.db"
        Database.open(path).use { db ->
            db.batch(
                """
                CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
                CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
                INSERT INTO accounts VALUES (1, 100);
                """,
            )
        }
        return path
    }

    private fun files(): List<String> = folder.toFile().list()!!.sorted()

    @Test
    fun `two processes on one file`(): Unit = runBlocking {
        val path = file()
        // #region share
        val db = Database.open(path)

        // In another process:
        val other = Database.open(path)
        other.table("items").insert("name" to "lamp")

        // Here, after that insert has returned:
        val names = db.query("SELECT name FROM items").map { it.string("name") }
        // #endregion share
        assertEquals(listOf("lamp"), names)
        other.close()
        db.close()
        assertEquals(listOf("app.db"), files())
    }

    @Test
    fun `a lock that another process keeps`(): Unit = runBlocking {
        val path = file()
        val other = Database.open(path)
        val since = TimeSource.Monotonic.markNow()
        // #region busy
        val db = Database.open(path) { busyTimeout = 200.milliseconds }

        // In another process, a transaction that stays open:
        val tx = other.begin()
        tx.execute("UPDATE accounts SET balance = 0")

        // Here a read does not wait, and sees what was committed before.
        val balance = db.queryValue<Long>("SELECT balance FROM accounts WHERE id = 1")
        // A write waits for 200 ms.
        val add = "UPDATE accounts SET balance = balance + 10 WHERE id = 1"
        try {
            db.execute(add)
        } catch (error: UbiqliteException.Busy) {
            println(error.message) // nothing was changed
        }
        // #endregion busy
        assertEquals(100L, balance)
        assertTrue(since.elapsedNow() >= 200.milliseconds)
        assertFailsWith<UbiqliteException.Busy> { db.execute(add) }
        assertFailsWith<UbiqliteException.Busy> { db.begin() }
        assertFailsWith<UbiqliteException.Timeout> { db.timeout(20.milliseconds).execute(add) }
        tx.commit()
        db.execute(add)
        assertEquals(10L, db.queryValue<Long>("SELECT balance FROM accounts"))
        other.close()
        db.close()
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    fun `a file that is replaced while it is open`(): Unit = runBlocking {
        val path = file()
        val backup = "$folder/backup.db"
        // #region moved
        var db = Database.open(path)
        db.execute("VACUUM INTO ?", backup)

        // Another program puts the backup in the place of the open file.
        Files.move(Path.of(backup), Path.of(path), StandardCopyOption.REPLACE_EXISTING)

        try {
            db.table("items").insert("name" to "lamp")
        } catch (error: UbiqliteException.ReadOnly) {
            println(error.code) // 1032
            db.close()
            db = Database.open(path)
        }
        // #endregion moved
        assertEquals(0L, db.table("items").count())
        Files.move(Path.of(path), Path.of(backup))
        val refused = assertFailsWith<UbiqliteException.ReadOnly> { db.table("items").insert("name" to "lamp") }
        assertEquals(1032, refused.code)
        db.close()
        assertFalse(Files.exists(Path.of(path)))
        assertEquals(0L, File("$path-wal").length())
    }

    private inline fun <reified E : Throwable> assertFailsWith(block: () -> Unit): E {
        try {
            block()
        } catch (error: Throwable) {
            return error as? E ?: throw AssertionError("failed with another error than ${E::class.simpleName}", error)
        }
        throw AssertionError("did not fail with ${E::class.simpleName}")
    }
}
