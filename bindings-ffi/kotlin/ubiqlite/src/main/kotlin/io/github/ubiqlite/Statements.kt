package io.github.ubiqlite

import io.github.ubiqlite.internal.Op
import io.github.ubiqlite.internal.CallTarget
import io.github.ubiqlite.internal.RowDecoder
import io.github.ubiqlite.internal.Writer
import io.github.ubiqlite.internal.indexed
import io.github.ubiqlite.internal.known
import io.github.ubiqlite.internal.params
import io.github.ubiqlite.internal.row
import io.github.ubiqlite.internal.rows
import io.github.ubiqlite.internal.sendMany
import kotlin.reflect.KClass
import kotlinx.coroutines.flow.Flow
import kotlinx.serialization.KSerializer
import kotlinx.serialization.serializer

/**
 * Runs queries: a database, a session, a transaction, a savepoint or a snapshot.
 *
 * Parameters are values by position, pairs by name (`"id" to 7`), or one [Params]. A
 * value is null, a [Boolean] (0 or 1), an integer of up to 64 bits, a [Double] or
 * [Float], a [String], a [ByteArray]; an enum by its name or `@SerialName`; `Instant`,
 * `OffsetDateTime` and `ZonedDateTime` as ISO 8601 text in UTC; `LocalDate`, `LocalTime`,
 * `LocalDateTime` and `Duration` as ISO 8601 text; `UUID`, `Uuid` and `BigDecimal` as text;
 * a [List], a [Map] and a `JsonElement` as JSON text; a value class as its content; an
 * object of a `@Serializable` class as its serializer writes it, and as JSON text if it
 * has several properties. The same goes for classes that [DatabaseOptions.json] knows.
 * Anything else, and text with half a surrogate pair, is [UbiqliteException.InvalidArgument].
 *
 * A short read runs on the calling thread, within a small budget, and returns without
 * suspending. If the coroutine is cancelled, every call throws its cancellation exception.
 */
public sealed class Reader(internal val target: CallTarget) {
    /**
     * Runs a query and returns all its rows.
     *
     * ```kotlin
     * val items = db.query("SELECT * FROM items WHERE status = ?", "new").map { it.into<Item>() }
     * ```
     * @throws UbiqliteException SQLite's errors by kind; `InvalidArgument` if the parameters do not fit
     */
    public suspend fun query(sql: String, vararg params: Any?): List<Row> =
        target.ask(Op.QUERY) { it.statement(sql, params) }.rows()

    /**
     * Runs a query and returns its first row.
     *
     * @throws UbiqliteException.NotFound if there is no row
     */
    public suspend fun queryOne(sql: String, vararg params: Any?): Row = first(Op.QUERY_ONE, sql, params)

    /** Runs a query and returns its first row, or null if there is none. */
    public suspend fun queryOptional(sql: String, vararg params: Any?): Row? =
        target.ask(Op.QUERY_OPTIONAL) { it.statement(sql, params) }.rows().firstRow()

    /**
     * Runs a query and returns the first value of its first row.
     *
     * ```kotlin
     * val count = db.queryValue<Long>("SELECT count(*) FROM items")
     * ```
     * @param T the type the value is read as: `Any?` for SQLite's own, or one that [Row.into] reads
     * @throws UbiqliteException.NotFound if there is no row
     * @throws UbiqliteException.DatatypeMismatch if the value is of another type
     * @throws UbiqliteException.InvalidArgument if the type has no serializer
     */
    public suspend inline fun <reified T> queryValue(sql: String, vararg params: Any?): T {
        val row = valueRow(sql, params)
        @Suppress("UNCHECKED_CAST")
        return when (T::class) {
            Any::class -> row[0] as T
            Long::class -> (if (null is T) row.longOrNull(0) else row.long(0)) as T
            String::class -> (if (null is T) row.stringOrNull(0) else row.string(0)) as T
            else -> cellOf(row, known(T::class) { row.serializers.serializer<T>() }, T::class)
        }
    }

