package io.github.ubiqlite.internal

import io.github.ubiqlite.Migrations
import io.github.ubiqlite.UbiqliteException
import java.io.IOException
import java.net.JarURLConnection
import java.net.URISyntaxException
import java.net.URL
import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import java.nio.file.AccessDeniedException
import java.nio.file.DirectoryIteratorException
import java.nio.file.FileSystemNotFoundException
import java.nio.file.Files
import java.nio.file.NoSuchFileException
import java.nio.file.Path
import java.util.jar.JarFile

/** What may be a migration, by its name in the folder: only this is read. Which of it is one, the core decides. */
private val MAY_BE_ONE = Regex("[^/]+\\.sql|[^/]+/(migration\\.sql|_journal\\.json)")

/** What is in folders of the folder. */
private val INNER = listOf("_journal.json", "migration.sql")

/** Reads the files of a folder that may be migrations. */
internal fun filesOf(folder: Path): List<Pair<String, String>> = reading("$folder") {
    Files.newDirectoryStream(folder).use { entries ->
        entries.flatMap { entry ->
            // A file system of a zip file ends the names of folders with a slash.
            val name = "${entry.fileName}".removeSuffix("/")
            val found = if (Files.isDirectory(entry)) INNER.map { "$name/$it" to entry.resolve(it) } else listOf(name to entry)
            found.filter { (name, file) -> MAY_BE_ONE.matches(name) && Files.isRegularFile(file) }
                .map { (name, file) -> name to reading("$file") { text(Files.readAllBytes(file)) } }
        }
    }
}

/** Reads the files of a folder of resources that may be migrations. */
internal fun resourcesOf(folder: String, loader: ClassLoader?): List<Pair<String, String>> {
    val prefix = folder.trim('/') + "/"
    val loaders = if (loader != null) listOf(loader) else listOfNotNull(Thread.currentThread().contextClassLoader, Migrations::class.java.classLoader)
    val found = reading(prefix) {
        loaders.distinct().firstNotNullOfOrNull { foldersOf(prefix, it) ?: foldersWithoutEntries(prefix, it) }
    } ?: throw UbiqliteException.CannotOpen(Fields("there is no folder $prefix among the resources; if another class loader has it, pass that"))
    val files = LinkedHashMap<String, String>()
    for ((name, text) in found.flatten()) files.putIfAbsent(name, text)
    return files.toList()
}

/** Reads the folders with this name that the loader finds. */
private fun foldersOf(prefix: String, loader: ClassLoader): List<List<Pair<String, String>>>? =
    loader.getResources(prefix).toList().map(::filesAt).ifEmpty { null }

/** Searches all jars: one whose entries are only files has no folder that a loader finds. */
private fun foldersWithoutEntries(prefix: String, loader: ClassLoader): List<List<Pair<String, String>>>? =
    loader.getResources(JarFile.MANIFEST_NAME).toList()
        .mapNotNull { url -> jar(url) { jar, _ -> entriesOf(jar, prefix) } }
        .filter { it.isNotEmpty() }
        .ifEmpty { null }

private fun filesAt(url: URL): List<Pair<String, String>> = jar(url, ::entriesOf) ?: filesOf(
    try {
        Path.of(url.toURI())
    } catch (error: IllegalArgumentException) {
        throw unlisted(url, error)
    } catch (error: URISyntaxException) {
        throw unlisted(url, error)
    } catch (error: FileSystemNotFoundException) {
        throw unlisted(url, error)
    },
)

private fun unlisted(url: URL, cause: Exception): UbiqliteException =
    UbiqliteException.Unsupported(Fields("the folder $url can't be listed; pass its files by Migrations.of"), cause)

/** Reads a jar, if it is one that the URL leads into. */
private fun <T> jar(url: URL, read: (JarFile, String) -> T): T? {
    if (url.protocol == "file") return null
    val connection = url.openConnection() as? JarURLConnection ?: return null
    // A jar of this call's own, which it can close: that of the cache is the class loader's.
    connection.useCaches = false
    return connection.jarFile.use { jar -> read(jar, connection.entryName.orEmpty().removeSuffix("/") + "/") }
}

private fun entriesOf(jar: JarFile, prefix: String): List<Pair<String, String>> = jar.entries().asSequence()
    .filter { it.name.startsWith(prefix) && MAY_BE_ONE.matches(it.name.substring(prefix.length)) }
    .map { entry ->
        val bytes = jar.getInputStream(entry).use { it.readBytes() }
        entry.name.substring(prefix.length) to reading("${jar.name}!/${entry.name}") { text(bytes) }
    }
    .toList()

/** Decodes UTF-8, and refuses what is not. */
private fun text(bytes: ByteArray): String = Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString()

/** Turns what reading can throw into the library's errors. */
private inline fun <T> reading(what: String, read: () -> T): T = try {
    read()
} catch (error: DirectoryIteratorException) {
    throw unreadable(what, error.cause ?: throw error)
} catch (error: IOException) {
    throw unreadable(what, error)
}

private fun unreadable(what: String, error: IOException): UbiqliteException = when (error) {
    is CharacterCodingException -> UbiqliteException.InvalidArgument(Fields("$what is not UTF-8 text", path = what), error)
    is NoSuchFileException -> UbiqliteException.CannotOpen(Fields("$what is not there", path = what), error)
    is AccessDeniedException -> UbiqliteException.CannotOpen(Fields("$what may not be read", path = what), error)
    else -> UbiqliteException.Io(Fields("$what can't be read: $error", path = what), error)
}
