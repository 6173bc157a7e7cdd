package io.github.ubiqlite.sqldelight

import app.Item
import app.Shop
import app.Tags
import app.cash.sqldelight.ColumnAdapter
import app.cash.sqldelight.db.SqlDriver
import io.github.ubiqlite.DatabaseOptions
import java.nio.file.Files
import java.nio.file.Path
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

/** The longest that anything here may take. */
val PATIENCE = 20.seconds

private val tags = object : ColumnAdapter<Tags, String> {
    override fun decode(databaseValue: String) = Tags(databaseValue.split(','))

    override fun encode(value: Tags) = value.names.joinToString(",")
}

/** The generated database over a driver. */
fun shop(driver: SqlDriver): Shop = Shop(driver, Item.Adapter(tags))

/** Runs [work] on one thread, as SQLDelight wants it, with a new database. */
fun driven(
    path: String = ":memory:",
    options: DatabaseOptions.() -> Unit = {},
    work: suspend CoroutineScope.(UbiqliteSqlDriver) -> Unit,
): Unit = running {
    val driver = UbiqliteSqlDriver.open(path, Shop.Schema, options = options)
    try {
        work(driver)
    } finally {
        driver.close()
    }
}

fun running(work: suspend CoroutineScope.() -> Unit): Unit = runBlocking { withTimeout(PATIENCE, work) }

/** Runs [work] with the path of a database that does not exist yet. */
fun inFolder(work: (Path) -> Unit) {
    val folder = Files.createTempDirectory("sqldelight")
    try {
        work(folder.resolve("shop.db"))
    } finally {
        folder.toFile().deleteRecursively()
    }
}
