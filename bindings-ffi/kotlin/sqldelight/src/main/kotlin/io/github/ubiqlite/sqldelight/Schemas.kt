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
import io.github.ubiqlite.Reader
import io.github.ubiqlite.Transaction

/** Gives a database this schema. Its version is where SQLDelight's other drivers have it. */
internal suspend fun migrated(
    database: Database,
    schema: SqlSchema<QueryResult.AsyncValue<Unit>>,
    callbacks: Array<out AfterVersion>,
) {
    if (version(database) == schema.version) return
    database.transaction { transaction ->
        val found = version(transaction)
        check(found <= schema.version) {
            "the database has version $found of its schema, and this program knows none after ${schema.version}"
        }
        if (found < schema.version) {
            val driver = SchemaDriver(transaction)
            if (found == 0L) {
                schema.create(driver).await()
            } else {
                schema.migrate(driver, found, schema.version, *callbacks).await()
            }
            transaction.execute("PRAGMA user_version = ${schema.version}")
        }
    }
}

private suspend fun version(reader: Reader): Long = reader.queryValue("PRAGMA user_version")

/**
 * Runs everything in one transaction, whichever coroutine it comes from: a callback between two migrations
 * does not suspend, and so runs its statements by `runBlocking`.
 */
private class SchemaDriver(private val transaction: Transaction) : SqlDriver {
    private var current = Part(null)

    override fun <R> executeQuery(
        identifier: Int?,
        sql: String,
        mapper: (SqlCursor) -> QueryResult<R>,
        parameters: Int,
        binders: (SqlPreparedStatement.() -> Unit)?,
    ): QueryResult<R> {
        val values = bound(parameters, binders)
        return QueryResult.AsyncValue { mapper(RowsCursor(transaction.query(sql, *values))).await() }
    }

    override fun execute(
        identifier: Int?,
        sql: String,
        parameters: Int,
        binders: (SqlPreparedStatement.() -> Unit)?,
    ): QueryResult<Long> {
        val values = bound(parameters, binders)
        return QueryResult.AsyncValue { transaction.execute(sql, *values).rowsChanged }
    }

    override fun newTransaction(): QueryResult<Transacter.Transaction> = QueryResult.AsyncValue {
        Part(current).also { current = it }
    }

    override fun currentTransaction(): Transacter.Transaction = current

    override fun addListener(vararg queryKeys: String, listener: Query.Listener) {
        // Nobody listens to it: the commit is told by the database.
    }

    override fun removeListener(vararg queryKeys: String, listener: Query.Listener) {
        // As above.
    }

    override fun notifyListeners(vararg queryKeys: String) {
        // As above.
    }

    override fun close() {
        // The transaction ends with the migration.
    }

    /** A part of the transaction. If it fails, its exception ends the migration. */
    private inner class Part(private val enclosing: Part?) : Transacter.Transaction() {
        override val enclosingTransaction: Transacter.Transaction? get() = enclosing

        override fun endTransaction(successful: Boolean): QueryResult<Unit> = QueryResult.AsyncValue {
            if (enclosing != null) current = enclosing
        }
    }
}
