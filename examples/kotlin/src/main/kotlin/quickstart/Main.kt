package quickstart

import io.github.ubiqlite.Database
import java.io.File
import java.nio.file.Files
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.Serializable

private const val SCHEMA = """
    CREATE TABLE items (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, data TEXT NOT NULL DEFAULT '{}',
        status TEXT NOT NULL DEFAULT 'new', value REAL);
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE);
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), total INTEGER NOT NULL,
        created_at TEXT NOT NULL DEFAULT (datetime('now')));
"""

/** The content of the JSON column `data`. */
@Serializable
data class Details(val watt: Int? = null)

/** A row of `items`. */
@Serializable
data class Item(val id: Long, val name: String, val status: String, val value: Double? = null, val data: Details = Details())

/**
 * Everything that ubiqlite does, on a real file, in a few seconds. There is one function
 * per subject: read them in the order in which they are called here.
 */
fun main(args: Array<String>) {
    val folder = Files.createTempDirectory("ubiqlite-quickstart-").toFile()
    val path = args.firstOrNull() ?: "$folder/quickstart.db"
    check(!File(path).exists()) { "$path exists; give the name of a new file" }
    try {
        runBlocking(Dispatchers.Default) { everything(path) }
    } finally {
        folder.deleteRecursively()
    }
}

private suspend fun everything(path: String) {
    chapter("Open", "Safe and fast settings are the default, and each can be changed.")
    val db = step("open", { path }) { Database.open(path) { busyTimeout = 2.seconds } }
    db.use {
        for (name in listOf("journal_mode", "foreign_keys", "synchronous")) {
            step("PRAGMA $name") { db.queryValue<Any?>("PRAGMA $name") }
        }
        step("run a script: the schema", { "every statement of it, or none" }) { db.batch(SCHEMA) }
        items(db)
        many(db)
        transfers(db)
        transactions(db)
        pool(db)
        streams(db)
        dashboard(db)
        errors(db, path)
        limits(db)
    }
    refused("a call after closing") { db.table("items").count() }
}
