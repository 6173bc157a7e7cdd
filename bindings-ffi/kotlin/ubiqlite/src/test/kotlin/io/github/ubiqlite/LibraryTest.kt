package io.github.ubiqlite

import java.io.File
import java.net.URLClassLoader
import java.nio.file.Path
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

/** Two copies of the native library would be two SQLites, one of which drops the other's locks. */
class LibraryTest {
    /** Returns the engine's mapped files: a file that was written twice counts as two. */
    private fun engines(): Set<String> = File("/proc/self/maps").readLines()
        .filter { "ubiqlite_ffi" in it }
        .map { line -> line.split(Regex(" +"))[4] + " " + line.substringAfterLast(' ') }
        .toSet()

    @Test
    fun `the engine is in the process once`() = withDatabase { db ->
        assumeTrue(File("/proc/self/maps").exists())
        assertEquals(1L, db.queryValue<Long>("SELECT 1"))
        assertEquals(1, engines().size, "mapped: ${engines()}")
    }

    @Test
    fun `another class loader uses the same engine`() = withDatabase { db ->
        assumeTrue(File("/proc/self/maps").exists())
        assertEquals(1L, db.queryValue<Long>("SELECT 1"))
        val paths = System.getProperty("java.class.path").split(File.pathSeparator).map { File(it).toURI().toURL() }
        val loader = object : URLClassLoader(paths.toTypedArray(), LibraryTest::class.java.classLoader) {
            override fun loadClass(name: String, resolve: Boolean): Class<*> {
                if (!name.startsWith("io.github.ubiqlite")) return super.loadClass(name, resolve)
                return findLoadedClass(name) ?: findClass(name)
            }
        }
        val other = loader.loadClass("io.github.ubiqlite.LibraryTest\$Other").getDeclaredConstructor().newInstance() as Runnable
        other.run()
        assertEquals(1, engines().size, "mapped: ${engines()}")
    }

    @Test
    fun `where the library can't be extracted to, opening says so, again and again`(@TempDir folder: Path) {
        val java = Path.of(System.getProperty("java.home"), "bin", "java").toString()
        val missing = folder.resolve("missing").toString()
        val program = ProcessBuilder(
            java, "-Djava.io.tmpdir=$missing", "-cp", System.getProperty("java.class.path"), Refused::class.java.name,
        ).redirectErrorStream(true).start()
        val told = program.inputStream.bufferedReader().readLines()
        assertEquals(0, program.waitFor(), told.joinToString("\n"))
        assertEquals(2, told.count { "Unsupported" in it && "java.io.tmpdir" in it && missing in it }, told.joinToString("\n"))
    }

    /** A program that tries to open a database twice, and prints why it could not. */
    object Refused {
        @JvmStatic
        fun main(args: Array<String>) = runBlocking {
            repeat(2) {
                println(runCatching { Database.open(":memory:") }.exceptionOrNull())
            }
        }
    }

    class Other : Runnable {
        override fun run() = runBlocking {
            Database.open(":memory:").use { db -> check(db.queryValue<Long>("SELECT 1") == 1L) }
        }
    }
}
