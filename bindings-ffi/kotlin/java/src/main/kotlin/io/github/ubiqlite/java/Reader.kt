package io.github.ubiqlite.java

import java.util.concurrent.CompletableFuture
import io.github.ubiqlite.Reader as SuspendingReader

/**
 * Runs queries: a database, a session, a transaction, a savepoint or a snapshot.
 *
 * Parameters are values by position, or one of [Parameters]. A value is null, a number,
 * a [Boolean] (0 or 1), a [String], a `byte[]`, an enum by its name; `Instant`,
 * `OffsetDateTime` and `ZonedDateTime` as ISO 8601 text in UTC, `LocalDate`, `LocalTime`
 * and `LocalDateTime` as ISO 8601 text, `UUID` and `BigDecimal` as text; a `List` and a
 * `Map` as JSON text. Anything else is [io.github.ubiqlite.UbiqliteException.InvalidArgument].
 * A single parameter that is null is written `(Object) null`.
 *
 * Every future that fails does so with a [io.github.ubiqlite.UbiqliteException]. Cancelling
 * it stops the call in the engine; cancelling one derived from it by `thenApply` and the
 * like does not, as with every `CompletableFuture`.
 */
public sealed class Reader(private val reader: SuspendingReader, internal val caller: Caller) {
    /**
     * Runs a query and returns all its rows.
     *
     * ```java
     * List<Row> items = db.query("SELECT * FROM items WHERE status = ?", "new").get();
     * ```
     * @throws io.github.ubiqlite.UbiqliteException in the future: SQLite's errors by kind; `InvalidArgument` if the
     * parameters do not fit
     */
    public fun query(sql: String, vararg params: Any?): CompletableFuture<List<Row>> =
        caller.ask { rows(reader.query(sql, *params)) }

    /**
     * Runs a query and returns its first row.
     *
     * @throws io.github.ubiqlite.UbiqliteException.NotFound in the future, if there is no row
     */
    public fun queryOne(sql: String, vararg params: Any?): CompletableFuture<Row> =
        caller.ask { Row(reader.queryOne(sql, *params)) }

    /** Runs a query and returns its first row, or null if there is none. */
    public fun queryOptional(sql: String, vararg params: Any?): CompletableFuture<Row?> =
        caller.ask { reader.queryOptional(sql, *params)?.let(::Row) }

    /**
     * Runs a query and returns the first value of its first row; null for `NULL`.
     *
     * ```java
     * long count = db.queryValue(Long.class, "SELECT count(*) FROM items").get();
     * ```
     * @param type the type the value is read as: see [Row.get]
     * @throws io.github.ubiqlite.UbiqliteException.NotFound in the future, if there is no row
     * @throws io.github.ubiqlite.UbiqliteException.DatatypeMismatch in the future, if the value is of another type
     */
    public fun <T : Any> queryValue(type: Class<T>, sql: String, vararg params: Any?): CompletableFuture<T?> =
        caller.ask { Row(reader.valueRow(sql, params)).get(0, type) }

    /**
     * Streams the rows of a query one after another, keeping only a few pages in memory.
     *
     * ```java
     * db.stream("SELECT * FROM items WHERE id > ?", 10).forEach(row -> System.out.println(row.getString("name"))).get();
     * ```
     */
    public fun stream(sql: String, vararg params: Any?): RowStream = RowStream(reader.stream(sql, *params), caller)
}
