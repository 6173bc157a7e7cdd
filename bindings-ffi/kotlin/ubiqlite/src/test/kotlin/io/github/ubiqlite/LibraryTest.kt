package io.github.ubiqlite

import io.github.ubiqlite.internal.Library
import java.io.File
import java.net.URLClassLoader
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assumptions.assumeTrue
import org.junit.jupiter.api.Test

/** Two copies of the native library would be two SQLites, of which one drops the other's locks. */
class LibraryTest {
    private fun mapped(): Set<String> = File("/proc/self/maps").readLines()
        .filter { "ubiqlite_ffi" in it || it.endsWith(".tmp") && "jna" in it && "jnidispatch" !in it }
        .map { line -> line.split(Regex(" +"))[4] + " " + line.substringAfterLast(' ') }
        .toSet()

    @Test
    fun `the library is in the process once, however it is called`() = withDatabase { db ->
        assumeTrue(File("/proc/self/maps").exists())
        // Through uniffi it was opened, through the raw functions it is asked.
        assertEquals(1L, db.queryValue<Long>("SELECT 1"))
        val ours = mapped().filter { it.endsWith(Library.path) }
        assertEquals(1, ours.size, "mapped: ${mapped()}")
        assertEquals(1, mapped().count { "ubiqlite" in it }, "mapped: ${mapped()}")
    }

    @Test
    fun `another class loader uses the same copy`() = withDatabase { db ->
        assumeTrue(File("/proc/self/maps").exists())
        assertEquals(1L, db.queryValue<Long>("SELECT 1"))
        val paths = System.getProperty("java.class.path").split(File.pathSeparator).map { File(it).toURI().toURL() }
        // JNA itself can't be in a process twice; the rest of the class path is another's here.
        val loader = object : URLClassLoader(paths.toTypedArray(), LibraryTest::class.java.classLoader) {
            override fun loadClass(name: String, resolve: Boolean): Class<*> {
                if (!name.startsWith("io.github.ubiqlite")) return super.loadClass(name, resolve)
                return findLoadedClass(name) ?: findClass(name)
            }
        }
        val other = loader.loadClass("io.github.ubiqlite.LibraryTest\$Other").getDeclaredConstructor().newInstance() as Runnable
        other.run()
        assertEquals(1, mapped().count { it.endsWith(Library.path) }, "mapped: ${mapped()}")
        assertEquals(1, mapped().count { "ubiqlite" in it }, "mapped: ${mapped()}")
    }

    class Other : Runnable {
        override fun run() = runBlocking {
            Database.open(":memory:").use { db -> check(db.queryValue<Long>("SELECT 1") == 1L) }
        }
    }
}
