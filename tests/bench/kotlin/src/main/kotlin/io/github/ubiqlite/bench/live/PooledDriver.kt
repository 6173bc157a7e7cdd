package io.github.ubiqlite.bench.live

import app.cash.sqldelight.Query
import app.cash.sqldelight.driver.jdbc.JdbcDriver
import java.sql.Connection
import java.sql.DriverManager
import java.util.Properties
import java.util.concurrent.ConcurrentLinkedDeque

/**
 * SQLDelight's JDBC driver with connections that stay open. Its `JdbcSqliteDriver` opens one for
 * each statement and closes it after that, which on a file in WAL mode is also a checkpoint.
 * The listeners are kept as there.
 */
class PooledDriver(private val url: String, private val settings: Properties) : JdbcDriver() {
    // The connection that was used last is used next: its page cache is warm.
    private val free = ConcurrentLinkedDeque<Connection>()
    private val listeners = HashMap<String, LinkedHashSet<Query.Listener>>()

    override fun getConnection(): Connection = free.pollFirst() ?: DriverManager.getConnection(url, settings)

    override fun closeConnection(connection: Connection) = free.addFirst(connection)

    override fun close() = generateSequence(free::pollFirst).forEach(Connection::close)

    override fun addListener(vararg queryKeys: String, listener: Query.Listener) = synchronized(listeners) {
        for (key in queryKeys) listeners.getOrPut(key) { LinkedHashSet() }.add(listener)
    }

    override fun removeListener(vararg queryKeys: String, listener: Query.Listener) = synchronized(listeners) {
        for (key in queryKeys) listeners[key]?.remove(listener)
    }

    override fun notifyListeners(vararg queryKeys: String) {
        val told = synchronized(listeners) { queryKeys.flatMapTo(LinkedHashSet()) { listeners[it].orEmpty() } }
        told.forEach(Query.Listener::queryResultsChanged)
    }
}
