package guide

import io.github.ubiqlite.Database
import io.github.ubiqlite.UbiqliteException
import io.github.ubiqlite.assertFailsWith
import io.github.ubiqlite.inFolder
import java.io.File
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The guide's page about backups: damaged files. */
class RecoverGuideTest {
    @Test
    fun `a damaged file is found and recovered`() = inFolder { path ->
        val saved = path.removeSuffix("app.db") + "saved.db"
        Database.open(path).use { db ->
            db.batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX by_body ON notes (body)")
            db.execute("INSERT INTO notes (body) VALUES ('buy milk')")
        }
        val bytes = File(path).readBytes()
        bytes.fill(0x5a, 8192, 8200) // The first bytes of the index.
        File(path).writeBytes(bytes)
        Database.open(path).use { db ->
            // #region check
            val damages = db.check()
            for (damage in damages) println("${damage.kind} ${damage.table}: ${damage.message}")
            if (damages.isNotEmpty()) db.recover(saved)
            // #endregion check
            assertTrue(damages.isNotEmpty())
        }
        assertTrue(File(saved).delete())
        bytes.fill(0x5a, 0, 16) // What tells a database from other files.
        File(path).writeBytes(bytes)
        assertFailsWith<UbiqliteException.NotADatabase> { Database.open(path) }
        // #region recover
        val recovered = Database.recover(path, saved)
        for ((table, rows) in recovered.tables) println("$table: $rows rows")
        // #endregion recover
        assertEquals(mapOf("notes" to 1L), recovered.tables)
        Database.open(saved).use { db -> assertTrue(db.check().isEmpty()) }
    }
}
