package io.github.ubiqlite.spec

import io.github.ubiqlite.Database
import io.github.ubiqlite.DatabaseOptions
import io.github.ubiqlite.JournalMode
import io.github.ubiqlite.Statement
import io.github.ubiqlite.Synchronous
import java.io.File
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.time.Duration.Companion.milliseconds
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/** A scenario's directory and databases. */
internal class World(private val root: File) {
    val databases = ConcurrentHashMap<String, Database>()
    private val opened = CopyOnWriteArrayList<Database>()

    /** Not with [File], which would turn `a/../b` into another path. */
    fun locate(path: String): String = "$root/$path"

    fun nameOf(path: String): String = path.substringAfterLast('/')

    /** Opens what the scenario begins with, and runs its setup SQL. */
    suspend fun prepare(open: JsonElement?, setup: List<String>) {
        if (open is JsonPrimitive && !open.isString) {
            if (setup.isNotEmpty()) throw Failure("a setup of a database that is not opened")
            return
        }
        val path = ((open as? JsonObject)?.get("path") ?: open as? JsonPrimitive) as JsonPrimitive?
        val db = open(path?.content ?: "app.db", (open as? JsonObject)?.get("options") as? JsonObject)
        databases["db"] = db
        if (setup.isNotEmpty()) db.batch(setup.map { Statement(it) })
    }

    suspend fun open(path: String, options: JsonObject?): Database {
        val where = if (path == ":memory:") path else locate(path)
        val db = Database.open(where) {
            options?.forEach { (name, value) -> if (value is JsonObject) set(name, value) else set(name, value as JsonPrimitive) }
        }
        return db.also { opened += it }
    }

    /** Makes a file. */
    fun make(step: JsonObject) {
        step.keys.find { it !in setOf("make", "text", "bytes", "directory", "copy", "keep", "at") }
            ?.let { throw Failure("\"$it\" has no place in make") }
        val file = File(locate(text(read(step["make"], emptyMap()))))
        fun data(key: String) = read(step[key], emptyMap())
        when {
            step["directory"] != null -> check(file.mkdir())
            step["copy"] != null -> {
                var content = File(locate(text(data("copy")))).readBytes()
                (data("keep") as Long?)?.let { content = content.copyOf(it.toInt()) }
                (data("bytes") as ByteArray?)?.copyInto(content, (data("at") as Long).toInt())
                file.writeBytes(content)
            }
            else -> file.writeBytes(data("text")?.let { text(it).toByteArray() } ?: data("bytes") as ByteArray)
        }
    }

    /** Closes all databases. */
    suspend fun close() = opened.forEach { it.close() }
}

private fun DatabaseOptions.set(name: String, value: JsonObject) {
    if (name != "migrations") throw Failure("there is no option \"$name\" with fields")
    val used = mutableSetOf<String>()
    migrations(migrationsOf { used += it; value[it] })
    (value.keys - used).firstOrNull()?.let { throw Failure("\"$it\" has no place in migrations") }
}

private fun DatabaseOptions.set(name: String, value: JsonPrimitive) {
    val text = value.content
    val time = { text.toLong().milliseconds }
    when (name) {
        "read_only" -> readOnly = text.toBoolean()
        "create" -> create = text.toBoolean()
        "readers" -> readers = text.toInt()
        "sessions" -> sessions = text.toInt()
        "busy_timeout" -> busyTimeout = time()
        "acquire_timeout" -> acquireTimeout = time()
        "stall_timeout" -> stallTimeout = time()
        "foreign_keys" -> foreignKeys = text.toBoolean()
        "trusted_schema" -> trustedSchema = text.toBoolean()
        "cache_kib" -> cacheKib = text.toInt()
        "statement_cache" -> statementCache = text.toInt()
        "inline" -> inline = text.toBoolean()
        "leases" -> leases = text.toBoolean()
        "wal_limit" -> walLimit = text.toLong()
        "journal_mode" -> journalMode = JournalMode.valueOf(text.uppercase())
        "synchronous" -> synchronous = Synchronous.valueOf(text.uppercase())
        else -> throw Failure("there is no option \"$name\"")
    }
}
