package io.github.ubiqlite.sqldelight

import app.cash.sqldelight.Query
import app.cash.sqldelight.Transacter
import app.cash.sqldelight.db.AfterVersion
import app.cash.sqldelight.db.QueryResult
import app.cash.sqldelight.db.SqlCursor
import app.cash.sqldelight.db.SqlDriver
import app.cash.sqldelight.db.SqlPreparedStatement
import app.cash.sqldelight.db.SqlSchema
import io.github.ubiqlite.Database
import io.github.ubiqlite.DatabaseOptions
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext

/**
 * SQLDelight's driver over a database of this library, for code that was generated with
 * `generateAsync = true`.
 *
 * ```kotlin
 * val driver = UbiqliteSqlDriver.open("app.db", Shop.Schema)
 * val shop = Shop(driver)
 * val items = shop.itemQueries.all().awaitAsList()
 * ```
 * A transaction belongs to the coroutine that has begun it, and to those that are started in it: to all that is
 * launched in that coroutine's job while it is open. If others launch there too, run the transaction in a job of its
 * own: `coroutineScope { shop.transaction { … } }`. What
 * other coroutines do meanwhile is not part of it, also on the same thread. A nested transaction is part of
 * the outermost one: if it is rolled back, all of it is. SQLDelight demands that a transaction ends on
 * the thread on which it began, and throws `IllegalStateException`, as a statement of its coroutine on another thread
 * does. Then it is rolled back, when its coroutine makes its next call or ends.
 *
 * Listeners are told of all commits, whoever makes them, as [Database.commits] is, and on a thread of
 * `Dispatchers.Default`.
 *
 * The identifiers of statements are not needed: the engine keeps compiled statements by their text.
 * A result is read as a whole before its first row is passed on.
 *
 * @constructor Makes a driver for an open database, whose schema is as it is. [close] leaves it open.
 */
public class UbiqliteSqlDriver private constructor(
    /** The database, to be used beside SQLDelight. */
    public val database: Database,
    private val owned: Boolean,
) : SqlDriver {
    public constructor(database: Database) : this(database, false)

    private val transactions = OpenTransactions()
    private val listeners = Listeners(database)

    /** Runs a query, and passes its rows to [mapper] when the result is awaited. */
    override fun <R> executeQuery(
        identifier: Int?,
        sql: String,
        mapper: (SqlCursor) -> QueryResult<R>,
        parameters: Int,
        binders: (SqlPreparedStatement.() -> Unit)?,
    ): QueryResult<R> {
        val values = bound(parameters, binders)
        return QueryResult.AsyncValue {
            val transaction = transactions.current()
            val rows = (transaction?.statements ?: database).query(sql, *values)
            transactions.returned(transaction)
            mapper(RowsCursor(rows)).await()
        }
    }

    /** Runs a statement when the result is awaited, and returns the number of rows changed. */
    override fun execute(
        identifier: Int?,
        sql: String,
        parameters: Int,
        binders: (SqlPreparedStatement.() -> Unit)?,
    ): QueryResult<Long> {
        val values = bound(parameters, binders)
        return QueryResult.AsyncValue {
            val transaction = transactions.current()
            val done = (transaction?.statements ?: database).execute(sql, *values)
            transactions.returned(transaction)
            done.rowsChanged
        }
    }

    /** Begins a transaction, with the write lock, or a nested one in that of this coroutine. */
    override fun newTransaction(): QueryResult<Transacter.Transaction> =
        QueryResult.AsyncValue { transactions.begin { database.begin() } }

    /** Returns the outermost transaction in which the last call on this thread has run, if it is still open. */
    override fun currentTransaction(): Transacter.Transaction? = transactions.here()

    /** Tells [listener] of changes of these tables, until it is removed. */
    override fun addListener(vararg queryKeys: String, listener: Query.Listener) {
        listeners.add(queryKeys, listener)
    }

    /** Tells [listener] no longer of changes of these tables. */
    override fun removeListener(vararg queryKeys: String, listener: Query.Listener) {
        listeners.remove(queryKeys, listener)
    }

    /**
     * Tells listeners of keys of one's own at once. Those of tables are not told here, but by the commit:
     * generated code calls this for each change, of which they then hear once.
     */
    override fun notifyListeners(vararg queryKeys: String) {
        listeners.changed(queryKeys)
    }

    /**
     * Creates the schema in a database that has none (whose `user_version` is 0), or migrates it, in one
     * transaction. If several do so at the same time, one does it and the others find it done.
     *
     * Foreign keys are enforced meanwhile, and SQLite can't change that in a transaction. For a table
     * that must be rebuilt, use the library's own migrations.
     *
     * @param callbacks run in the same transaction, each after its version, with a driver that must not be used later
     * @throws IllegalStateException if the database has a newer schema than [schema]
     */
    public suspend fun migrate(schema: SqlSchema<QueryResult.AsyncValue<Unit>>, vararg callbacks: AfterVersion) {
        migrated(database, schema, callbacks)
    }

    /**
     * Ends the listening. If the driver has [opened][open] the database, this closes it as
     * [Database.close] does, and blocks until that has finished.
     */
    override fun close() {
        listeners.close()
        if (owned) runBlocking { database.close() }
    }

    public companion object {
        /**
         * Opens a database, [migrates][UbiqliteSqlDriver.migrate] it, and makes its driver.
         *
         * @param path of the file, which is created if it is missing; `":memory:"` for none
         * @param schema the generated `Schema` of the database
         * @param callbacks as of [UbiqliteSqlDriver.migrate]
         * @param options as of [Database.open]
         * @throws io.github.ubiqlite.UbiqliteException as of [Database.open], and what the schema's statements throw
         * @throws IllegalStateException if the database has a newer schema than [schema]
         */
        public suspend fun open(
            path: String,
            schema: SqlSchema<QueryResult.AsyncValue<Unit>>,
            vararg callbacks: AfterVersion,
            options: DatabaseOptions.() -> Unit = {},
        ): UbiqliteSqlDriver {
            val driver = UbiqliteSqlDriver(Database.open(path, options), true)
            try {
                driver.migrate(schema, *callbacks)
            } catch (error: Throwable) {
                withContext(NonCancellable) { driver.database.close() }
                throw error
            }
            return driver
        }
    }
}