    @PublishedApi
    internal suspend fun valueRow(sql: String, params: Array<out Any?>): Row = first(Op.QUERY_VALUE, sql, params)

    @PublishedApi
    internal fun <T> cellOf(row: Row, serializer: KSerializer<T>, type: KClass<*>): T =
        RowDecoder.value(row, 0, serializer, type)

    private suspend fun first(op: Int, sql: String, params: Array<out Any?>): Row =
        target.ask(op) { it.statement(sql, params) }.rows().firstRow()
            ?: throw UbiqliteException.NotFound(io.github.ubiqlite.internal.Fields("the query returned no row"))

    /**
     * Streams the rows of a query, keeping only a few pages in memory. The next pages are
     * read while the collector works. Each collection runs the query again; it ends with
     * the last row, or when the collector ends.
     *
     * ```kotlin
     * db.stream("SELECT * FROM items WHERE id > ?", 10).collect { row -> println(row.string("name")) }
     * ```
     */
    public fun stream(sql: String, vararg params: Any?): Flow<Row> =
        rows(target, Op.STREAM) { it.statement(sql, params) }
}

/** Runs queries, and statements that write. */
public sealed class Statements(target: CallTarget) : Reader(target) {
    /**
     * Runs one statement and returns the rows changed and the last rowid.
     *
     * ```kotlin
     * db.execute("UPDATE items SET status = :status WHERE id = :id", "status" to "done", "id" to 7)
     * ```
     * @throws UbiqliteException SQLite's errors by kind; `InvalidArgument` if the parameters do not fit, if the text has
     * several statements, and for statements that would change the connection for other callers (`BEGIN`, `ATTACH`, …)
     */
    public suspend fun execute(sql: String, vararg params: Any?): Executed =
        target.ask(Op.EXECUTE) { it.statement(sql, params) }.executed()

    /**
     * Runs one statement for each item, all or none, and returns the rows changed. The
     * number of items does not affect memory use.
     *
     * ```kotlin
     * db.executeMany("INSERT INTO items (id, name) VALUES (?, ?)", listOf(listOf(1, "lamp"), listOf(2, "chair")))
     * ```
     * @param rows the parameters of each: a list by position, a map by name, or [Params]
     * @throws UbiqliteException whose `index` identifies the item
     */
    public suspend fun executeMany(sql: String, rows: Iterable<Any?>): Long =
        sendMany(target, Op.EXECUTE_MANY, { it.text(sql) }, Writer::row, rows.iterator())

    /** Like the other [executeMany], from a flow, which is collected as fast as the engine takes it. */
    public suspend fun executeMany(sql: String, rows: Flow<Any?>): Long =
        sendMany(target, Op.EXECUTE_MANY, { it.text(sql) }, Writer::row, rows)

    /**
     * Runs a script, all or none.
     *
     * ```kotlin
     * db.batch("CREATE TABLE a (x); CREATE TABLE b (y);")
     * ```
     * @return its total effect: a list of one
     */
    public suspend fun batch(script: String): List<Executed> = target.ask(Op.BATCH) {
        it.u8(0)
        it.text(script)
    }.executedList()

    /**
     * Runs statements with their parameters, all or none, and returns what each one did.
     *
     * ```kotlin
     * db.batch(listOf(Statement("INSERT INTO a VALUES (?)", 1), Statement("DELETE FROM b")))
     * ```
     * @throws UbiqliteException whose `index` identifies the statement
     */
    public suspend fun batch(statements: List<Statement>): List<Executed> = target.ask(Op.BATCH) { out ->
        out.u8(1)
        out.u32(statements.size)
        statements.forEachIndexed { index, statement ->
            indexed(index) { out.statement(statement.sql, statement.params) }
        }
    }.executedList()

    /** Returns a table, for operations on its rows without SQL. */
    public fun table(name: String): Table = Table(target, name)
}

internal fun Writer.statement(sql: String, params: Array<out Any?>) {
    text(sql)
    params(params)
}
