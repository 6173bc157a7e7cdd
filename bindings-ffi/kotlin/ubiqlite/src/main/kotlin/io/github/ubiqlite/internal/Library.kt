package io.github.ubiqlite.internal

import io.github.ubiqlite.UbiqliteException
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.file.Files
import java.nio.file.Path
import java.util.zip.CRC32

/**
 * The native code: the engine, of which there is one per process, and the library that the
 * virtual machine calls, of which each class loader has a copy.
 *
 * Two engines would be two SQLites, and when one closes a file it may drop the other's locks
 * on it. So the engine is extracted once, and its path is a system property, which this class
 * also finds when it is in another class loader. A library that the virtual machine loads
 * belongs to one class loader: that is the small one.
 */
internal object Library {
    private const val ENGINE = "ubiqlite_ffi"
    private const val CALLED = "ubiqlite_jni"

    /** Followed by the engine's checksum: another version's engine is another file. */
    private const val PLACE = "io.github.ubiqlite.engine."

    private val isAndroid = System.getProperty("java.vm.name") == "Dalvik"
    private val isWindows = System.getProperty("os.name").startsWith("Windows")

    @Volatile
    private var isLoaded = false

    /** Loads both for this class's class loader, unless they are loaded. Throws `Unsupported`, and tries again the next time. */
    fun load() {
        if (isLoaded) return
        synchronized(this) {
            if (!isLoaded) tryLoad()
            isLoaded = true
        }
    }

    private fun tryLoad() {
        try {
            // On Android they are not resources of a jar: the package manager has put them in place.
            if (isAndroid) System.loadLibrary(CALLED) else loadExtracted()
            val engine = if (isAndroid) System.mapLibraryName(ENGINE) else engine().toString()
            val name = engine.toByteArray()
            val buffer = ByteBuffer.allocateDirect(maxOf(name.size, MESSAGE))
            buffer.put(name)
            val length = Raw.load(buffer, name.size)
            if (length == 0) return
            val message = ByteArray(length)
            buffer.rewind()
            buffer.get(message)
            throw refused(engine, String(message), null)
        } catch (error: UnsatisfiedLinkError) {
            throw refused(CALLED, error.message, error)
        } catch (error: IOException) {
            throw refused(CALLED, error.toString(), error)
        }
    }

    private const val MESSAGE = 4096

    private fun refused(what: String, why: String?, cause: Throwable?): UbiqliteException {
        val folder = System.getProperty("java.io.tmpdir")
        val message = "ubiqlite's native library can't be loaded: $why ($what). It is extracted to java.io.tmpdir, " +
            "which is $folder; that must be a writable folder that code can be run from"
        return UbiqliteException.Unsupported(Fields(message), cause)
    }

    private fun loadExtracted() {
        val file = extract(CALLED, read(CALLED))
        try {
            System.load(file.toString())
        } finally {
            // If a file in use can be deleted, nothing is left of it.
            if (!isWindows) discard(file)
        }
    }

    /** Returns the path of the engine, for all class loaders. */
    private fun engine(): Path = synchronized(System.getProperties()) {
        val bytes = read(ENGINE)
        val name = PLACE + CRC32().apply { update(bytes) }.value
        System.getProperty(name)?.let(Path::of)?.takeIf(Files::isRegularFile)
            ?: extract(ENGINE, bytes).also { System.setProperty(name, it.toString()) }
    }

    private fun read(name: String): ByteArray {
        val place = "$platform/${System.mapLibraryName(name)}"
        val resource = Library::class.java.classLoader.getResourceAsStream(place) ?: throw UbiqliteException.Unsupported(
            Fields("this build of ubiqlite has no native library for this system: it contains no $place"),
        )
        return resource.use { it.readBytes() }
    }

    /** Writes a file that nobody else can have put there, and that is deleted when the process exits. */
    private fun extract(name: String, bytes: ByteArray): Path {
        val folder = Files.createTempDirectory("ubiqlite-")
        val file = folder.resolve(System.mapLibraryName(name))
        // The last one registered is deleted first.
        folder.toFile().deleteOnExit()
        file.toFile().deleteOnExit()
        return Files.write(file, bytes)
    }

    private fun discard(file: Path) {
        Files.deleteIfExists(file)
        Files.deleteIfExists(file.parent)
    }

    /** The folder of this system's libraries. */
    private val platform: String get() {
        val system = System.getProperty("os.name").lowercase()
        val machine = System.getProperty("os.arch").lowercase()
        val os = when {
            isWindows -> "win32"
            system.startsWith("mac") -> "darwin"
            else -> system
        }
        return os + "-" + when (machine) {
            "amd64", "x86_64" -> "x86-64"
            "arm64" -> "aarch64"
            else -> machine
        }
    }
}
