package io.github.ubiqlite.bench

import java.sql.Connection
import java.sql.DriverManager
import java.sql.PreparedStatement
import java.sql.ResultSet
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/**
 * xerial's sqlite-jdbc, with cached prepared statements. A single coroutine calls it
 * directly, on its own thread; with [io] each call runs on `Dispatchers.IO`, as is advised
 * for blocking calls. Concurrent coroutines share a pool of connections that read, and one
 * connection that writes.
 */
class SqliteJdbc(private val path: String, private val full: Boolean, private val io: Boolean) : Subject {
    private class Reader(val connection: Connection) {
        val one: PreparedStatement = connection.prepareStatement(SELECT_ONE)
    }

    private val main = connect()
    private val one by lazy { main.prepareStatement(SELECT_ONE) }
    private val log by lazy { main.prepareStatement(INSERT_LOG) }
    private val writing = Mutex()
    private val pool by lazy {
        Channel<Reader>(READERS).also { pool -> repeat(READERS) { pool.trySend(Reader(connect())) } }
    }

    private fun connect(): Connection = DriverManager.getConnection("jdbc:sqlite:$path").also { connection ->
        connection.createStatement().use {
            it.execute("PRAGMA journal_mode = WAL")
            it.execute("PRAGMA synchronous = ${if (full) "FULL" else "NORMAL"}")
            it.execute("PRAGMA cache_size = -$CACHE_KIB")
            it.execute("PRAGMA foreign_keys = ON")
        }
    }

    override suspend fun get(id: Int): Item = if (io) withContext(Dispatchers.IO) { read(one, id) } else read(one, id)

    override suspend fun getBeside(id: Int): Item = withContext(Dispatchers.IO) {
        val reader = pool.receive()
        try {
            read(reader.one, id)
        } finally {
            pool.trySend(reader)
        }
    }

    private fun read(one: PreparedStatement, id: Int): Item {
        one.setInt(1, id)
        return one.executeQuery().use { rows ->
            check(rows.next())
            itemOf(rows)
        }
    }

    override suspend fun stream(each: (Item) -> Unit) {
        main.createStatement().use { statement ->
            statement.executeQuery(SELECT_ALL).use { rows -> while (rows.next()) each(itemOf(rows)) }
        }
    }

    override suspend fun insert(item: Item) = withContext(Dispatchers.IO) {
        writing.withLock {
            bind(log, item, 1)
            log.executeUpdate()
            Unit
        }
    }

    override suspend fun insertMany(sql: String, items: List<Item>, withId: Boolean) {
        main.autoCommit = false
        main.prepareStatement(sql).use { statement ->
            for (item in items) {
                if (withId) statement.setLong(1, item.id)
                bind(statement, item, if (withId) 2 else 1)
                statement.addBatch()
            }
            statement.executeBatch()
        }
        main.commit()
        main.autoCommit = true
    }

    private fun bind(statement: PreparedStatement, item: Item, first: Int) {
        statement.setString(first, item.name)
        statement.setString(first + 1, item.data)
        statement.setString(first + 2, item.status)
        statement.setDouble(first + 3, item.value)
    }

    override suspend fun execute(sql: String) {
        main.createStatement().use { it.execute(sql) }
    }

    override suspend fun count(table: String): Long = main.createStatement().use { statement ->
        statement.executeQuery("SELECT count(*) FROM $table").use {
            it.next()
            it.getLong(1)
        }
    }

    override suspend fun close() = main.close()

    private fun itemOf(rows: ResultSet) =
        Item(rows.getLong(1), rows.getString(2), rows.getString(3), rows.getString(4), rows.getDouble(5))
}
