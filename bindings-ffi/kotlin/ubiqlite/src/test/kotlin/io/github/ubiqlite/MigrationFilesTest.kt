package io.github.ubiqlite

import java.net.URI
import java.net.URL
import java.net.URLClassLoader
import java.net.URLConnection
import java.net.URLStreamHandler
import java.nio.file.FileSystems
import java.nio.file.Files
import java.nio.file.Path
import java.util.Collections
import java.util.Enumeration
import java.util.jar.Attributes
import java.util.jar.JarEntry
import java.util.jar.JarOutputStream
import java.util.jar.Manifest
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Where the files of migrations are read from: folders, and resources of programs in folders and jars. */
class MigrationFilesTest {
    @TempDir
    lateinit var folder: Path

    private val some = mapOf(
        "0001_items.sql" to "CREATE TABLE items (id)",
        "0001_items.down.sql" to "DROP TABLE items",
        "schema.sql" to "CREATE TABLE items (id)",
        "README.md" to "",
        "old/0000_first.sql" to "",
        "20240101120000_names/migration.sql" to "ALTER TABLE items ADD COLUMN name",
    )

    private fun write(base: Path, files: Map<String, String>): Path {
        for ((name, text) in files) {
            val file = base.resolve(name)
            Files.createDirectories(file.parent)
            Files.writeString(file, text)
        }
        return base
    }

    private fun jar(name: String, files: Map<String, String>, folders: Boolean): Path {
        val path = folder.resolve(name)
        val manifest = Manifest().apply { mainAttributes[Attributes.Name.MANIFEST_VERSION] = "1.0" }
        JarOutputStream(Files.newOutputStream(path), manifest).use { jar ->
            val parents = files.keys.flatMap { file -> file.indices.filter { file[it] == '/' }.map { file.substring(0, it + 1) } }
            if (folders) for (parent in parents.distinct()) jar.putNextEntry(JarEntry(parent))
            for ((file, text) in files) {
                jar.putNextEntry(JarEntry(file))
                jar.write(text.toByteArray())
            }
        }
        return path
    }

    private fun loaderOf(vararg paths: Path) = URLClassLoader(paths.map { it.toUri().toURL() }.toTypedArray(), null)

    private fun under(folder: String) = some.mapKeys { "$folder/${it.key}" }

    /** The names of the migrations, and whether each can be undone. */
    private fun applied(migrations: Migrations): List<Pair<String, Boolean>> = runBlocking {
        Database.open(":memory:") { migrations(migrations) }.use { db ->
            db.migrations(migrations).applied().map { it.name to it.reversible }
        }
    }

    private val expected = listOf("0001_items" to true, "20240101120000_names" to false)

    @Test
    fun `a folder is read, of the folders in it only those of drizzle-kit`() {
        write(folder, some)
        // Nothing that is not a migration is read as a text.
        Files.write(folder.resolve("picture.png"), byteArrayOf(-1, -2))
        assertEquals(expected, applied(Migrations.folder(folder)))

        val older = write(folder.resolve("older"), mapOf("0000_x.sql" to "CREATE TABLE x (id)"))
        write(older, mapOf("meta/_journal.json" to """{"entries": [{"idx": 7, "when": 1, "tag": "0000_x"}]}"""))
        runBlocking {
            Database.open(":memory:").use { db -> assertEquals(7L, db.migrations(Migrations.folder(older)).pending().single().number) }
        }
    }

    @Test
    fun `a folder in a zip file is read`() {
        val zip = jar("app.zip", under("db/migrations"), folders = true)
        FileSystems.newFileSystem(zip, null as ClassLoader?).use { files ->
            assertEquals(expected, applied(Migrations.folder(files.getPath("db", "migrations"))))
        }
    }

    @Test
    fun `what can't be read is named`() {
        val missing = assertFailsWith<UbiqliteException.CannotOpen> { Migrations.folder(folder.resolve("missing")) }
        assertEquals("$folder/missing", missing.path)
        val file = Files.write(folder.resolve("0001_latin.sql"), byteArrayOf(0x2d, 0x2d, 0xe9.toByte()))
        val latin = assertFailsWith<UbiqliteException.InvalidArgument> { Migrations.folder(folder) }
        assertEquals("$file", latin.path)
        assertTrue("UTF-8" in latin.message!!, latin.message)
        assertFailsWith<UbiqliteException.Io> { Migrations.folder(file) }
        val resource = assertFailsWith<UbiqliteException.CannotOpen> { Migrations.resources("no/such/folder") }
        assertTrue("no/such/folder" in resource.message!!, resource.message)
    }

    @Test
    fun `resources are read from folders, and from jars with and without entries for folders`() {
        val classes = write(folder.resolve("classes"), under("db/migrations"))
        val full = jar("full.jar", under("db/migrations"), folders = true)
        val bare = jar("bare.jar", under("db/migrations"), folders = false)
        for (path in listOf(classes, full, bare)) {
            loaderOf(path).use { loader ->
                // Of a jar, the system has one object for all that read it by a URL, as this does.
                val other = loader.getResource("db/migrations/0001_items.sql")!!.openStream()
                for (name in listOf("db/migrations", "/db/migrations/")) {
                    assertEquals(expected, applied(Migrations.resources(name, loader)), "$name in $path")
                }
                assertEquals(some["0001_items.sql"], other.use { it.readBytes() }.decodeToString(), "of $path, which others have open")
            }
        }
    }

    @Test
    fun `a folder of several jars is put together, and the first on the class path counts`() {
        val first = write(folder.resolve("classes"), mapOf("migrations/1_a.sql" to "CREATE TABLE first (id)"))
        val second = jar(
            "second.jar",
            mapOf("migrations/1_a.sql" to "CREATE TABLE second (id)", "migrations/2_b.sql" to "ALTER TABLE first ADD COLUMN name"),
            folders = true,
        )
        loaderOf(first, second).use { loader ->
            assertEquals(listOf("1_a" to false, "2_b" to false), applied(Migrations.resources("migrations", loader)))
        }
    }

    @Test
    fun `the thread's class loader has the resources`() {
        val thread = Thread.currentThread()
        val before = thread.contextClassLoader
        loaderOf(jar("app.jar", under("migrations"), folders = true)).use { loader ->
            try {
                thread.contextClassLoader = loader
                assertEquals(expected, applied(Migrations.resources("migrations")))
            } finally {
                thread.contextClassLoader = before
            }
        }
    }

    /** A class loader whose URLs are not those of the system, as those of application servers and of jars in jars. */
    private class OwnUrls(private val open: (URL) -> URLConnection) : ClassLoader(null) {
        private val handler = object : URLStreamHandler() {
            override fun openConnection(url: URL) = open(url)
        }

        @Suppress("DEPRECATION")
        override fun findResources(name: String): Enumeration<URL> =
            Collections.enumeration(listOf(URL("own", null, -1, "/$name", handler)))
    }

    @Test
    fun `a class loader's own URLs are read if they lead into a jar, and else refused`() {
        val jar = jar("inner.jar", under("migrations"), folders = true)
        val nested = OwnUrls { URI("jar:${jar.toUri()}!/migrations/").toURL().openConnection() }
        assertEquals(expected, applied(Migrations.resources("migrations", nested)))

        val strange = OwnUrls { jar.toUri().toURL().openConnection() }
        val refused = assertFailsWith<UbiqliteException.Unsupported> { Migrations.resources("migrations", strange) }
        assertTrue("own:/migrations/" in refused.message!!, refused.message)
    }
}
