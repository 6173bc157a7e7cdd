package app

import io.github.ubiqlite.Database
import io.github.ubiqlite.UbiqliteException
import java.io.File
import java.nio.file.Files
import java.nio.file.Path
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class JarTest {
    @Test
    fun `the jar works by itself, and brings one copy of its library`(@TempDir folder: Path) = runBlocking {
        val place = Database::class.java.protectionDomain.codeSource.location
        assertTrue(place.path.endsWith(".jar"), "not from the jar: $place")
        Database.open(folder.resolve("app.db").toString()).use { db ->
            db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
            assertEquals(1L, db.table("items").insert("name" to "lamp"))
            assertEquals(listOf("lamp"), db.stream("SELECT name FROM items").toList().map { it.string("name") })
            val refused = runCatching { db.table("items").insert("name" to "lamp") }.exceptionOrNull()
            assertEquals(listOf("name"), (refused as UbiqliteException.UniqueViolation).columns)
        }
        val maps = File("/proc/self/maps")
        if (!maps.exists()) return@runBlocking
        val library = System.getProperties().stringPropertyNames().single { it.startsWith("io.github.ubiqlite.engine.") }.let(System::getProperty)
        val size = Files.size(Path.of(library))
        // Any other mapped file of the same size would be another copy.
        val copies = maps.readLines().map { it.substringAfterLast(' ') }.filter { it.startsWith("/") }.toSet()
            .filter { File(it).isFile && File(it).length() == size }
        assertEquals(listOf(library), copies)
    }
}
