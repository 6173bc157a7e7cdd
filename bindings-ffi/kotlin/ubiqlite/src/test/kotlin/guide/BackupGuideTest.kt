package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.inFolder
import java.io.ByteArrayOutputStream
import java.io.File
import kotlinx.coroutines.CoroutineScope
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The guide's page about backups. */
class BackupGuideTest {
    private fun withNotes(test: suspend CoroutineScope.(Database, String) -> Unit) = inFolder { path ->
        Database.open(path).use { db ->
            db.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO notes (body) VALUES ('buy milk')")
            test(db, path.removeSuffix("app.db"))
        }
    }

    private suspend fun Database.count(): Long = table("notes").count()

    @Test
    fun `a copy is made and restored`() = withNotes { db, folder ->
        val daily = folder + "daily.db"
        // #region file
        db.backup(daily, overwrite = true)
        // #endregion file
        db.execute("DELETE FROM notes")
        // #region restore
        db.restore(daily)
        // #endregion restore
        assertEquals(1L, db.count())
        Database.open(daily).use { copy -> assertEquals(1L, copy.count()) }
    }

    @Test
    fun `a copy tells how far it is`() = withNotes { db, folder ->
        val path = folder + "copy.db"
        // #region progress
        db.backup(path) { progress ->
            println("${progress.done} of ${progress.total} pages")
        }
        // #endregion progress
        assertTrue(File(path).exists())
        val small = folder + "small.db"
        // #region compact
        db.backup(small, compact = true)
        // #endregion compact
        assertTrue(File(small).exists())
    }

    @Test
    fun `a copy is read as bytes`() = withNotes { db, folder ->
        val upload = ByteArrayOutputStream()
        // #region stream
        db.backupStream().collect { bytes -> upload.write(bytes) }
        // #endregion stream
        File(folder + "copy.db").writeBytes(upload.toByteArray())
        Database.open(folder + "copy.db").use { copy -> assertEquals(1L, copy.count()) }
        // #region memory
        val bytes = db.serialize()
        val copy = Database.deserialize(bytes)
        // #endregion memory
        assertEquals(1L, copy.count())
        copy.close()
    }
}
