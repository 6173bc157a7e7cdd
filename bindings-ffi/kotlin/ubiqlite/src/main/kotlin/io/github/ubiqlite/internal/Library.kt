package io.github.ubiqlite.internal

import com.sun.jna.Native
import com.sun.jna.Platform
import io.github.ubiqlite.UbiqliteException
import java.io.File
import java.io.IOException

/**
 * The native library, which is in a process once.
 *
 * Two copies would be two SQLites, of which one's closing a file drops the other's
 * POSIX locks on it. So it is extracted once, and who loads it is given that path:
 * [Raw], uniffi's code, and this class itself as another class loader has it.
 */
internal object Library {
    private const val NAME = "ubiqlite_ffi"

    /** Where uniffi's code looks for the library before it searches. */
    private const val OVERRIDE = "uniffi.component.$NAME.libraryOverride"

    /** What to load: a path, or a name that the system finds. */
    val path: String = synchronized(System.getProperties()) {
        System.getProperty(OVERRIDE)?.takeIf { it == NAME || File(it).isFile }
            ?: find().also { System.setProperty(OVERRIDE, it) }
    }

    private fun find(): String {
        // There it is no resource of a jar: the package manager has put it in place.
        if (Platform.isAndroid()) return NAME
        return try {
            Native.extractFromResourcePath(NAME, Library::class.java.classLoader).absolutePath
        } catch (error: IOException) {
            val place = "${Platform.RESOURCE_PREFIX}/${System.mapLibraryName(NAME)}"
            throw UbiqliteException.Unsupported(
                Fields("this build of ubiqlite has no native library for this system: no $place in it"),
                error,
            )
        }
    }
}
