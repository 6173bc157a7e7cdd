package io.github.ubiqlite

import java.io.File
import java.sql.Connection
import java.sql.DriverManager
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.delay
import kotlinx.coroutines.withTimeout

/** Opens a file with plain SQLite. This library must not have it open: the two would drop each other's locks. */
internal fun <T> plain(path: String, use: (Connection) -> T): T = DriverManager.getConnection("jdbc:sqlite:$path").use(use)

/** Returns the rows of a query, each of them as a list of its values. */
internal fun Connection.rows(sql: String): List<List<Any?>> = createStatement().use { statement ->
    statement.executeQuery(sql).use { result ->
        generateSequence { if (result.next()) List(result.metaData.columnCount) { result.getObject(it + 1) } else null }.toList()
    }
}

/** Returns the first value of a query's only row. */
internal fun Connection.number(sql: String): Long = (rows(sql).single().single() as Number).toLong()

/** Returns what else there is in the folder of a database. */
internal fun filesBeside(path: String): List<String> {
    val file = File(path)
    return file.parentFile.list()!!.filterNot { it in listOf("", "-wal", "-shm").map(file.name::plus) }.sorted()
}

/** Waits until the folder of a database has these other files: what is given up is removed soon. */
internal suspend fun hasBeside(path: String, vararg files: String): Unit = withTimeout(60.seconds) {
    while (filesBeside(path) != files.toList()) delay(5)
}

/** Fills a database with accounts, whose sum is always the same, and an empty log of what happens. */
internal suspend fun Database.fill(accounts: Int = 2000, note: Int = 500) {
    batch("CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER, note BLOB); CREATE TABLE log (id INTEGER PRIMARY KEY, x)")
    execute("INSERT INTO accounts SELECT i, 100, randomblob(?2) FROM ($NUMBERS LIMIT ?1)", accounts, note)
}

/** Moves an amount between two accounts, and says so in the log. */
internal suspend fun Database.move(number: Int): Unit = transaction { tx ->
    tx.execute("UPDATE accounts SET balance = balance - 1 WHERE id = ?", number % 2000 + 1)
    tx.execute("UPDATE accounts SET balance = balance + 1 WHERE id = ?", (number * 7 + 1) % 2000 + 1)
    tx.execute("INSERT INTO log (x) VALUES (?)", number)
}
