package io.github.ubiqlite

import java.nio.file.Files
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking

/** Runs a test on the dispatcher that most programs use, with a fresh database. */
internal fun withDatabase(
    options: DatabaseOptions.() -> Unit = {},
    test: suspend CoroutineScope.(Database) -> Unit,
) = inFolder { path -> Database.open(path, options).use { db -> test(db) } }

/** Runs a test with the path of a file that does not exist, in a folder that is removed afterwards. */
internal fun inFolder(test: suspend CoroutineScope.(String) -> Unit) {
    val folder = Files.createTempDirectory("ubiqlite-").toFile()
    try {
        runBlocking(Dispatchers.Default) { test("$folder/app.db") }
    } finally {
        folder.deleteRecursively()
    }
}

/** A query that runs forever unless it is stopped. */
internal const val ENDLESS: String = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r"

/** An endless query of the numbers from 1 on. */
internal const val NUMBERS: String = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r"

/** Runs [block], which must fail with an [E], and returns that error. */
internal inline fun <reified E : Throwable> assertFailsWith(block: () -> Unit): E {
    try {
        block()
    } catch (error: Throwable) {
        return error as? E ?: throw AssertionError("failed with another error than ${E::class.simpleName}", error)
    }
    throw AssertionError("did not fail with ${E::class.simpleName}")
}
