package io.github.ubiqlite.bench.live

import app.cash.sqldelight.Query
import app.cash.sqldelight.TransacterImpl
import app.cash.sqldelight.coroutines.asFlow
import app.cash.sqldelight.coroutines.mapToList
import app.cash.sqldelight.db.QueryResult
import app.cash.sqldelight.db.SqlCursor
import app.cash.sqldelight.db.SqlDriver
import io.github.ubiqlite.bench.CACHE_KIB
import java.util.Properties
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.withContext
import org.sqlite.SQLiteConfig

/**
 * SQLDelight on a file, its flows as its documentation has them. Its calls block, so they are
 * made on `Dispatchers.IO`.
 */
class SqlDelightLive(path: String) : LiveSubject {
    private val driver = PooledDriver("jdbc:sqlite:$path", settings())
    private val queries = Queries(driver)

    override suspend fun execute(sql: String) {
        withContext(Dispatchers.IO) { driver.execute(null, sql, 0, null) }
    }

    override suspend fun update(id: Int, text: String): Long = withContext(Dispatchers.IO) { queries.update(id, text) }

    override fun text(id: Int): Flow<List<String>> = queries.text(id).asFlow().mapToList(Dispatchers.IO)

    override fun part(part: Int): Flow<List<Line>> = queries.part(part).asFlow().mapToList(Dispatchers.IO)

    override suspend fun close() = driver.close()

    private fun settings(): Properties = SQLiteConfig().apply {
        setJournalMode(SQLiteConfig.JournalMode.WAL)
        setSynchronous(SQLiteConfig.SynchronousMode.NORMAL)
        setCacheSize(-CACHE_KIB)
        enforceForeignKeys(true)
    }.toProperties()
}

/** What SQLDelight's Gradle plugin makes of the three statements, written by hand in its form. */
private class Queries(driver: SqlDriver) : TransacterImpl(driver) {
    fun text(id: Int): Query<String> = TextQuery(id) { it.getString(0)!! }

    fun part(part: Int): Query<Line> =
        PartQuery(part) { Line(it.getLong(0)!!, it.getLong(1)!!, it.getString(2)!!, it.getString(3)!!) }

    /** Returns the time of the commit, which is before anybody is told of it. */
    fun update(id: Int, text: String): Long {
        driver.execute(UPDATE_ID, UPDATE, 2) {
            bindString(0, text)
            bindLong(1, id.toLong())
        }
        val committed = System.nanoTime()
        notifyQueries(UPDATE_ID) { emit -> emit("t") }
        return committed
    }

    private inner class TextQuery<T : Any>(val id: Int, mapper: (SqlCursor) -> T) : Query<T>(mapper) {
        override fun addListener(listener: Listener) = driver.addListener("t", listener = listener)

        override fun removeListener(listener: Listener) = driver.removeListener("t", listener = listener)

        override fun <R> execute(mapper: (SqlCursor) -> QueryResult<R>): QueryResult<R> =
            driver.executeQuery(TEXT_ID, SELECT_TEXT, mapper, 1) { bindLong(0, id.toLong()) }
    }

    private inner class PartQuery<T : Any>(val part: Int, mapper: (SqlCursor) -> T) : Query<T>(mapper) {
        override fun addListener(listener: Listener) = driver.addListener("t", listener = listener)

        override fun removeListener(listener: Listener) = driver.removeListener("t", listener = listener)

        override fun <R> execute(mapper: (SqlCursor) -> QueryResult<R>): QueryResult<R> =
            driver.executeQuery(PART_ID, SELECT_PART, mapper, 1) { bindLong(0, part.toLong()) }
    }

    private companion object {
        const val TEXT_ID = 1
        const val PART_ID = 2
        const val UPDATE_ID = 3
    }
}
