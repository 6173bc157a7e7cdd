package io.github.ubiqlite.java

import io.github.ubiqlite.Transfer
import java.util.concurrent.CompletableFuture
import io.github.ubiqlite.Table as SuspendingTable

/**
 * A table, or a view to read from. Its name and column names are checked against the
 * schema and quoted, so that no name can become SQL. An unknown name fails with `NoSuchTable`
 * or `NoSuchColumn` before anything runs. Rows are identified by their primary key, whatever
 * it is called; by the rowid in a table without one. A key of several columns is a
 * [io.github.ubiqlite.Key].
 *
 * ```java
 * Table items = db.table("items");
 * items.insert(Map.of("name", "lamp", "data", Map.of("watt", 40)))
 *     .thenCompose(id -> items.update(id, Map.of("status", "done")));
 * ```
 */
public class Table internal constructor(private val table: SuspendingTable, private val caller: Caller) {
    /** The table's name. */
    public val name: String get() = table.name

    /**
     * Inserts a row and returns its key: a [Long], whatever value the primary key has, or a
     * [io.github.ubiqlite.Key]. Columns that are not named get their defaults.
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future: `NoSuchTable`, `NoSuchColumn`, and the errors of
     * violated constraints
     */
    public fun insert(fields: Map<String, *>): CompletableFuture<Any?> = caller.ask { table.insert(fields) }

    /**
     * Inserts a row or, if one with its primary key exists, sets the named columns of that
     * row; returns the key.
     */
    public fun upsert(fields: Map<String, *>): CompletableFuture<Any?> = caller.ask { table.upsert(fields) }

    /**
     * Inserts rows, all or none, and returns how many. They may name different columns, and
     * come from an endless source (`stream::iterator`).
     *
     * @throws io.github.ubiqlite.UbiqliteException in the future, whose `index` identifies the row
     */
    public fun <R : Map<String, *>> insertMany(rows: Iterable<@JvmSuppressWildcards R>): CompletableFuture<Long> =
        caller.ask { table.insertMany(rows) }

    /** Returns the row with this key, or null. */
    public fun get(key: Any?): CompletableFuture<Row?> = caller.ask { table.get(key)?.let(::Row) }

    /**
     * Sets the named columns of a row and returns whether there is such a row. Without
     * columns it returns false and changes nothing.
     */
    public fun update(key: Any?, fields: Map<String, *>): CompletableFuture<Boolean> =
        caller.ask { table.update(key, fields) }

    /**
     * Sets the named columns of many rows, all or none, and returns how many rows there
     * were: unknown keys are ignored, and a key given twice counts once.
     */
    public fun updateMany(keys: Iterable<*>, fields: Map<String, *>): CompletableFuture<Long> =
        caller.ask { table.updateMany(keys, fields) }

    /** Deletes a row and returns whether there was one. */
    public fun delete(key: Any?): CompletableFuture<Boolean> = caller.ask { table.delete(key) }

    /** Starts a selection of rows, with filters, an order, a limit and an offset. */
    public fun select(): Select = Select(table.select(), caller)

    /** Returns the number of rows. */
    public fun count(): CompletableFuture<Long> = caller.ask { table.count() }

    /** Streams all rows, one after another, in the order of their keys. */
    public fun stream(): RowStream = RowStream(table.stream(), caller)

    /**
     * Moves amounts from one row's column to another's, all or none. Both rows must
     * exist, and a transfer that a constraint refuses is not made.
     *
     * ```java
     * db.table("accounts").transfer("balance", List.of(new Transfer(1, 2, 30)));
     * ```
     * @throws io.github.ubiqlite.UbiqliteException in the future, whose `index` identifies the transfer: `NotFound`
     * for a row that does not exist
     */
    public fun transfer(column: String, transfers: List<Transfer>): CompletableFuture<Void?> =
        caller.tell { table.transfer(column, transfers) }
}
